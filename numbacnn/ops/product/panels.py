"""Matrices packed into panels: 64 bytes of columns, a row after the other, as the register tile reads them."""

from __future__ import annotations

from typing import Any

from ..compilation import jit
from ..parallel import parallel
from .tile import columns_of_panel
from .transpose import copy_panel, prefetch, transpose

_STREAMS = 4
"""Rows that are read side by side: with one at a time a large matrix comes from memory at two thirds of that speed."""


@jit
def packed_size(depth: Any, columns: Any, itemsize: Any) -> Any:
    """Returns the elements that `pack` fills for B (depth, columns)."""
    width = 64 // itemsize
    return (columns + width - 1) // width * width * depth


@jit
def pack_panel(
    panel: Any, at: Any, b: Any, b_at: Any, b_row: Any, b_column: Any, depth: Any, columns: Any
) -> None:
    """One panel of B's columns, filled with zeros where they are fewer."""
    width = 64 // b.itemsize
    if b_row == 1 and b_column != 1 and columns == width:
        transpose(panel, at, width, b, b_at, b_column, width, depth)
        return
    for k in range(depth):
        source, target = b_at + k * b_row, at + k * width
        if b_column == 1 and columns == width:
            copy_panel(panel, target, b, source)
        else:
            for j in range(width):
                panel[target + j] = b[source + j * b_column] if j < columns else 0


@jit
def pack(panels: Any, b: Any, b_at: Any, b_row: Any, b_column: Any, depth: Any, columns: Any) -> None:
    """Packs B (depth, columns) into panels of 64 bytes of columns, one after another; the last is padded with zeros."""
    width = 64 // b.itemsize
    for first in range(0, columns, width):
        start = b_at + first * b_column
        pack_panel(panels, first * depth, b, start, b_row, b_column, depth, min(width, columns - first))


@jit
def pack_rows(panels: Any, b: Any, b_at: Any, b_row: Any, rows: Any, columns: Any, distance: Any) -> None:
    """Packs `columns` adjacent columns of B row by row, which a large matrix is read faster by than panel by panel.

    A panel begins `distance` rows of panels after the one before; the last is padded with zeros.
    """
    width = 64 // b.itemsize
    whole = columns // width * width
    for first in range(0, rows, _STREAMS):
        last = min(first + _STREAMS, rows)
        for j in range(0, whole, width):
            for k in range(first, last):
                source = b_at + k * b_row + j
                prefetch(b, source + _STREAMS * b_row)
                copy_panel(panels, j * distance + k * width, b, source)
    if whole < columns:
        pack_panel(panels, whole * distance, b, b_at + whole, b_row, 1, rows, columns - whole)


def panels_size(groups: int, depth: int, filters: int) -> int:
    """Returns the elements, of any type, that `pack_panels` fills with the matrix (depth, filters) of every group."""
    width = columns_of_panel(4)
    return groups * depth * -(-filters // width) * width


@parallel(lambda packed, weights, groups, depth, filters: groups * -(-filters * weights.itemsize // 64))
def pack_panels(
    begin: Any, end: Any, packed: Any, weights: Any, groups: Any, depth: Any, filters: Any
) -> None:
    """Packs the matrix (depth, filters) of every group, panel after panel; weights (depth, groups * filters), flat."""
    width = 64 // weights.itemsize
    panels = (filters + width - 1) // width
    for index in range(begin, end):
        group, first = index // panels, index % panels * width
        pack_panel(
            packed,
            index * width * depth,
            weights,
            group * filters + first,
            groups * filters,
            1,
            depth,
            min(width, filters - first),
        )
