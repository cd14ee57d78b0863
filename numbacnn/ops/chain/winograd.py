"""Steps of convolutions of stride 1 in Winograd's way, F(4, r) along the rows, for a group of pictures; `products` says how a
step's row describes its arguments.

A row of outputs is tiles of OUTPUTS cells; the last one ends with the row, and cells of two tiles are computed twice.
What a filter's rows add up to is a sum for each of a tile's positions. The inputs are moved to positions once, forward, and
serve the gradient of the filters too; the gradient of the outputs is moved once for both gradients, whose products are
steps of `products`. Moved inputs are (tiles, positions, P + R - 1, C), moved gradients (tiles, positions, P, K) with the last row
first and a row of zeros on either side, moved filters (positions, R, C, K).
"""

from __future__ import annotations

from typing import Any

from .calling import step
from .tiles import KEY
from .transforms import (
    OUTPUTS,
    WIDE,
    add_back,
    clear,
    filters_moved,
    from_positions,
    gradients_to_positions,
    position_sums,
    to_positions,
    where_positive,
)
from .vectors import VECTOR_BYTES


@step
def move_filters(
    arena: Any, weights: Any, gradients: Any, g: Any, numbers: Any, random: Any, first: Any, adds: Any
) -> None:
    """Transforms filters, G w, or collects their gradient, G' d. The row holds: the target, offsets of its next line and row; w, or the
    gradient of the moved filters, offsets of its next line and row; R, C, K; S, negative to collect; room for the moved
    filters as (positions, C, R, K), and C (0: they are not wanted).
    """
    target, line, row, source, source_line, source_row, tall, channels, filters, kind, turned, copies = (
        g[1], g[2], g[3], g[4], g[5], g[6], g[7], g[8], g[9], g[10], g[11], g[12],
    )  # fmt: skip
    given = weights if kind > 0 else arena
    for r in range(tall):
        to, lines, at, numbers_of = target + r * row, line, source + r * source_row, channels * filters
        for c in range(copies + 1):
            filters_moved(arena, given, kind, (to, lines, at, source_line, numbers_of))
            to, lines = turned + (c * tall + r) * filters, channels * tall * filters
            at, numbers_of = source + r * source_row + c * filters, filters


@step
def convolve_tiles(
    arena: Any, weights: Any, gradients: Any, g: Any, numbers: Any, random: Any, first: Any, adds: Any
) -> None:
    """The forward pass of the tiles above each other. The row holds: y, offsets of its next row and cell; x, offsets of its next row and
    cell; the moved inputs, which it writes, offset of the next position; P + R - 1, C; the moved filters, offset of the next
    position; R C, K; room for sums, offset of the next position; P before pooling, rows of a tile of sums; S; bias
    (negative: none); the winners of 2x2 windows (negative: no pool), offset of their next row. numbers[0] is the rectifier's
    slope.
    """
    lanes = VECTOR_BYTES // arena.itemsize
    y, y_row, y_cell, x, x_row, x_cell, v, v_position, height, channels, u, u_position, steps, filters = (
        g[1], g[2], g[3], g[4], g[5], g[6], g[7], g[8], g[9], g[10], g[11], g[12], g[13], g[14],
    )  # fmt: skip
    m, m_position, rows, high, wide, bias, winners, winners_row = (
        g[15], g[16], g[17], g[18], g[19], g[20], g[21], g[22],
    )  # fmt: skip
    v_row, m_row = channels * lanes, WIDE * lanes
    apart = 2 if winners >= 0 else 1
    for h in range(height):
        to_positions(arena, arena, wide, (v + h * v_row, v_position, x + h * x_row, x_cell, channels * lanes))
    for k in range(0, filters, WIDE):
        channel = min(k, filters - WIDE)
        for p in range(0, rows, high):
            at = min(p, rows - high)
            position_sums(
                arena, KEY * high + WIDE,
                (wide + OUTPUTS - 1, m + at * m_row, m_position, m_row, v + at * v_row, v_position, v_row, u + channel,
                 u_position, filters, steps),
            )  # fmt: skip
        for p in range(rows // apart):
            from_positions(
                arena, weights, wide,
                (y + p * y_row + channel * lanes, y_cell, m + p * apart * m_row, m_position, m_row,
                 bias + channel if bias >= 0 else bias,
                 winners + p * winners_row + channel * lanes if winners >= 0 else winners, WIDE),
                numbers[0],
            )  # fmt: skip


@step
def move_gradients(
    arena: Any, weights: Any, gradients: Any, g: Any, numbers: Any, random: Any, first: Any, adds: Any
) -> None:
    """Transforms the gradient of the outputs of the tiles above each other. The row holds: the moved gradients, of whose first position
    the first row of zeros is the first; d_y, offsets of its next row and cell; P before pooling, K; S; the winners of 2x2 windows
    (negative: no pool), offset of their next row; outputs that the tile before has too; whether the rows of zeros are needed.
    """
    lanes = VECTOR_BYTES // arena.itemsize
    target, d, d_row, d_cell, rows, filters, wide, winners, winners_row, known, clears = (
        g[1], g[2], g[3], g[4], g[5], g[6], g[7], g[8], g[9], g[10], g[11],
    )  # fmt: skip
    row = filters * lanes
    position = (rows + 2) * row
    apart = 2 if winners >= 0 else 1
    for i in range(2 * (wide + OUTPUTS - 1) if clears else 0):
        clear(arena, (target + (i + 1) // 2 * position - i % 2 * row, filters))
    for p in range(rows // apart):
        gradients_to_positions(
            arena, wide,
            (target + (rows - p * apart) * row, position, -row, d + p * d_row, d_cell,
             winners + p * winners_row if winners >= 0 else winners, known, filters),
        )  # fmt: skip


@step
def collect_inputs(
    arena: Any, weights: Any, gradients: Any, g: Any, numbers: Any, random: Any, first: Any, adds: Any
) -> None:
    """The gradient of the input from that of the moved inputs, times numbers[0] where the input is not positive. The row holds: d_x,
    offset of its next row; H, W, C; the gradient of the moved inputs, offset of its next position, of which row H's first
    is the first; S, Q; padding left; room for a row; the input, offset of its next row.
    """
    lanes = VECTOR_BYTES // arena.itemsize
    target, target_row, height, width, channels, moved, position, wide, cells, left, room, x, x_row = (
        g[1], g[2], g[3], g[4], g[5], g[6], g[7], g[8], g[9], g[10], g[11], g[12], g[13],
    )  # fmt: skip
    points, cell = wide + OUTPUTS - 1, channels * lanes
    for h in range(height):
        known, source = 0, moved + h * cell
        for tile in range(0, cells, OUTPUTS):
            start = min(tile, cells - OUTPUTS)
            add_back(arena, wide, (room + start * cell, cell, source, position, known - start, channels))
            known = start + points
            source += points * position
        where_positive(
            arena, (target + h * target_row, x + h * x_row, room + left * cell, width * channels), numbers[0]
        )
