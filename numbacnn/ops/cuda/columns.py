"""Sums of the columns of a matrix (rows, columns): of bias gradients, and of batch normalisation's statistics.

A block adds a part of the rows of some columns side by side: every thread adds each eighth row of one column, and the
eight sums are then added in their order. The parts' sums are added by whoever launched the blocks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda, float32

from .budget import Budget
from .toolchain import ZERO, device_function, grid, kernel, launch

BUDGETS = {"columns._sum_rows": Budget(registers=32, shared_bytes=2048)}

_ACROSS, LINES = 32, 8
THREADS = _ACROSS * LINES
"""Threads of a block: so many columns side by side, so many rows at a time, each a line of threads."""
ACROSS, DOWN = np.uint32(_ACROSS), np.uint32(LINES)
"""Threads from one line to the next, and rows from one that a thread adds to its next."""
AT_ONCE = 4
"""Numbers that a thread asks for before it waits for the first."""
FURTHER = np.uint32(AT_ONCE * LINES)
"""Rows from the first of those to the first of the next ones."""
_PART, _MOST_PARTS = 256, 256
"""Rows of a part at least, and parts at most."""
_NOTHING = np.uint32(0)


def parts_of(rows: int) -> tuple[int, int]:
    """(parts, rows of each but the last)."""
    most = max(1, min(_MOST_PARTS, -(-rows // _PART)))
    part_rows = max(1, -(-rows // most))
    return max(1, -(-rows // part_rows)), part_rows


def launch_columns(kernel: Any, rows: int, columns: int, *arguments: Any) -> None:
    """Launches a kernel with a block for some columns and a part of the rows; rows, columns and a part's rows come last."""
    parts, part_rows = parts_of(rows)
    launch(kernel, (grid(columns, _ACROSS), parts), THREADS, *arguments, rows, columns, part_rows)


@device_function
def own_rows(rows: Any, part_rows: Any) -> tuple[Any, Any, Any]:
    """The column that this thread adds (it may lie beyond the last), its first row and the end of its part's, uint32."""
    thread = np.uint32(cuda.threadIdx.x)
    column = np.uint32(np.uint32(cuda.blockIdx.x) * ACROSS + np.uint32(thread % ACROSS))
    first = np.uint32(np.uint32(cuda.blockIdx.y) * part_rows)
    end = min(np.uint32(first + part_rows), rows)
    return column, np.uint32(first + np.uint32(thread // ACROSS)), end


@device_function
def adds_up() -> Any:
    """Whether this thread has its column's sum in the end (`column_sum`)."""
    return np.uint32(cuda.threadIdx.x) < ACROSS


@device_function
def column_sum(shared: Any, own: Any) -> Any:
    """The sum of its column for a thread that `adds_up`; every thread of the block calls, with THREADS numbers shared."""
    thread = np.uint32(cuda.threadIdx.x)
    shared[thread] = own
    cuda.syncthreads()
    total = own
    if adds_up():
        for i in range(1, LINES):
            total += shared[np.uint32(thread + np.uint32(i) * ACROSS)]
    return total


@device_function
def put_behind(first: Any, second: Any, place: Any, value: Any) -> None:
    """Writes to an element of two arrays, the second of which follows the first."""
    size = np.uint32(first.size)
    if place < size:
        first[place] = value
    else:
        second[np.uint32(place - size)] = value


@kernel
def _sum_rows(sums: Any, rest: Any, x: Any, rows: Any, columns: Any, part_rows: Any) -> None:
    shared = cuda.shared.array(THREADS, float32)
    column, row, end = own_rows(rows, part_rows)
    total = ZERO
    if column < columns:
        values = cuda.local.array(AT_ONCE, float32)
        while row < end:
            for j in range(AT_ONCE):
                own = np.uint32(row + np.uint32(j) * DOWN)
                values[j] = x[np.uint32(own * columns + column)] if own < end else ZERO
            for j in range(AT_ONCE):
                total += values[j]
            row = np.uint32(row + FURTHER)
    total = column_sum(shared, total)
    if adds_up() and column < columns:
        put_behind(sums, rest, np.uint32(np.uint32(cuda.blockIdx.y) * columns + column), total)


def sum_rows(sums: Any, x: Any) -> None:
    """sums (parts, columns) = the sums of the rows of each part of x (rows, columns)."""
    sum_rows_of(sums, x, *x.shape)


def sum_rows_of(sums: Any, x: Any, rows: int, columns: int, rest: Any = None) -> None:
    """The same for the first rows * columns elements of any x; what goes beyond the end of `sums` goes to `rest`."""
    launch_columns(_sum_rows, rows, columns, sums, sums if rest is None else rest, x)
