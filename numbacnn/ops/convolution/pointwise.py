"""1x1 convolutions of stride 1: a matrix product whose rows are the pixels as they lie, with packed filters.

A task is a few rows, which all filters are multiplied with while they are in the first cache: input and output go by as they lie in memory.
Of few rows, or of filters that are too many for the second cache, a task has some rows and a panel of filters, which stays in the first
cache; the rows stay in the second for the next panels, once a worker's first panel has asked for them ahead. Every sum is added in one
order, from its bias through the channels, however the tasks are cut.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ..parallel import parallel
from ..product import PANELS, ROWS, columns_of_tile, multiply_tile, prefetch, zeros
from ..product.whole_tiles import STEPS, finish_whole
from .added import add_rows
from .cut import Terms

_FILTERS = 1 << 18
"""Channels times filters, at most, of a task with all filters: 1 MB of float32, read again for every row tile."""
_MANY = 128
"""Rows from which there are tasks enough of a row tile."""
_LINES = 96
"""Rows of a task with one panel, at most."""
_ROOM = 48 << 10
"""Numbers in its rows, at most, but for a row tile: so many stay in the second cache."""
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
    rows = x.size // depth
    if rows >= _MANY and depth * bias.size <= _FILTERS:
        _multiply_rows(*flat, slope, (y.shape[3], first, rows, depth, int(adds)), zeros(1, np.intp))
        return
    numbers = _cut(rows, depth, bias.size, columns_of_tile(y.itemsize))
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
    """(rows, channels, rows of a task, panels, tasks)."""
    most = max(ROWS, min(_LINES, _ROOM // depth))
    chunks = -(-rows // most)
    lines = -(-rows // (chunks * ROWS)) * ROWS
    panels = -(-filters // together)
    return rows, depth, lines, panels, -(-rows // lines) * panels


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
    row, first, rows, depth, lines, panels, _, adds = numbers
    width = 64 // y.itemsize
    together = PANELS * width
    for task in range(begin, end):
        top, j = task // panels * lines, task % panels * together
        bottom, fetches = min(rows, top + lines), j == 0 or task == begin
        columns = min(together, bias.size - j)
        whole = columns % width == 0 and depth % STEPS == 0
        for i in range(top, bottom, ROWS):
            if fetches:
                for line in range(i + _AHEAD, min(i + _AHEAD + ROWS, rows)):
                    for step in range(0, depth, width):
                        prefetch(x, line * depth + step)
            height, here = min(ROWS, bottom - i), i * row + first + j
            if whole and height == ROWS:
                finish_whole(
                    y, here, row, x, i * depth, depth, packed, j * depth, depth, columns // width,
                    bias, j, slope, added, adds,
                )  # fmt: skip
                continue
            multiply_tile(
                y, here, row,
                x, i * depth, depth, 0, zero, 1, 1,
                packed, j * depth, width, depth * width,
                depth, height, columns, False,
                bias, j, 1.0 if adds else slope,
            )  # fmt: skip
            if adds:
                add_rows(y, here, row, added, height, columns, slope)
