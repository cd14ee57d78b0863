"""Steps of convolutions and dense layers for a group of pictures, forward and backward.

Each function is a step of a chain (calling.step); its docstring lists what the step's row of the table holds after the
address. Offsets are in elements of the arena; those of parameters (w, bias) in elements of the row of weights. A dense
layer is computed as a convolution with one output place, whose only filter row is as long as its input.
"""

from __future__ import annotations

from typing import Any

from ..compilation import jit
from .calling import step
from .tiles import CHANNELS, FEW, KEY, LONG, PLACES, TAPS, inputs, outputs, pictures, taps
from .vectors import MANY_REGISTERS, VECTOR_BYTES

_FIVE, _FOUR, _THREE, _ONE = TAPS[5], TAPS[4], TAPS[3], TAPS[1]


@jit(inline=True)
def _tile_of(channels: Any, most: Any) -> Any:
    """Returns the channels of a tile such that the fewest are computed twice; the last tile ends with the last channel."""
    if channels <= most:
        return channels
    best, least = most, (channels + most - 1) // most * most
    for each in range(most - 1, most // 2, -1):
        whole = (channels + each - 1) // each * each
        if whole < least:
            best, least = each, whole
    return best


@jit(inline=True)
def _taps_of(left: Any, filters: Any) -> Any:
    """Returns how many of the taps that are left form the next tile, such that no single tap is left over."""
    if left < 3:
        return 1
    if filters % 4 == 0 and not MANY_REGISTERS:  # 3 x 4 sums fill the registers
        return 3 if left < 4 or left > 5 else left
    if left % 5 == 0:
        return 5
    return 3 if left in (3, 6) else 4


@jit(inline=True)
def _widest(taps: Any) -> Any:
    """Returns the largest number of channels of a tile of so many taps."""
    return _FIVE if taps == 5 else _FOUR if taps == 4 else _THREE if taps == 3 else _ONE


@step
def convolve(
    arena: Any, weights: Any, gradients: Any, g: Any, numbers: Any, random: Any, first: Any, adds: Any
) -> None:
    """The forward pass. The row holds: y, offsets of its next row and cell; x, offsets of its next row and cell; rows
    of the filters, offset of x's next row, numbers of a filter's row; w; bias (negative: none); K; P, Q; the winners of
    2x2 windows (negative: no pool). numbers[0] is the rectifier's slope.
    """
    lanes = VECTOR_BYTES // arena.itemsize
    y, y_row, y_cell, x, x_row, x_cell, outer, x_outer, inner, w, bias, channels, rows, cells, winners = (
        g[1], g[2], g[3], g[4], g[5], g[6], g[7], g[8], g[9], g[10], g[11], g[12], g[13], g[14], g[15],
    )  # fmt: skip
    pooled = winners >= 0
    single = rows * cells == 1 and not pooled
    # A tile is four places: of 2x2 that are pooled, else of a row, or of two places twice over where there are no more.
    places = 1 if single else PLACES
    together = 1 if pooled or single else PLACES if cells >= PLACES else min(cells, 2)
    x_across = x_cell if pooled or together > 1 else 0
    x_down = x_row if pooled else 2 * x_cell if together == PLACES else 0
    y_across, y_down = (y_cell if together > 1 else 0), (2 * y_cell if together == PLACES else 0)
    apart = 2 if pooled else 1
    wide = (LONG if channels >= LONG else min(channels, FEW)) if single else _tile_of(channels, CHANNELS)
    for p in range(rows):
        for q in range(0, cells, together):
            at = min(q, cells - together)
            for k in range(0, channels, wide):
                channel = min(k, channels - wide)
                outputs(
                    arena, weights, KEY * places + wide,
                    (y + p * y_row + at * y_cell + channel * lanes, y_across, y_down,
                     x + apart * (p * x_row + at * x_cell), x_across, x_down, outer, x_outer, inner * channels,
                     inner, w + channel, channels, bias + channel if bias >= 0 else bias,
                     winners + (p * cells + at) * channels * lanes + channel * lanes if pooled else winners),
                    numbers[0],
                )  # fmt: skip


@step
def convolve_back(
    arena: Any, weights: Any, gradients: Any, g: Any, numbers: Any, random: Any, first: Any, adds: Any
) -> None:
    """The gradient of the input, times numbers[0] where the input is not positive. The row holds: d_x, offsets of its next
    row and cell, H, W, C; d_y, offsets of its next row and cell, P, Q, K; R, S; stride down, across; padding top, left; w;
    how many neighbours are computed together: 2 if d_y's rows have a cell of zeros on either side, else 1; the input,
    offsets of its next row and cell; offsets of w's next row, tap and channel; whether w is in the arena.
    """
    lanes = VECTOR_BYTES // arena.itemsize
    target, target_row, target_cell, height, width, channels = g[1], g[2], g[3], g[4], g[5], g[6]
    d, d_row, d_cell, rows, cells, filters = g[7], g[8], g[9], g[10], g[11], g[12]
    tall, long, down, across, top, left, w, together, x, x_row, x_cell, w_row, w_tap, w_channel, moved = (
        g[13], g[14], g[15], g[16], g[17], g[18], g[19], g[20], g[21], g[22], g[23], g[24], g[25], g[26],
        g[27],
    )  # fmt: skip
    factors = arena if moved else weights
    # Whether the numbers of a tap lie behind those of the one before, in d_y and in w: one long loop over both.
    whole = w_tap == filters and d_cell == -filters * lanes and across == 1
    wide = LONG if height * width == 1 and channels >= LONG else _tile_of(channels, FEW)
    for h in range(height):
        # The filters' rows that reach this one: r = first_r, first_r + down, …, from d_y's row (h + top - r) / down.
        first_r = max((h + top) % down, h + top - (rows - 1) * down)
        count_r = (min(tall - 1, h + top) - first_r) // down + 1
        d_first = d + (h + top - first_r) // down * d_row
        for phase in range(min(across, width)):
            number = (width - phase + across - 1) // across
            beside = min(number, together)
            # Of the taps that reach these: `rest`, rest + across, …, numbered from 0 on, from d_y's cell `here` on.
            rest, before = (phase + left) % across, (phase + left) // across
            last = (long - 1 - rest) // across
            for n in range(0, number, beside):
                at = min(n, number - beside)
                here = at + before
                first_tap = max(0, here - (cells - 1))
                count_s = min(last, here + beside - 1) - first_tap + 1
                first_s = rest + first_tap * across
                for c in range(0, channels, wide):
                    channel = min(c, channels - wide)
                    inputs(
                        arena, factors, KEY * beside + wide,
                        (target + h * target_row + (phase + at * across) * target_cell + channel * lanes,
                         across * target_cell, x + h * x_row + (phase + at * across) * x_cell + channel * lanes,
                         across * x_cell, d_first + (here - first_tap) * d_cell, d_cell,
                         count_r, -d_row, down * w_row, 1 if whole else count_s, -d_cell, across * w_tap,
                         count_s * filters if whole else filters,
                         w + first_r * w_row + first_s * w_tap + channel * w_channel, w_channel),
                        numbers[0],
                    )  # fmt: skip


@step
def convolve_weights(
    arena: Any, weights: Any, gradients: Any, g: Any, numbers: Any, random: Any, first: Any, adds: Any
) -> None:
    """The gradient of the filters. The row holds: the sums; x, offsets of its next row and cell; R, offset of x's next
    row, numbers of a filter's row; d_y, offsets of its next row and cell; K, P, Q. With a single x of 1 it is the
    gradient of a bias.
    """
    lanes = VECTOR_BYTES // arena.itemsize
    sums, x, x_row, x_cell, tall, x_outer, inner = g[1], g[2], g[3], g[4], g[5], g[6], g[7]
    d, d_row, d_cell, filters, rows, cells = g[8], g[9], g[10], g[11], g[12], g[13]
    block = _tile_of(filters, _widest(_taps_of(inner, filters)))
    # d_y's block of a few filters stays in the first cache while all taps are multiplied with it.
    for k in range(0, filters, block):
        start = min(k, filters - block)
        for r in range(tall):
            i = 0
            while i < inner:
                high = _taps_of(inner - i, filters)
                wide = _tile_of(block, _widest(high))
                for within in range(0, block, wide):
                    channel = start + min(within, block - wide)
                    taps(
                        arena, KEY * high + wide,
                        (sums + (r * inner + i) * filters + channel, filters, x + r * x_outer + i * lanes, x_row, x_cell,
                         d + channel * lanes, d_row, d_cell, rows, cells),
                    )  # fmt: skip
                i += high


@step
def dense_weights(
    arena: Any, weights: Any, gradients: Any, g: Any, numbers: Any, random: Any, first: Any, adds: Any
) -> None:
    """The gradient of a dense layer's weights. The row holds: the gradient, offset of its next row; x, D; d_y, K; room
    for the transposed d_y.
    """
    lanes = VECTOR_BYTES // arena.itemsize
    gradient, row, x, channels, d, filters, turned = g[1], g[2], g[3], g[4], g[5], g[6], g[7]
    for k in range(filters):
        for lane in range(lanes):
            arena[turned + lane * row + k] = arena[d + k * lanes + lane]
    k = 0
    while k < row:
        high = 2 if row - k > lanes else 1
        i = 0
        while i < channels:
            wide = FEW if channels - i >= FEW else 1
            pictures(
                gradients, arena, KEY * high + wide,
                (gradient + i * row + k, row, turned + k, row, x + i * lanes, adds),
            )  # fmt: skip
            i += wide
        k += high * lanes
