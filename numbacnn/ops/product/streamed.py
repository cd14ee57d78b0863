"""Products with a packed matrix that is large: for so many rows it comes from memory once, in the order in which it lies.

A task has some rows and some panels. So many steps of one of them are fetched while the steps before are multiplied with all rows, as a core
that waits for memory first and multiplies then would take the sum of both times. Two tiles of rows fetch them between their
sums, half of them each; for one, they are asked for all at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..parallel import parallel
from .blocks import zeros
from .tile import PANELS, ROWS, columns_of_tile, multiply_tile
from .transpose import prefetch
from .whole_tiles import STEPS, continue_whole

_LINES = 96
"""The rows of a task, at most: these steps of more would not stay in the second cache."""
_STEPS = 256
"""The steps of the inner dimension that are multiplied at a time, and fetched ahead: 16 KB of a panel."""
_TOGETHER = 2
"""The panels of a task, at most: the rows' numbers of these steps are used for all of them."""
_TASKS = 8
"""The fewest tasks, where there are so many panels."""


def multiply_packed(c: Any, a: Any, packed: Any, bias: Any, slope: float) -> None:
    """C (M,K) = f(A (M,depth) B + bias (K)) on all threads, B (depth,K) packed (`pack_panels`), C and A contiguous.

    f(v) = v above 0, else slope * v. Every sum is added in the order of `multiply`.
    """
    tiles = -(-c.shape[1] // columns_of_tile(c.itemsize))
    several = min(_TOGETHER // PANELS, -(-tiles // _TASKS))
    chunks = -(-len(a) // _LINES)
    lines = -(-len(a) // (chunks * ROWS)) * ROWS
    across = -(-tiles // several)
    numbers = (*a.shape, lines, several, across, across * -(-len(a) // lines))
    _multiply(c.reshape(-1), a.reshape(-1), packed, bias, slope, numbers, zeros(1, np.intp))


@parallel(lambda *arguments: arguments[5][5])  # tasks
def _multiply(
    begin: Any, end: Any, c: Any, a: Any, packed: Any, bias: Any, slope: Any, numbers: Any, zero: Any
) -> None:
    rows, depth, lines, several, across, _ = numbers
    columns, width = bias.size, 64 // c.itemsize
    together = PANELS * width
    for task in range(begin, end):
        top, group = task // across * lines, task % across * several * together
        left, right = group, min(columns, group + several * together)
        bottom = min(rows, top + lines)
        tiles = (bottom - top + ROWS - 1) // ROWS
        for k in range(0, depth, _STEPS):
            steps = min(_STEPS, depth - k)
            share = (steps + tiles - 1) // tiles
            for j in range(left, right, together):
                block, few = j * depth + k * width, min(together, columns - j)
                whole = few % width == 0 and steps % STEPS == 0
                alone = not whole or tiles == 1
                ahead = block + _STEPS * width
                for tile in range(tiles):
                    row, first = top + tile * ROWS, tile * share
                    high, end = min(ROWS, bottom - row), slope if k + steps == depth else 1.0
                    for panel in range(PANELS if alone else 0):
                        for step in range(first, min(steps, first + share)):
                            prefetch(packed, ahead + panel * depth * width + step * width)
                    if whole:
                        continue_whole(
                            c, row * columns + j, columns, a, row * depth + k, depth, packed, block, steps,
                            few // width, depth * width, bias, j, end, k > 0, high,
                            ahead + tile * (steps // STEPS) * 2 * width, not alone and tile < 2,
                        )  # fmt: skip
                        continue
                    multiply_tile(
                        c, row * columns + j, columns,
                        a, row * depth + k, depth, 0, zero, 1, 1,
                        packed, block, width, depth * width,
                        steps, high, few, k > 0,
                        bias, j, end,
                    )  # fmt: skip
