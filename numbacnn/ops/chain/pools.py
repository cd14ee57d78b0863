"""Steps of pools for a group of pictures, forward and backward. `products` says how a step's row describes its
arguments.
"""

from __future__ import annotations

from typing import Any

from ..compilation import jit
from ..pooling.rows import PADDED, SUM, cells_within
from .calling import step
from .cells import ADDS, FOUR, WRITES, largest, spread, to_winner, total
from .vectors import VECTOR_BYTES


@step
def pool(
    arena: Any, weights: Any, gradients: Any, g: Any, numbers: Any, random: Any, first: Any, adds: Any
) -> None:
    """A pool. The row holds: y, offset of its next row; x, offset of its next row; H, W, C; P, Q; rows and columns of
    the window; stride down, across; padding top, bottom, left, right; the divisor of a sum, or a negative number for a
    maximum; the winners, which are laid out as y.
    """
    lanes = VECTOR_BYTES // arena.itemsize
    y, y_row, x, x_row, height, width, channels, rows, cells = (
        g[1],
        g[2],
        g[3],
        g[4],
        g[5],
        g[6],
        g[7],
        g[8],
        g[9],
    )
    tall, wide, down, across, above, below, before, after, divisor, winners = (
        g[10], g[11], g[12], g[13], g[14], g[15], g[16], g[17], g[18], g[19],
    )  # fmt: skip
    cell = channels * lanes
    for p in range(rows):
        top = p * down - above
        first, last = max(top, 0), min(top + tall, height)
        for q in range(cells):
            left = q * across - before
            begin, end = max(left, 0), min(left + wide, width)
            target, source = y + p * y_row + q * cell, x + first * x_row + begin * cell
            if divisor < 0:
                number = (first - top) * wide + begin - left
                winner = winners + (p * cells + q) * cell
                largest(
                    arena,
                    (target, winner, source, x_row, cell, last - first, end - begin, number, wide, channels),
                    numbers[0],
                )
            else:
                count = _counted(divisor, top, left, tall, wide, height, width, below, after)
                total(
                    arena,
                    (target, source, x_row, cell, last - first, end - begin, count, channels),
                    numbers[0],
                )


@jit
def _counted(
    divisor: Any, top: Any, left: Any, tall: Any, wide: Any, height: Any, width: Any, below: Any, after: Any
) -> Any:
    """Returns the number that the sum of a window's cells is divided by."""
    if divisor == SUM:
        return 1
    if divisor == PADDED:
        return cells_within(top, tall, height + below) * cells_within(left, wide, width + after)
    return cells_within(max(top, 0), top + tall - max(top, 0), height) * cells_within(
        max(left, 0), left + wide - max(left, 0), width
    )


@step
def pool_back(
    arena: Any, weights: Any, gradients: Any, g: Any, numbers: Any, random: Any, first: Any, adds: Any
) -> None:
    """The gradient of a pool; of a maximum, that of y times numbers[0] where y is not positive. The row holds: d_x, offsets
    of its next row and cell, the first of its rows including the border, and how many elements they all have; d_y, offset of
    its next row; y, offset of its next row; then H, W, ... as in `pool`.
    """
    lanes = VECTOR_BYTES // arena.itemsize
    target, target_row, target_cell, whole, size, d, d_row, y, y_row = (
        g[1], g[2], g[3], g[4], g[5], g[6], g[7], g[8], g[9],
    )  # fmt: skip
    height, width, channels, rows, cells = g[10], g[11], g[12], g[13], g[14]
    tall, wide, down, across, above, below, before, after, divisor, winners = (
        g[15], g[16], g[17], g[18], g[19], g[20], g[21], g[22], g[23], g[24],
    )  # fmt: skip
    cell = channels * lanes
    apart = divisor < 0 and down >= tall and across >= wide
    if not apart:
        arena[whole : whole + size] = 0
    for p in range(rows):
        top = p * down - above
        first, last = max(top, 0), min(top + tall, height)
        for q in range(cells):
            left = q * across - before
            begin, end = max(left, 0), min(left + wide, width)
            place, source = target + first * target_row + begin * target_cell, d + p * d_row + q * cell
            if divisor < 0:
                number = (first - top) * wide + begin - left
                kind = (FOUR if last - first == 2 and end - begin == 2 else WRITES) if apart else ADDS
                to_winner(
                    arena, kind,
                    (place, target_row, target_cell, source, y + p * y_row + q * cell, winners + (p * cells + q) * cell,
                     last - first, end - begin, number, wide, channels),
                    numbers[0],
                )  # fmt: skip
            else:
                count = _counted(divisor, top, left, tall, wide, height, width, below, after)
                spread(
                    arena,
                    (place, target_row, target_cell, source, last - first, end - begin, count, channels),
                )
