"""A network on pictures of another size than it was made for, with the same parameters."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

from .errors import NetworkError
from .graph import Graph, LayerLine, Node
from .layers import Convolution, Dense, Flatten, Layer, Pixels, Shape

_Window = tuple[int, int]


def at(graph: Graph, height: int, width: int) -> Graph:
    """The graph for pictures of `height` times `width` pixels: a classifier that slides over a larger picture.

    It looks at the arrays of `graph`: who trains one trains both. Where the graph becomes flat it keeps its volume, and a
    dense layer is the convolution that it is: of (H,W,C) numbers with H x W filters, after that with 1x1. So the output is
    (P,Q,classes), a row of probabilities for each place at which the graph's own input fits in (Long et al., 2015). With
    padding, numbers near an edge of the smaller picture were computed from zeros, and here from the picture.

    Freezing, moving or converting `graph` gives it other arrays; what was made of it before keeps the old ones.
    Raises ShapeError where a layer does not fit the size, NetworkError where a layer between the volume and a dense layer
    works on all numbers at a time, or without weights.
    """
    if not graph.has_values:
        raise NetworkError(
            "the network has no weights yet: Graph.initialise gives every parameter its first values"
        )
    if graph.other_inputs:
        raise NetworkError(
            f"only pictures have another size: this graph has the input {graph.other_inputs[0].name} too"
        )
    convert = _Conversion(graph)
    lines = [convert.line(node) for node in graph.nodes]
    other = Graph(lines, (height, width, graph.input_shape[2]), heads=graph.heads, dtype=graph.dtype)
    other.look_at(graph)
    return other


@dataclass
class _Volume(Flatten):
    """A flatten layer that does not flatten."""

    def output_shape(self, *inputs: Shape) -> Shape:
        return inputs[0]


_MIXING = ("softmax", "concatenate", "local-response-norm")
"""Layers without parameters that make a number of others than its own."""


class _Conversion:
    """Layer after layer; `_windows` says of flat outputs the height and width of the volume that they were."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._windows: dict[str, _Window] = {}
        self._made: dict[tuple[int, _Window], Layer] = {}
        """A layer on several nodes stays one."""

    def line(self, node: Node) -> LayerLine:
        if isinstance(node.layer, Pixels):
            pixels = replace(node.layer, shorter_side=0)
            pixels.constants.update(node.layer.constants)
            return node.name, pixels
        window = self._window(node)
        place = id(node.layer), window
        if place not in self._made:
            self._made[place] = self._layer(node.layer, window)
        return node.name, self._made[place], node.inputs

    def _window(self, node: Node) -> _Window:
        """Of what a node reads. Notes that of its own output."""
        shape = self._graph.input_shapes(node)[0]
        found = {self._windows.get(source, (1, 1)) for source in node.inputs}
        if isinstance(node.layer, Flatten) and len(shape) == 3:
            found = {(shape[0], shape[1])}
        window = max(found)
        is_flat = len(self._graph.shapes[node.name]) == 1
        if is_flat:
            self._windows[node.name] = (1, 1) if isinstance(node.layer, Dense) else window
        mixes = node.layer.kind in _MIXING or bool(self._graph.parameters_of(node))
        if is_flat and window != (1, 1) and not isinstance(node.layer, (Flatten, Dense)) and mixes:
            raise NetworkError(
                f"layer '{node.name}' ({node.layer.kind}) works on the flat numbers of a volume {window[0]}x{window[1]}, and "
                "on pictures of another size that is no single row: only layers that change each number by itself may "
                "stand between the flatten and the first dense layer"
            )
        return window

    def _layer(self, layer: Layer, window: _Window) -> Layer:
        if isinstance(layer, Flatten):
            return _Volume()
        if isinstance(layer, Dense):
            return Convolution(layer.outputs, window, bias=layer.bias)
        return copy.copy(layer)
