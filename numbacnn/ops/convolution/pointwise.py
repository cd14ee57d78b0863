"""1x1 convolutions of stride 1: a matrix product whose rows are the pixels as they lie, with packed filters.

Where the filters stay in the second cache, a task is a few rows, which all filters are multiplied with while they are in the first: input
and output go by as they lie in memory. Of more filters a task has some rows and a panel. A block of the panel stays in the first cache
while all of the task's rows are multiplied with it; the rows stay in the second for the next panels, once a worker's first panel has
asked for them ahead. Every sum is added in one order, from its bias through the channels, however the tasks are cut.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ..parallel import parallel
from ..product import PANELS, ROWS, columns_of_tile, multiply_tile, prefetch, zeros
from .added import add_rows
from .cut import Terms
from .whole_tiles import STEPS, finish_whole

_FILTERS = 1 << 16
"""Channels times filters that stay in the second cache: 256 KB of float32, half of a core's second cache."""
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


def multiply(y: Any, x: Any, packed: Any, bias: Any, added: Any, slope: float, first: int) -> None:
    """Channels first .. first+K of y (N,H,W,…) = f(x (N,H,W,C) times the packed filters (C,K) + bias (K) + added), `added` None or
    of the shape of y.
    """
    depth = x.shape[3]
    adds = added is not None
    flat = y.reshape(-1), x.reshape(-1), packed, bias, (added if adds else y).reshape(-1)
    if depth * bias.size <= _FILTERS:
        _multiply_rows(
            *flat, slope, (y.shape[3], first, x.size // depth, depth, int(adds)), zeros(1, np.intp)
        )
        return
    numbers = _cut(x.size // depth, depth, bias.size, columns_of_tile(y.itemsize))
    _multiply(*flat, slope, (y.shape[3], first, *numbers, int(adds)), zeros(1, np.intp))


@parallel(lambda *arguments: -(-arguments[6][2] // ROWS))  # rows
def _multiply_rows(
    begin: Any,
    end: Any,
    y: Any,
    x: Any,
    packed: Any,
    bias: Any,
    added: Any,
    slope: Any,
    numbers: Any,
    zero: Any,
) -> None:
    row, first, rows, depth, adds = numbers
    filters, width = bias.size, 64 // y.itemsize
    together = PANELS * width
    for task in range(begin, end):
        i = task * ROWS
        height = min(ROWS, rows - i)
        whole = filters // width * width if height == ROWS and depth % STEPS == 0 else 0
        for line in range(i + _AHEAD, min(i + _AHEAD + ROWS, rows)):
            for step in range(0, depth, width):
                prefetch(x, line * depth + step)
        for j in range(0, whole, together):
            finish_whole(
                y, i * row + first + j, row, x, i * depth, depth, packed, j * depth, depth,
                min(PANELS, (whole - j) // width), bias, j, slope, added, adds,
            )  # fmt: skip
        for j in range(whole, filters, together):
            columns = min(together, filters - j)
            multiply_tile(
                y, i * row + first + j, row,
                x, i * depth, depth, 0, zero, 1, 1,
                packed, j * depth, width, depth * width,
                depth, height, columns, False,
                bias, j, 1.0 if adds else slope,
            )  # fmt: skip
            if adds:
                add_rows(y, i * row + first + j, row, added, height, columns, slope)


@lru_cache(maxsize=512)
def _cut(rows: int, depth: int, filters: int, together: int) -> tuple[int, ...]:
    """(rows, channels, rows of a task, panels, tasks, channels at a time)."""
    most = max(ROWS, min(_LINES, _ROOM // depth))
    chunks = -(-rows // most)
    lines = -(-rows // (chunks * ROWS)) * ROWS
    panels = -(-filters // together)
    steps = -(-depth // -(-depth // _STEPS))
    return rows, depth, lines, panels, -(-rows // lines) * panels, steps


@parallel(lambda *arguments: arguments[6][6])  # tasks
def _multiply(
    begin: Any,
    end: Any,
    y: Any,
    x: Any,
    packed: Any,
    bias: Any,
    added: Any,
    slope: Any,
    numbers: Any,
    zero: Any,
) -> None:
    row, first, rows, depth, lines, panels, _, block, adds = numbers
    width = 64 // y.itemsize
    together = PANELS * width
    for task in range(begin, end):
        top, j = task // panels * lines, task % panels * together
        bottom, fetches = min(rows, top + lines), j == 0 or task == begin
        columns = min(together, bias.size - j)
        for k in range(0, depth, block):
            steps, ends = min(block, depth - k), k + block >= depth
            for i in range(top, bottom, ROWS):
                if fetches:
                    for line in range(i + _AHEAD, min(i + _AHEAD + ROWS, rows)):
                        for step in range(k, k + steps, width):
                            prefetch(x, line * depth + step)
                height, here = min(ROWS, bottom - i), i * row + first + j
                multiply_tile(
                    y, here, row,
                    x, i * depth + k, depth, 0, zero, 1, 1,
                    packed, j * depth + k * width, width, depth * width,
                    steps, height, columns, k,
                    bias, j, slope if ends and not adds else 1.0,
                )  # fmt: skip
                if ends and adds:
                    add_rows(y, here, row, added, height, columns, slope)
