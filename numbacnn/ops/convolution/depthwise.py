"""Depthwise convolution, a filter a channel (Howard et al., 2017): products of vectors of channels, no matrix.

With one channel a group, a matrix product would fill one lane of a vector. Here channels are the lanes: an output is a sum
of R*S products of two vectors, x's and the weights', and so are both gradients.
"""

# Numba calls the intrinsic with its own builder objects, which have no types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"

from __future__ import annotations

import math
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..compilation import jit
from ..geometry import Window, covering
from ..lanes import over_cells, place_of, whole_or_part
from ..parallel import in_parallel, parallel, share
from ..product import zeros

_PARTS = 8
"""A weight gradient is summed in at most so many parts, cut by the shape alone."""


def suits(channels: int, filters: int, window: Window, groups: int) -> bool:
    """Whether every filter sees one channel, every channel has one filter, and a filter's cells are neighbours."""
    return 1 < groups == channels == filters and window.dilation == (1, 1)


def workspace_size(output: tuple[int, int, int], channels: int, window: Window) -> int:
    """Elements of workspace that the weight gradient needs for an output (N, P, Q)."""
    return _parts(output[0] * output[1]) * math.prod(window.kernel) * channels


def _parts(lines: int) -> int:
    return max(1, min(_PARTS, lines))


@intrinsic
def _add_products(
    typingctx, y, y_at, start, start_at, x, x_at, x_row, x_column, w, w_at, w_row, w_column, rows, columns,
    slope, channels,
):  # fmt: skip
    """y = f(start + the sum of x w over rows x columns cells), of vectors of channels in flat arrays.

    Those of cell (i, j) lie at x_at + i x_row + j x_column and at w_at + i w_row + j w_column; f(v) = v above 0, else
    slope v.
    """
    signature = types.void(
        y, y_at, start, start_at, x, x_at, x_row, x_column, w, w_at, w_row, w_column, rows, columns, slope, channels
    )  # fmt: skip

    def emit(builder, arguments, lanes):
        _, y_at, _, start_at, _, x_at, x_row, x_column, _, w_at, w_row, w_column, rows, columns, slope, _ = (
            arguments
        )
        vector = ir.VectorType(lanes.number, lanes.count)
        bits = 64 if isinstance(lanes.number, ir.DoubleType) else 32
        fma = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fma.v{lanes.count}f{bits}"
        )

        def visit(i, j, carried):
            (total,) = carried
            value = lanes.load(4, place_of(builder, x_at, i, x_row, j, x_column), lanes.number)
            weight = lanes.load(8, place_of(builder, w_at, i, w_row, j, w_column), lanes.number)
            return [builder.call(fma, [value, weight, total])]

        (total,) = over_cells(builder, rows, columns, [lanes.load(2, start_at, lanes.number)], visit)
        share = builder.fmul(lanes.splat(lanes.cast(slope, 14)), total)
        above = builder.fcmp_ordered(">", total, lanes.zeros(lanes.number))
        lanes.store(builder.select(above, total, share), 0, y_at)

    return signature, whole_or_part(emit)


@parallel(lambda y, *_: y.shape[0] * y.shape[1])
def forward(start: Any, stop: Any, y: Any, x: Any, weights: Any, bias: Any, slope: Any, terms: Any) -> None:
    """y_npqc = f(b_c + the sum over r, s of x_nhwc weights_rsc)."""
    height, width, channels = x.shape[1], x.shape[2], x.shape[3]
    rows, cells, lanes = y.shape[1], y.shape[2], 64 // y.itemsize
    tall, wide, down, across, above, _, before, _, _, _ = terms
    target, source, filters = y.reshape(y.size), x.reshape(x.size), weights.reshape(weights.size)
    for line in range(start, stop):
        n = line // rows
        top = (line - n * rows) * down - above
        first, last = max(top, 0), min(top + tall, height)
        for q in range(cells):
            left = q * across - before
            begin, end = max(left, 0), min(left + wide, width)
            place = (line * cells + q) * channels
            pixel = ((n * height + first) * width + begin) * channels
            tap = ((first - top) * wide + begin - left) * channels
            for c in range(0, channels, lanes):
                _add_products(
                    target, place + c, bias, c, source, pixel + c, width * channels, channels,
                    filters, tap + c, wide * channels, channels, last - first, end - begin, slope, channels - c,
                )  # fmt: skip


def backward_input(d_x: Any, d_y: Any, weights: Any, window: Window) -> None:
    """d_x_nhwc = the sum of d_y_npqc weights_rsc over the windows that cover (h, w)."""
    (height, width, channels), (rows, cells) = d_x.shape[1:], d_y.shape[1:3]
    down = covering(height, rows, window.kernel[0], window.stride[0], window.padding.top)
    across = covering(width, cells, window.kernel[1], window.stride[1], window.padding.left)
    _backward_input(d_x, d_y, weights, window.terms, down, across, zeros(channels, d_x.dtype))


@parallel(lambda d_x, *_: d_x.shape[0] * d_x.shape[1])
def _backward_input(
    begin: Any, end: Any, d_x: Any, d_y: Any, weights: Any, terms: Any, down: Any, across: Any, none: Any
) -> None:
    height, width, channels = d_x.shape[1], d_x.shape[2], d_x.shape[3]
    rows, cells, lanes = d_y.shape[1], d_y.shape[2], 64 // d_y.itemsize
    row, column = terms[2] * terms[1] * channels, terms[3] * channels
    target, source, filters = d_x.reshape(d_x.size), d_y.reshape(d_y.size), weights.reshape(weights.size)
    for line in range(begin, end):
        n = line // height
        h = line - n * height
        for w in range(width):
            place = (line * width + w) * channels
            window = ((n * rows + down[h, 0]) * cells + across[w, 0]) * channels
            tap = (down[h, 2] * terms[1] + across[w, 2]) * channels
            for c in range(0, channels, lanes):
                _add_products(
                    target, place + c, none, c, source, window + c, cells * channels, channels,
                    filters, tap + c, -row, -column, down[h, 1], across[w, 1], 1.0, channels - c,
                )  # fmt: skip


def backward_weights(d_weights: Any, x: Any, d_y: Any, window: Window, workspace: Any) -> None:
    """d_weights_rsc = the sum of x_nhwc d_y_npqc over all pictures and positions."""
    parts = _parts(d_y.shape[0] * d_y.shape[1])
    sums = workspace[: parts * d_weights.size].reshape(parts, d_weights.size)
    _backward_weights(d_weights.reshape(-1), sums, x, d_y, window.terms)


@share
def _sum_lines(begin: Any, end: Any, sums: Any, x: Any, d_y: Any, terms: Any) -> None:
    height, width, channels = x.shape[1], x.shape[2], x.shape[3]
    rows, cells, lanes = d_y.shape[1], d_y.shape[2], 64 // d_y.itemsize
    tall, wide, down, across, above, _, before, _, _, _ = terms
    lines, parts = d_y.shape[0] * rows, len(sums)
    source, signal = x.reshape(x.size), d_y.reshape(d_y.size)
    for part in range(begin, end):
        own = sums[part]
        own[:] = 0
        for line in range(lines * part // parts, lines * (part + 1) // parts):
            n = line // rows
            top = (line - n * rows) * down - above
            for r in range(max(0, -top), min(tall, height - top)):
                for s in range(wide):
                    # The outputs whose cell s lies on the picture.
                    first = max(0, (before - s + across - 1) // across)
                    last = min(cells, (width - 1 + before - s) // across + 1)
                    pixel = ((n * height + top + r) * width + first * across - before + s) * channels
                    place, tap = (line * cells + first) * channels, (r * wide + s) * channels
                    for c in range(0, channels, lanes):
                        _add_products(
                            own, tap + c, own, tap + c, source, pixel + c, 0, across * channels,
                            signal, place + c, 0, channels, 1, last - first, 1.0, channels - c,
                        )  # fmt: skip


@share
def _add_sums(begin: Any, end: Any, d_weights: Any, sums: Any) -> None:
    for i in range(begin, end):
        total = sums[0, i]
        for part in range(1, len(sums)):
            total += sums[part, i]
        d_weights[i] = total


@jit(parallel=True)
def _backward_weights(d_weights: Any, sums: Any, x: Any, d_y: Any, terms: Any) -> None:
    in_parallel(_sum_lines, len(sums), (sums, x, d_y, terms))
    in_parallel(_add_sums, d_weights.size, (d_weights, sums))
