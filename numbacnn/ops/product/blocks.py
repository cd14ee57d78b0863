"""Products of any size out of register tiles.

A matrix is given as a flat array, where it starts in it, and how far its next row and next column are: a
transposed matrix and a slice of columns are just that. Every element of C is summed in one order, whatever
the number of threads.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ..compilation import jit, threads
from ..parallel import parallel
from ..vectors import copy
from .tile import PANELS, ROWS, columns_of_panel, multiply_tile
from .transpose import transpose

_DEPTH = 384
"""Steps of the inner dimension done at a time: a panel's block is 24 KB, and a group of them fits the second cache."""
_ROW = _DEPTH + 16
"""From one packed row of A to the next: rows of A itself are often as far apart as the first cache's sets repeat."""
_PANELS = 8
"""Panels of B that are packed at a time."""
_CHUNK = 40 * ROWS
"""Rows that are computed at a time."""
_FEW_ROWS = 4 * ROWS
"""Up to so many rows packing costs more than it saves, and B is read in place."""
_FEW_STEPS = 32
"""Steps done at a time in place: B's rows are then as many streams, which the processor fetches ahead."""


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
    if b_row == 1 and b_column != 1 and columns == width:
        transpose(panel, at, width, b, b_at, b_column, width, depth)
        return
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


@jit
def _pack_rows(packed: Any, a: Any, a_at: Any, a_row: Any, a_step: Any, rows: Any, steps: Any) -> None:
    """Rows of A, each _ROW numbers after the one before, or step by step where that is how A lies."""
    if a_step == 1:
        for row in range(rows):
            copy(packed[row * _ROW : row * _ROW + steps], a[a_at + row * a_row :])
    else:
        for k in range(steps):
            for row in range(rows):
                packed[k * ROWS + row] = a[a_at + k * a_step + row * a_row]


_WORKER = _DEPTH * _PANELS * columns_of_panel(4) + ROWS * _ROW
"""Elements of workspace that one of `multiply`'s workers needs."""


def multiply_workers(room: float) -> int:
    """How many workers `multiply` may have in a workspace of `room` elements; one takes its own in any case."""
    return max(1, int(min(room / _WORKER, threads())))


def multiply_workspace(room: float) -> int:
    """Elements of workspace that `multiply` takes of `room`, or else the least."""
    return multiply_workers(room) * _WORKER


@lru_cache(maxsize=256)
def zeros(size: int, dtype: Any) -> Any:
    """A table of zeros, or a bias that adds nothing; one array for all who ask, not to be written."""
    return np.zeros(size, dtype)


@parallel(lambda *arguments: arguments[10])  # workers
def multiply(
    begin: Any,
    end: Any,
    c: Any,
    a: Any,
    a_row: Any,
    a_step: Any,
    b: Any,
    b_row: Any,
    b_column: Any,
    depth: Any,
    bias: Any,
    slope: Any,
    workers: Any,
    zero: Any,
    workspace: Any,
) -> None:
    """C (M,K) = f(A (M,depth) B (depth,K) + bias (K)) on all threads; C is contiguous, A and B flat with any strides.

    f and slope are those of `multiply_tile`; `zero` is an array with one 0.
    """
    rows, columns = c.shape
    flat = c.reshape(c.size)
    width = 64 // c.itemsize
    in_place = b_column == 1 and rows <= _FEW_ROWS
    block = _FEW_STEPS if in_place else _DEPTH
    chunks = (rows + _CHUNK - 1) // _CHUNK
    panels = (columns + width - 1) // width
    # A small product is cut into eight tasks all the same, so that it keeps several threads busy.
    most = panels if in_place else _PANELS
    several = max(1, min(most, panels * chunks // 8))
    group = width * (several // PANELS * PANELS or several)
    across = (columns + group - 1) // group
    tasks = across * chunks
    size = _DEPTH * _PANELS * width
    for worker in range(begin, end):
        own = workspace[worker * (size + ROWS * _ROW) : (worker + 1) * (size + ROWS * _ROW)]
        packed, lines = own[:size], own[size:]
        for task in range(tasks * worker // workers, tasks * (worker + 1) // workers):
            top, left = task // across * _CHUNK, task % across * group
            bottom, right = min(rows, top + _CHUNK), min(columns, left + group)
            # In place whole vectors are read, so a row's last columns have to be packed.
            ragged = right - (right - left) % (PANELS * width) if (right - left) % width else right
            edge = ragged if in_place else left
            for k in range(0, depth, block):
                steps = min(block, depth - k)
                for j in range(edge, right, width):
                    panel = (j - left) // width % _PANELS * _DEPTH * width
                    taken = min(width, right - j)
                    _pack_panel(packed, panel, b, k * b_row + j * b_column, b_row, b_column, steps, taken)
                for i in range(top, bottom, ROWS):
                    height = min(ROWS, bottom - i)
                    if not in_place:
                        _pack_rows(lines, a, i * a_row + k * a_step, a_row, a_step, height, steps)
                    a_at = i * a_row + k * a_step if in_place else 0
                    next_row = a_row if in_place else _ROW if a_step == 1 else 1
                    next_step = 1 if a_step == 1 else a_step if in_place else ROWS
                    for j in range(left, right, PANELS * width):
                        reads = j < edge
                        panel = (j - left) // width % _PANELS * _DEPTH * width
                        multiply_tile(
                            flat, i * columns + j, columns,
                            a if in_place else lines, a_at, next_row, 0, zero, 1, next_step,
                            b if reads else packed, k * b_row + j if reads else panel, b_row if reads else width,
                            width if reads else _DEPTH * width, steps, height, min(PANELS * width, right - j), k > 0,
                            bias, j, slope if k + steps == depth else 1.0,
                        )  # fmt: skip
