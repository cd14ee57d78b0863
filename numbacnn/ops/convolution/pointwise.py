"""1x1 convolutions of stride 1: a matrix product whose rows are the pixels as they lie, with packed filters.

A task has some rows and some filters. A block of a panel of filters stays in the first cache while all of the task's rows are
multiplied with it; the rows' numbers of that block stay in the second, once the first panel has asked for them ahead. Every sum
is added in one order, from its bias through the channels, however the tasks are cut.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ..parallel import parallel
from ..product import PANELS, ROWS, columns_of_tile, multiply_tile, prefetch, zeros
from .cut import Terms

_STEPS = 512
"""Channels that are multiplied at a time: a panel's block is 32 KB."""
_LINES = 96
"""Rows of a task."""
_AHEAD = 2 * ROWS
"""Rows that are fetched while others are multiplied."""
_TASKS = 16
"""Tasks at least, where there are so many filters: few rows are shared out by their filters too."""


def suits(terms: Terms, groups: int) -> bool:
    """Whether a convolution is such a product."""
    return groups == 1 and terms[:4] == (1, 1, 1, 1) and not any(terms[4:8])


def multiply(y: Any, x: Any, packed: Any, bias: Any, slope: float, first: int) -> None:
    """Channels first .. first+K of y (N,H,W,…) = f(x (N,H,W,C) times the packed filters (C,K) + bias (K))."""
    depth = x.shape[3]
    numbers = _cut(x.size // depth, depth, bias.size, columns_of_tile(y.itemsize))
    flat = y.reshape(-1), x.reshape(-1)
    _multiply(*flat, packed, bias, slope, (y.shape[3], first, *numbers), zeros(1, np.intp))


@lru_cache(maxsize=512)
def _cut(rows: int, depth: int, filters: int, together: int) -> tuple[int, ...]:
    """(rows, channels, rows of a task, tasks' rows, filters of a task, tasks' filters, channels at a time)."""
    chunks = -(-rows // _LINES)
    lines = -(-rows // (chunks * ROWS)) * ROWS
    panels = -(-filters // together)
    across = min(panels, max(1, -(-_TASKS // chunks)))
    several = -(-panels // across) * together
    steps = -(-depth // -(-depth // _STEPS))
    return rows, depth, lines, -(-rows // lines), several, -(-filters // several), steps


@parallel(lambda *arguments: arguments[5][5] * arguments[5][7])
def _multiply(
    begin: Any, end: Any, y: Any, x: Any, packed: Any, bias: Any, slope: Any, numbers: Any, zero: Any
) -> None:
    row, first, rows, depth, lines, chunks, several, _, block = numbers
    width = 64 // y.itemsize
    together = PANELS * width
    for task in range(begin, end):
        top, left = task % chunks * lines, task // chunks * several
        bottom, right = min(rows, top + lines), min(bias.size, left + several)
        for k in range(0, depth, block):
            steps = min(block, depth - k)
            for j in range(left, right, together):
                for i in range(top, bottom, ROWS):
                    if j == left:
                        for line in range(i + _AHEAD, min(i + _AHEAD + ROWS, rows)):
                            for step in range(k, k + steps, width):
                                prefetch(x, line * depth + step)
                    multiply_tile(
                        y, i * row + first + j, row,
                        x, i * depth + k, depth, 0, zero, 1, 1,
                        packed, j * depth + k * width, width, depth * width,
                        steps, min(ROWS, bottom - i), min(together, right - j), k,
                        bias, j, slope if k + steps == depth else 1.0,
                    )  # fmt: skip
