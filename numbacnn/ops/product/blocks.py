"""Products of any size out of register tiles.

A matrix is given as a flat array, where it starts in it, and how far its next row and next column are: a
transposed matrix and a slice of columns are just that. Every element of C is summed in one order, whatever
the number of threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from ..compilation import jit
from .tile import ROWS, multiply_tile

_DEPTH = 384
"""Steps of the inner dimension done at a time: a panel's block is 24 KB and stays in the first cache."""
_PANELS = 8
_CHUNK = 40 * ROWS
"""Columns (in panels) and rows that one thread computes at a time."""


@jit
def packed_size(depth: Any, columns: Any, itemsize: Any) -> Any:
    """Elements that `pack` fills for B (depth, columns)."""
    width = 64 // itemsize
    return (columns + width - 1) // width * width * depth


@jit
def _pack_panel(
    panel: Any, at: Any, b: Any, b_at: Any, b_row: Any, b_column: Any, depth: Any, columns: Any
) -> None:
    width = 64 // b.itemsize
    for k in range(depth):
        source, target = b_at + k * b_row, at + k * width
        if b_column == 1 and columns == width:  # the usual case on its own: one vector copy
            for j in range(width):
                panel[target + j] = b[source + j]
        else:
            for j in range(width):
                panel[target + j] = b[source + j * b_column] if j < columns else 0


@jit
def pack(panels: Any, b: Any, b_at: Any, b_row: Any, b_column: Any, depth: Any, columns: Any) -> None:
    """B (depth, columns) -> panels of 64 bytes of columns, one after the other, the last filled with zeros."""
    width = 64 // b.itemsize
    for first in range(0, columns, width):
        start = b_at + first * b_column
        _pack_panel(panels, first * depth, b, start, b_row, b_column, depth, min(width, columns - first))


@jit(parallel=True)
def multiply(
    c: Any,
    a: Any,
    a_row: Any,
    a_step: Any,
    b: Any,
    b_row: Any,
    b_column: Any,
    depth: Any,
) -> None:
    """C (M,K) = A (M,depth) B (depth,K) on all threads; C is contiguous, A and B flat with any strides."""
    rows, columns = c.shape
    flat = c.reshape(c.size)
    row_table, stretch_table = np.arange(rows) * a_row, np.zeros(1, np.intp)
    width = 64 // c.itemsize
    chunks = (rows + _CHUNK - 1) // _CHUNK
    panels = (columns + width - 1) // width
    # A small product is cut into eight tasks all the same, so that it keeps several threads busy.
    group = width * max(1, min(_PANELS, panels * chunks // 8))
    across = (columns + group - 1) // group
    for task in prange(across * chunks):
        panel = np.empty(_DEPTH * width, c.dtype)
        top, left = task // across * _CHUNK, task % across * group
        bottom, right = min(rows, top + _CHUNK), min(columns, left + group)
        for k in range(0, depth, _DEPTH):
            steps = min(_DEPTH, depth - k)
            for j in range(left, right, width):
                taken = min(width, right - j)
                _pack_panel(panel, 0, b, k * b_row + j * b_column, b_row, b_column, steps, taken)
                for i in range(top, bottom, ROWS):
                    multiply_tile(
                        flat, i * columns + j, columns,
                        a, k * a_step, row_table, i, stretch_table, 1, a_step,
                        panel, 0,
                        steps, min(ROWS, bottom - i), taken, k > 0,
                    )  # fmt: skip
