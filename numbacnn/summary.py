"""Sizes and costs of a network, a layer at a time, as the lecture counts them for AlexNet."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .graph import Graph, Node
from .layers import Shape
from .network import Network


@dataclass(frozen=True)
class LayerSummary:
    """One layer of one picture.

    `neurons` are the outputs of a layer with weights, `dense_weights` the weights it would have if each of them were
    connected to the whole input, (H W C) x (P Q K); `activation_bytes` is what the output takes, 0 where it lies in
    another layer's memory.
    """

    name: str
    kind: str
    output: Shape
    formula: str
    neurons: int
    weights: int
    biases: int
    dense_weights: int
    multiply_adds: int
    activation_bytes: int

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return self.weights + self.biases


@dataclass(frozen=True)
class Summary:
    """Every layer, and the totals."""

    layers: list[LayerSummary]
    weights: int
    parameters: int
    buffers: int
    """Numbers that belong to the network and are not learned: running statistics."""
    neurons: int
    multiply_adds: int
    activation_bytes: int


def summarise(network: Network | Graph) -> Summary:
    """Sizes and costs of one picture's way through a network, known without computing anything."""
    graph = network.graph if isinstance(network, Network) else network
    layers = [_layer(graph, node) for node in graph.nodes]
    return Summary(
        layers=layers,
        weights=sum(layer.weights for layer in layers),
        parameters=sum(layer.parameters for layer in layers),
        buffers=sum(math.prod(each.spec.shape) for each in graph.buffers.values()),
        neurons=sum(layer.neurons for layer in layers),
        multiply_adds=sum(layer.multiply_adds for layer in layers),
        activation_bytes=sum(layer.activation_bytes for layer in layers),
    )


def _layer(graph: Graph, node: Node) -> LayerSummary:
    layer, inputs, output = node.layer, graph.input_shapes(node), graph.shapes[node.name]
    window = layer.window(*inputs)
    sizes = {name: math.prod(wanted.shape) for name, wanted in graph.parameters_of(node).items()}
    biases = sizes.get("bias", 0)
    weights = sum(sizes.values()) - biases
    numbers = math.prod(output)
    neurons = numbers if layer.is_neuronal else 0
    return LayerSummary(
        name=node.name,
        kind=layer.kind,
        output=output,
        formula="" if window is None else window.formula(*inputs[0][:2]),
        neurons=neurons,
        weights=weights,
        biases=biases,
        dense_weights=math.prod(inputs[0]) * neurons,
        multiply_adds=layer.multiply_adds(output, *inputs),
        activation_bytes=0 if layer.is_view else numbers * graph.dtype.itemsize,
    )
