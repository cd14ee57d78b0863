"""1x1 convolutions of stride 1: a matrix product whose rows are the pixels as they lie, with packed filters.

A task has some rows and a panel of filters. A block of the panel stays in the first cache while all of the task's rows are
multiplied with it; the rows stay in the second for the next panels, once a worker's first panel has asked for them ahead. Every
sum is added in one order, from its bias through the channels, however the tasks are cut.
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
"""Rows of a task, at most."""
_ROOM = 48 << 10
"""Numbers in a task's rows, at most, but for a row tile: so many stay in the second cache."""
_AHEAD = 2 * ROWS
"""Rows that are fetched while others are multiplied."""


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
    """(rows, channels, rows of a task, panels, tasks, channels at a time)."""
    most = max(ROWS, min(_LINES, _ROOM // depth))
    chunks = -(-rows // most)
    lines = -(-rows // (chunks * ROWS)) * ROWS
    panels = -(-filters // together)
    steps = -(-depth // -(-depth // _STEPS))
    return rows, depth, lines, panels, -(-rows // lines) * panels, steps


@parallel(lambda *arguments: arguments[5][6])  # tasks
def _multiply(
    begin: Any, end: Any, y: Any, x: Any, packed: Any, bias: Any, slope: Any, numbers: Any, zero: Any
) -> None:
    row, first, rows, depth, lines, panels, _, block = numbers
    width = 64 // y.itemsize
    together = PANELS * width
    for task in range(begin, end):
        top, j = task // panels * lines, task % panels * together
        bottom, fetches = min(rows, top + lines), j == 0 or task == begin
        for k in range(0, depth, block):
            steps = min(block, depth - k)
            for i in range(top, bottom, ROWS):
                if fetches:
                    for line in range(i + _AHEAD, min(i + _AHEAD + ROWS, rows)):
                        for step in range(k, k + steps, width):
                            prefetch(x, line * depth + step)
                multiply_tile(
                    y, i * row + first + j, row,
                    x, i * depth + k, depth, 0, zero, 1, 1,
                    packed, j * depth + k * width, width, depth * width,
                    steps, min(ROWS, bottom - i), min(together, bias.size - j), k,
                    bias, j, slope if k + steps == depth else 1.0,
                )  # fmt: skip
