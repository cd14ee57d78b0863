"""A network as plain data, from which PyTorch can build it without numbacnn."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numbacnn.errors import NetworkError
from numbacnn.graph import Graph, Node
from numbacnn.layers import Shape

Parameters = list[tuple[NDArray[Any], NDArray[Any] | None]]
"""Weights and bias of each layer that has them (scale and shift of a normalisation), in PyTorch's order of dimensions."""

_VIEWS = ("pixels", "softmax")
"""What PyTorch's side leaves out: its pictures are scaled already, and its loss does the softmax's work."""


class Module(NamedTuple):
    """A class of torch.nn or of theirs.py, what it is called with (lists and numbers only), and the places in the list of the
    modules whose outputs it reads, -1 for the pictures.
    """

    name: str
    arguments: list[Any]
    options: dict[str, Any]
    inputs: list[int]


def modules(graph: Graph) -> list[Module]:
    """The layers as PyTorch's modules. Raises NetworkError for a layer that is not one of PyTorch's."""
    places: dict[str, int] = {}
    found: list[Module] = []
    for node in graph.nodes:
        if node.layer.kind in _VIEWS:
            places[node.name] = places[node.inputs[0]] if node.inputs else -1
            continue
        places[node.name] = len(found)
        found.append(_module(graph, node, [places[source] for source in node.inputs]))
    return found


def _module(graph: Graph, node: Node, inputs: list[int]) -> Module:
    layer: Any = node.layer
    shape = graph.input_shapes(node)[0]
    if layer.kind in ("convolution", "max-pool", "average-pool"):
        place = _place(graph, node)
        ceil = {"ceil_mode": layer.window(shape).rounding == "ceil"}
    match layer.kind:
        case "convolution":
            rest = [list(layer.window(shape).dilation), layer.groups]
            options = {} if layer.bias else {"bias": False}
            return Module("Conv2d", [shape[2], layer.filters, *place, *rest], options, inputs)
        case "max-pool":
            return Module("MaxPool2d", place, ceil, inputs)
        case "average-pool":
            return Module("AvgPool2d", place, {**ceil, "count_include_pad": layer.count_padding}, inputs)
        case "global-average-pool":
            return Module("AdaptiveAvgPool2d", [1], {}, inputs)
        case "batch-norm":
            name = "BatchNorm2d" if layer.learn_scale else "BatchNormOfOne"
            return Module(name, [shape[2]], {"eps": layer.eps, "momentum": layer.momentum}, inputs)
        case "dense":
            return Module("Linear", [*shape, layer.outputs], {} if layer.bias else {"bias": False}, inputs)
        case "gelu":
            return Module("GELU", ["tanh" if layer.approximate else "none"], {}, inputs)
        case "factor":
            return Module("Factor", [layer.factor], {}, inputs)
        case "relu":
            return Module("ReLU", [], {"inplace": True}, inputs)
        case "flatten":
            return Module("Flatten", [], {}, inputs)
        case "dropout":
            return Module("Dropout", [layer.probability], {}, inputs)
        case "add":
            return Module("Add", [], {}, inputs)
        case "concatenate":
            return Module("Concatenate", [], {}, inputs)
        case "subsample":
            return Module("Subsample", [shape[2], layer.channels, layer.stride], {}, inputs)
    raise NetworkError(f"layer '{node.name}': no module of PyTorch is known for {layer.kind}")


def _place(graph: Graph, node: Node) -> list[list[int]]:
    """Kernel, stride and padding. A padding that no window reaches is left out here, and harmless there."""
    shape = graph.input_shapes(node)[0]
    window: Any = node.layer.window(shape)
    top, bottom, left, right = window.padding
    if (top, left) != (bottom, right):
        alike = window.rounding == "floor" and all(
            (size + 2 * before - extent) // step + 1 == outputs
            for size, before, extent, step, outputs in zip(
                shape[:2], (top, left), window.extent, window.stride, graph.shapes[node.name][:2], strict=True
            )
        )
        if not alike:
            raise NetworkError(
                f"layer '{node.name}': PyTorch pads both sides alike, {window.padding} is given"
            )
    return [list(window.kernel), list(window.stride), [top, left]]


def parameters(graph: Graph) -> Parameters:
    """The network's own, as `modules` takes them."""
    found: Parameters = []
    for node in graph.nodes:
        known = {key: graph.read(each.name) for key, each in graph.parameters_of(node).items()}
        bias = known.get("bias")
        if node.layer.kind == "convolution":
            found.append((np.ascontiguousarray(known["weights"].transpose(3, 2, 0, 1)), bias))
        elif node.layer.kind == "dense":
            volume = _flattened(graph, node)
            weights = known["weights"].reshape(*volume, -1)
            if len(volume) == 3:  # PyTorch flattens channels first
                weights = weights.transpose(2, 0, 1, 3)
            matrix = weights.reshape(known["weights"].shape).T
            found.append((np.ascontiguousarray(matrix), bias))
        elif node.layer.kind == "batch-norm":
            found.append((known.get("scale", np.ones_like(known["shift"])), known["shift"]))
    return found


def _flattened(graph: Graph, node: Node) -> Shape:
    """The shape of a dense layer's input before it was flattened."""
    source = graph[node.inputs[0]]
    return graph.shapes[source.inputs[0] if source.layer.is_view else source.name]
