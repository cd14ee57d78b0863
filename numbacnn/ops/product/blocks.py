"""Products (GEMM) of any size out of register tiles.

A matrix is given as a flat array, the offset of its first element, and the offsets of the next row and of the next
column, so that transposed matrices and slices of columns need no copy. Every element of C is summed in one order,
whatever the number of threads.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ..compilation import jit, threads
from ..parallel import parallel
from ..vectors import copy
from .tile import PANELS, ROWS, columns_of_panel, multiply_tile
from .transpose import copy_panel, prefetch, transpose

_DEPTH = 384
"""Steps of the inner dimension that are done at a time (BLIS's KC): a panel's block is 24 KB, and a group of them fits
the second-level cache.
"""
_ROW = _DEPTH + 16
"""The offset from one packed row of A to the next. Rows of A itself are often as far apart as the first-level cache's
sets repeat.
"""
_TOGETHER = 48
"""The rows of A that are packed at a time where they are adjacent numbers: whole tiles, and whole vectors of a step."""
_FEW_PANELS = 2
"""Up to so many panels, rows of A are read in place, as packing costs more than it saves."""
_PANELS = 8
"""The panels of B that are packed at a time (NC)."""
_CHUNK = 40 * ROWS
"""The rows that are computed at a time (MC)."""
_FEW_ROWS = 4 * ROWS
"""Up to so many rows, B is read in place, as packing costs more than it saves."""
_FEW_STEPS = 64
"""The steps done at a time in place; the next rows of B are prefetched meanwhile."""


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
def _pack_rows(packed: Any, a: Any, a_at: Any, a_row: Any, rows: Any, steps: Any) -> None:
    """Copies rows of A, each _ROW numbers after the one before."""
    for row in range(rows):
        copy(packed[row * _ROW : row * _ROW + steps], a[a_at + row * a_row :])


@jit
def _pack_steps(packed: Any, a: Any, a_at: Any, a_step: Any, rows: Any, steps: Any) -> None:
    """Copies up to _TOGETHER rows of A that are adjacent numbers, step by step, each step _TOGETHER numbers after the
    one before.
    """
    width = 64 // a.itemsize
    whole = rows // width * width
    for k in range(steps):
        target, source = k * _TOGETHER, a_at + k * a_step
        for row in range(0, whole, width):
            copy_panel(packed, target + row, a, source + row)
        for row in range(whole, rows):
            packed[target + row] = a[source + row]


_LINES = max(ROWS * _ROW, _DEPTH * _TOGETHER)
"""The elements into which rows of A are packed."""
_WORKER = _DEPTH * _PANELS * columns_of_panel(4) + _LINES
"""The elements of workspace that one worker of `multiply` needs."""


def multiply_workers(room: float) -> int:
    """Returns how many workers `multiply` may have in a workspace of `room` elements; at least one."""
    return max(1, int(min(room / _WORKER, threads())))


def multiply_workspace(room: float) -> int:
    """Returns the elements of workspace that `multiply` takes: at most `room`, unless the minimum is more."""
    return multiply_workers(room) * _WORKER


@lru_cache(maxsize=256)
def zeros(size: int, dtype: Any) -> Any:
    """Returns a table of zeros, or a bias of zeros. It is shared by all callers and must not be written."""
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
    """C (M,K) = f(A (M,depth) B (depth,K) + bias (K)) on all threads; C is contiguous, A and B are flat with any
    strides.

    f and slope are those of `multiply_tile`; `zero` is an array with one 0.
    """
    rows, columns = c.shape
    flat = c.reshape(c.size)
    width = 64 // c.itemsize
    together = PANELS * width
    in_place = b_column == 1 and rows <= _FEW_ROWS
    blocks = (depth + _DEPTH - 1) // _DEPTH
    block = _FEW_STEPS if in_place else (depth + blocks - 1) // max(blocks, 1)
    chunks = (rows + _CHUNK - 1) // _CHUNK
    panels = (columns + width - 1) // width
    # A small product is cut into eight tasks all the same, so that it keeps several threads busy.
    most = panels if in_place else _PANELS
    several = max(1, min(most, panels * chunks // 8))
    group = width * (several // PANELS * PANELS or several)
    across = (columns + group - 1) // group
    tasks = across * chunks
    by_steps = a_step != 1 and a_row == 1 and not in_place
    by_rows = not in_place and not by_steps and group > _FEW_PANELS * width
    size = _DEPTH * _PANELS * width
    for worker in range(begin, end):
        own = workspace[worker * (size + _LINES) : (worker + 1) * (size + _LINES)]
        packed, lines = own[:size], own[size:]
        for task in range(tasks * worker // workers, tasks * (worker + 1) // workers):
            top, left = task // across * _CHUNK, task % across * group
            bottom, right = min(rows, top + _CHUNK), min(columns, left + group)
            # In place whole vectors are read, so a row's last columns have to be packed.
            ragged = right - (right - left) % together if (right - left) % width else right
            edge = ragged if in_place else left
            for k in range(0, depth, block):
                steps = min(block, depth - k)
                for j in range(edge, right, width):
                    panel = (j - left) // width % _PANELS * _DEPTH * width
                    taken = min(width, right - j)
                    pack_panel(packed, panel, b, k * b_row + j * b_column, b_row, b_column, steps, taken)
                down, along = (bottom - top + ROWS - 1) // ROWS, (right - left + together - 1) // together
                for tile in range(down * along):
                    # In place a panel of B is used for all rows while it is in the first cache, else rows of A for all panels.
                    i = top + (tile % down if in_place else tile // along) * ROWS
                    j = left + (tile // down if in_place else tile % along) * together
                    height = min(ROWS, bottom - i)
                    a_at, next_row, next_step = i * a_row + k * a_step, a_row, a_step
                    if by_rows:
                        if j == left:
                            _pack_rows(lines, a, a_at, a_row, height, steps)
                        a_at, next_row = 0, _ROW
                    elif by_steps:
                        within = (i - top) % _TOGETHER
                        if within == 0 and j == left:
                            _pack_steps(lines, a, a_at, a_step, min(_TOGETHER, bottom - i), steps)
                        a_at, next_step = within, _TOGETHER
                    reads = j < edge
                    if reads and in_place:
                        for row in range(k + block + tile % down, min(k + 2 * block, depth), down):
                            for panel in range(j, min(j + together, edge), width):
                                prefetch(b, row * b_row + panel)
                    panel = (j - left) // width % _PANELS * _DEPTH * width
                    multiply_tile(
                        flat, i * columns + j, columns,
                        lines if by_rows or by_steps else a, a_at, next_row, 0, zero, 1, next_step,
                        b if reads else packed, k * b_row + j if reads else panel, b_row if reads else width,
                        width if reads else _DEPTH * width, steps, height, min(together, right - j), k > 0,
                        bias, j, slope if k + steps == depth else 1.0,
                    )  # fmt: skip
