"""Products (GEMM) of any size out of register tiles.

Every element of C is summed in one order, from its bias through the inner dimension, whatever the number of threads and
however the product is cut.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ..compilation import jit, threads
from ..parallel import parallel
from ..vectors import copy
from .panels import pack_panel, pack_rows
from .tile import PANELS, ROWS, columns_of_panel, multiply_tile
from .transpose import copy_panel, transpose

_DEPTH = 384
"""The most steps of the inner dimension that are done at a time (BLIS's KC): a panel's block is 24 KB."""
_PANELS = 8
"""The panels of so many steps that are packed at a time, in the second-level cache (NC); of fewer steps there are more."""
_WIDEST = 64
"""The most panels of a task: 4 KB of a row of B lie together, as much as memory is read quickly by."""
_THIN = 96
"""The most steps that are done at a time where few rows of A use what is packed, so that more of a row of B is read at once."""
_ROW = _DEPTH + 16
"""The offset from one packed row of A to the next. Rows of A itself are often as far apart as the first-level cache's
sets repeat.
"""
_TOGETHER = 48
"""The rows of A that are packed at a time where they are adjacent numbers: whole tiles, and whole vectors of a step."""
_FEW_PANELS = 2
"""Up to so many panels, rows of A are read in place, as packing costs more than it saves."""
_CHUNK = 40 * ROWS
"""The rows that are computed at a time (MC)."""
_LINES = max(ROWS * _ROW, _DEPTH * _TOGETHER)
"""The elements into which rows of A are packed."""
_PACKED = _DEPTH * _PANELS * columns_of_panel(4)
_WORKER = _PACKED + _LINES
"""The elements of workspace that one worker needs."""
_TURNED = 4
"""The panels of rows of B that a turned product packs at a time, _DEPTH steps each."""
_TURNED_LINES = 32 * ROWS
"""The rows of A of its task: their sums lie in the first two caches until they are turned."""


def multiply_workers(room: float) -> int:
    """Returns how many workers a product may have in a workspace of `room` elements; at least one."""
    return max(1, int(min(room / _WORKER, threads())))


def multiply_workspace(room: float) -> int:
    """Returns the elements of workspace that a product takes: at most `room`, unless the minimum is more."""
    return multiply_workers(room) * _WORKER


@lru_cache(maxsize=256)
def zeros(size: int, dtype: Any) -> Any:
    """Returns a table of zeros, or a bias of zeros. It is shared by all callers and must not be written."""
    return np.zeros(size, dtype)


def multiply(
    c: Any, a: Any, a_row: int, a_step: int, b: Any, bias: Any, slope: float, workspace: Any
) -> None:
    """C (M,K) = f(A (M,depth) B (depth,K) + bias (K)) on all threads; C and B are contiguous, A is flat with the offsets of its next
    row and of its next step, one of which is 1. f(v) = v above 0, else slope * v.
    """
    workers = multiply_workers(workspace.size)
    cut = _cut(c.shape[0], b.shape[0], -(-c.shape[1] // columns_of_panel(c.itemsize)), workers)
    _multiply(c, a, a_row, a_step, b.reshape(-1), bias, slope, (workers, *cut), zeros(1, np.intp), workspace)


def _cut(rows: int, depth: int, panels: int, workers: int) -> tuple[int, int]:
    """(steps of the inner dimension that are done at a time, panels of a task)."""
    steps = max(1, min(depth, _DEPTH if rows > _CHUNK else _THIN))
    most = min(_DEPTH * _PANELS // steps, _WIDEST)
    tasks = -(-panels // most)
    if rows <= _CHUNK:  # else there are more tasks than workers, by their rows
        tasks = -(-tasks // workers) * workers
    several = -(-panels // tasks)
    return steps, min(most, -(-several // PANELS) * PANELS)


@parallel(lambda *arguments: arguments[7][0])  # workers
def _multiply(
    begin: Any,
    end: Any,
    c: Any,
    a: Any,
    a_row: Any,
    a_step: Any,
    b: Any,
    bias: Any,
    slope: Any,
    numbers: Any,
    zero: Any,
    workspace: Any,
) -> None:
    workers, block, several = numbers
    rows, columns = c.shape
    depth = b.size // columns
    flat = c.reshape(c.size)
    width = 64 // c.itemsize
    together, group = PANELS * width, several * width
    chunks, across = (rows + _CHUNK - 1) // _CHUNK, (columns + group - 1) // group
    tasks = across * chunks
    by_steps = a_step != 1 and a_row == 1
    by_rows = not by_steps and several > _FEW_PANELS
    for worker in range(begin, end):
        own = workspace[worker * _WORKER : (worker + 1) * _WORKER]
        packed, lines = own[:_PACKED], own[_PACKED:]
        for task in range(tasks * worker // workers, tasks * (worker + 1) // workers):
            top, left = task // across * _CHUNK, task % across * group
            bottom, right = min(rows, top + _CHUNK), min(columns, left + group)
            for k in range(0, depth, block):
                steps = min(block, depth - k)
                pack_rows(packed, b, k * columns + left, columns, steps, right - left, block)
                for i in range(top, bottom, ROWS):
                    height = min(ROWS, bottom - i)
                    a_at, next_row, next_step = i * a_row + k * a_step, a_row, a_step
                    if by_rows:
                        _copy_rows(lines, a, a_at, a_row, height, steps)
                        a_at, next_row = 0, _ROW
                    elif by_steps:
                        within = (i - top) % _TOGETHER
                        if within == 0:
                            _copy_steps(lines, a, a_at, a_step, min(_TOGETHER, bottom - i), steps)
                        a_at, next_step = within, _TOGETHER
                    for j in range(left, right, together):
                        multiply_tile(
                            flat, i * columns + j, columns,
                            lines if by_rows or by_steps else a, a_at, next_row, 0, zero, 1, next_step,
                            packed, (j - left) * block, width, width * block,
                            steps, height, min(together, right - j), k > 0,
                            bias, j, slope if k + steps == depth else 1.0,
                        )  # fmt: skip


@jit
def _copy_rows(packed: Any, a: Any, a_at: Any, a_row: Any, rows: Any, steps: Any) -> None:
    """Copies rows of A, each _ROW numbers after the one before."""
    for row in range(rows):
        copy(packed[row * _ROW : row * _ROW + steps], a[a_at + row * a_row :])


@jit
def _copy_steps(packed: Any, a: Any, a_at: Any, a_step: Any, rows: Any, steps: Any) -> None:
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


def multiply_turned(c: Any, b: Any, a: Any, workspace: Any) -> None:
    """C (N,M) = B (N,depth) A (M,depth)^T on all threads, all contiguous: A's rows, which are the many, are read in place, and
    the sums of tiles of C^T turned at the end.
    """
    workers = multiply_workers(workspace.size)
    panels = -(-c.shape[0] // columns_of_panel(c.itemsize))
    several = -(-min(panels, _TURNED) // PANELS) * PANELS
    numbers = workers, max(1, min(a.shape[1], _DEPTH)), several
    bias = zeros(several * columns_of_panel(c.itemsize), c.dtype)
    _multiply_turned(c, b.reshape(-1), a.reshape(-1), bias, numbers, zeros(1, np.intp), workspace)


@parallel(lambda *arguments: arguments[4][0])  # workers
def _multiply_turned(
    begin: Any, end: Any, c: Any, b: Any, a: Any, bias: Any, numbers: Any, zero: Any, workspace: Any
) -> None:
    workers, block, several = numbers
    count, rows = c.shape
    depth = a.size // rows
    flat = c.reshape(c.size)
    width = 64 // c.itemsize
    together, group = PANELS * width, several * width
    across = (count + group - 1) // group
    tasks = across * ((rows + _TURNED_LINES - 1) // _TURNED_LINES)
    for worker in range(begin, end):
        own = workspace[worker * _WORKER : (worker + 1) * _WORKER]
        packed, sums = own[: block * group], own[block * group :]
        for task in range(tasks * worker // workers, tasks * (worker + 1) // workers):
            top, left = task // across * _TURNED_LINES, task % across * group
            bottom, right = min(rows, top + _TURNED_LINES), min(count, left + group)
            for k in range(0, depth, block):
                steps = min(block, depth - k)
                for j in range(left, right, width):
                    panel = (j - left) * block
                    pack_panel(packed, panel, b, j * depth + k, 1, depth, steps, min(width, right - j))
                for i in range(top, bottom, ROWS):
                    for j in range(left, right, together):
                        multiply_tile(
                            sums, (i - top) * group + j - left, group,
                            a, i * depth + k, depth, 0, zero, 1, 1,
                            packed, (j - left) * block, width, width * block,
                            steps, min(ROWS, bottom - i), min(together, right - j), k > 0,
                            bias, 0, 1.0,
                        )  # fmt: skip
            transpose(flat, left * rows + top, rows, sums, 0, group, bottom - top, right - left)
