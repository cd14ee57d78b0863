"""A trained network for other classes: a new output layer, and which of the old ones still learn (Yosinski et al., 2014)."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..errors import NetworkError, UsageError
from ..graph import Graph, LayerLine, Node
from ..layers import BatchNorm, Convolution, Dense, Dropout, Layer
from ..layers.initialization import first_values
from ..network import Network

DEVIATION = 0.01
"""Of the new layer's first weights: the network is sure of nothing at first."""


def output_layer(graph: Graph) -> Node:
    """The last layer with weights, whose outputs are the classes. Raises NetworkError if it is no dense layer or convolution."""
    node = graph[graph.scores]
    while not graph.parameters_of(node):
        if len(node.inputs) != 1:
            raise NetworkError(
                f"no single layer makes the scores: '{node.name}' reads {len(node.inputs)} layers"
            )
        node = graph[node.inputs[0]]
    if not isinstance(node.layer, (Dense, Convolution)):
        raise NetworkError(
            f"the last layer with weights, '{node.name}', is {node.layer.kind}: dense or a convolution is expected"
        )
    return node


def for_classes(network: Network, class_names: Sequence[str], seed: int = 0) -> Network:
    """The network with a new output layer for other classes, and copies of all its other parameters and buffers.

    Every layer learns at the whole rate. Auxiliary heads are left out, and so is a rectifier behind the output layer (as
    SqueezeNet has one): where a new class's scores are below 0 it would pass no gradient on. Raises NetworkError where there is no
    output layer that could be replaced.
    """
    old = network.graph
    last, used = output_layer(old), old.ancestors(old.output.name)
    lines: list[LayerLine] = []
    instead: dict[str, str] = {}
    behind = False
    for node in old.nodes:
        if node.name not in used:
            continue
        sources = tuple(instead.get(name, name) for name in node.inputs)
        if behind and node.layer.rectifies is not None:
            instead[node.name] = sources[0]
            continue
        behind = behind or node is last
        layer = _wide(node.layer, len(class_names)) if node is last else copy.copy(node.layer)
        lines.append((node.name, layer, sources) if sources else (node.name, layer))
    graph = Graph(lines, old.input_shape, dtype=old.dtype)
    made = Network(graph, class_names)
    graph.initialise("zero")
    for name in (*graph.parameters, *graph.buffers):
        if name not in {each.name for each in graph.parameters_of(graph[last.name]).values()}:
            graph.write(name, old.read(name))
    place = list(graph.shapes).index(last.name)
    for key, parameter in enumerate(graph.parameters_of(graph[last.name]).values()):
        values = first_values("normal", parameter.spec, seed, (place, key), deviation=DEVIATION)
        graph.write(parameter.name, values)
    return made


def _wide(layer: Layer, classes: int) -> Layer:
    changed: Any = {"outputs": classes} if isinstance(layer, Dense) else {"filters": classes}
    made = replace(layer, **changed)
    made.constants.update(layer.constants)
    return made


def freeze_until(network: Network, name: str) -> None:
    """Layers up to this one stay as they are: what it is computed from, and it. Their batch normalisations use the running
    statistics. Raises UsageError for an unknown layer, or where nothing would be left to learn.
    """
    graph = network.graph
    frozen = graph.ancestors(graph[name].name)
    if output_layer(graph).name in frozen:
        raise UsageError(f"'{name}' comes after the output layer, or is it: nothing would be left to learn")
    for node in graph.nodes:
        if node.name in frozen and isinstance(node.layer, BatchNorm):
            node.layer.fixed = True
    graph.set_trainable(False, nodes=frozen)


def last_fixed(network: Network) -> str:
    """The layer before the output layer, and before the dropout in front of that: what it puts out is always the same for a
    picture, if nothing but the output layer learns.
    """
    graph = network.graph
    node = graph[output_layer(graph).inputs[0]]
    while isinstance(node.layer, Dropout):
        node = graph[node.inputs[0]]
    return node.name


def slow_below(network: Network, share: float) -> None:
    """All layers but the output layer learn at a share of the rate. Raises NetworkError for one that is no number of at
    least 0.
    """
    last = output_layer(network.graph).name
    network.graph.set_rate(share, nodes=[node.name for node in network.graph.nodes if node.name != last])


def learning(network: Network) -> list[str]:
    """The layers that learn, in the network's order."""
    graph = network.graph
    return [
        node.name
        for node in graph.nodes
        if any(each.trainable and each.rate > 0 for each in graph.parameters_of(node).values())
    ]
