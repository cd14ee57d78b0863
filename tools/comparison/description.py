"""A network as plain data, from which PyTorch can build it without numbacnn."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numbacnn.errors import NetworkError
from numbacnn.graph import Graph, Node
from numbacnn.layers import Shape

Parameters = list[tuple[NDArray[Any], NDArray[Any]]]
"""Weights and bias of each layer that has them, in PyTorch's order of dimensions."""


class Module(NamedTuple):
    """A class of torch.nn, and what it is called with; lists and numbers only."""

    name: str
    arguments: list[Any]
    options: dict[str, Any]


def modules(graph: Graph) -> list[Module]:
    """A chain of layers as PyTorch's modules; the softmax is left to the loss.

    Raises NetworkError for a layer that is not one of PyTorch's.
    """
    return [_module(graph, node) for node in graph.nodes if node.layer.kind not in ("pixels", "softmax")]


def _module(graph: Graph, node: Node) -> Module:
    layer: Any = node.layer
    (shape,) = graph.input_shapes(node)
    if layer.kind in ("convolution", "max-pool", "average-pool"):
        window = layer.window(shape)
        top, bottom, left, right = window.padding
        if (top, left) != (bottom, right):
            raise NetworkError(
                f"layer '{node.name}': PyTorch pads both sides alike, {window.padding} is given"
            )
        place = [list(window.kernel), list(window.stride), [top, left]]
        ceil = {"ceil_mode": window.rounding == "ceil"}
    match layer.kind:
        case "convolution":
            rest = [list(window.dilation), layer.groups]
            return Module("Conv2d", [shape[2], layer.filters, *place, *rest], {})
        case "max-pool":
            return Module("MaxPool2d", place, ceil)
        case "average-pool":
            return Module("AvgPool2d", place, {**ceil, "count_include_pad": layer.count_padding})
        case "dense":
            return Module("Linear", [*shape, layer.outputs], {})
        case "relu":
            return Module("ReLU", [], {"inplace": True})
        case "flatten":
            return Module("Flatten", [], {})
        case "dropout":
            return Module("Dropout", [layer.probability], {})
    raise NetworkError(f"layer '{node.name}': no module of PyTorch is known for {layer.kind}")


def parameters(graph: Graph) -> Parameters:
    """The network's own, as `modules` takes them."""
    found = []
    for node in graph.nodes:
        known = {key: graph.read(each.name) for key, each in graph.parameters_of(node).items()}
        if node.layer.kind == "convolution":
            found.append((known["weights"].transpose(3, 2, 0, 1), known["bias"]))
        elif node.layer.kind == "dense":
            volume = _flattened(graph, node)
            weights = known["weights"].reshape(*volume, -1)
            if len(volume) == 3:  # PyTorch flattens channels first
                weights = weights.transpose(2, 0, 1, 3)
            found.append((weights.reshape(known["weights"].shape).T, known["bias"]))
    return [(np.ascontiguousarray(weights), bias) for weights, bias in found]


def _flattened(graph: Graph, node: Node) -> Shape:
    """The shape of a dense layer's input before it was flattened."""
    source = graph[node.inputs[0]]
    return graph.shapes[source.inputs[0] if source.layer.is_view else source.name]
