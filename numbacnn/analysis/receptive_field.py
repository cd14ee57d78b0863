"""Which pixels a unit can see."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import UsageError
from ..graph import Node
from ..network import Network


class Box(NamedTuple):
    """Rows top to bottom - 1 and columns left to right - 1 of a picture."""

    top: int
    left: int
    bottom: int
    right: int


def receptive_field(
    network: Network, node: str, row: int = 0, column: int = 0, *, clipped: bool = True
) -> Box:
    """The smallest box around the pixels that reach the units at (row, column) of a node's output.

    Clipped, it is exact: what hangs over a border, of the picture or of a map on the way, is padding and
    not seen. Not clipped, it has the same size wherever the unit stands, and may reach beyond the picture.
    A flat unit sees all of the volume that was flattened; `row` and `column` do not matter.
    Raises UsageError for an unknown node, or for a place that its output does not have.
    """
    graph = network.graph
    start = graph[node]
    # Rows and columns are separate sets of places, not intervals: strides and dilation leave gaps, and a gap
    # at the border decides how far the box goes.
    seen = {start.name: _places(graph.shapes[start.name], row, column, node)}
    for reader in reversed(graph.nodes):
        if reader.name in seen and reader.inputs:
            for source, shape in zip(reader.inputs, graph.input_shapes(reader), strict=True):
                rows, columns = _through(reader, seen[reader.name], shape)
                if clipped and len(shape) == 3:
                    rows, columns = _inside(rows, shape[0]), _inside(columns, shape[1])
                if source in seen:
                    rows, columns = np.union1d(rows, seen[source][0]), np.union1d(columns, seen[source][1])
                seen[source] = rows, columns
    rows, columns = seen[graph.nodes[0].name]
    if not rows.size or not columns.size:
        return Box(0, 0, 0, 0)
    return Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)


Places = tuple[Any, Any]
"""Sorted rows and columns of a volume; of a flat output, where there are none, two empty ones."""


def _places(shape: tuple[int, ...], row: int, column: int, name: str) -> Places:
    if len(shape) == 1:
        return np.arange(0), np.arange(0)
    if not (0 <= row < shape[0] and 0 <= column < shape[1]):
        raise UsageError(
            f"row {row}, column {column} of '{name}': its output has {shape[0]} rows and {shape[1]} columns"
        )
    return np.array([row]), np.array([column])


def _through(node: Node, places: Places, shape: tuple[int, ...]) -> Places:
    """The places of an input of this shape that `places` of the node's output look at."""
    if len(shape) == 3 and not places[0].size:
        return np.arange(shape[0]), np.arange(shape[1])
    return node.layer.sees(0, places[0], shape), node.layer.sees(1, places[1], shape)


def _inside(places: Any, size: int) -> Any:
    return places[(places >= 0) & (places < size)]
