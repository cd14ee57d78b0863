"""Depthwise convolution, a filter a channel (Howard et al., 2017): products of vectors of channels, no matrix.

With one channel a group, a matrix product would fill one lane of a vector. Here channels are the lanes: an output is a sum
of R*S products of two vectors, x's and the weights', and so are both gradients.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

from ..compilation import jit
from ..geometry import Window, covering
from ..parallel import in_parallel, parallel, share
from ..product import prefetch, zeros
from .depthwise_sums import (
    CELLS,
    SPAN,
    TAPS,
    five_apart,
    five_columns,
    one_column,
    one_tap,
    one_vector,
    some_vectors,
    taps_of_span,
    three_apart,
    three_columns,
    three_taps,
    two_columns,
    two_taps,
)

_PARTS = 8
"""A weight gradient is summed in at most so many parts, cut by the shape alone."""
_CACHED = 1 << 22
"""Bytes that are read from a cache when they are read again: what has more is fetched ahead."""


def suits(channels: int, filters: int, window: Window, groups: int) -> bool:
    """Whether every filter sees one channel, every channel has one filter, and a filter's cells are neighbours."""
    return 1 < groups == channels == filters and window.dilation == (1, 1)


def workspace_size(output: tuple[int, int, int], channels: int, window: Window) -> int:
    """Elements of workspace that the weight gradient needs for an output (N, P, Q)."""
    return _parts(output[0] * output[1]) * math.prod(window.kernel) * channels


def _parts(lines: int) -> int:
    return max(1, min(_PARTS, lines))


@jit
def _add_cell(
    y: Any, y_at: Any, start: Any, x: Any, x_at: Any, x_row: Any, x_column: Any, w: Any, w_at: Any, w_row: Any,
    w_column: Any, rows: Any, columns: Any, slope: Any, first: Any, channels: Any,
) -> None:  # fmt: skip
    """The channels of a cell from the first on."""
    lanes = 64 // y.itemsize
    c = first
    while channels - c >= CELLS * lanes:
        some_vectors(
            y, y_at + c, start, c, x, x_at + c, x_row, x_column, w, w_at + c, w_row, w_column, rows, columns, slope, channels
        )  # fmt: skip
        c += CELLS * lanes
    while c < channels:
        one_vector(
            y, y_at + c, start, c, x, x_at + c, x_row, x_column, w, w_at + c, w_row, w_column, rows, columns, slope,
            channels - c,
        )  # fmt: skip
        c += lanes


@jit
def _add_cells(
    y: Any, y_at: Any, y_step: Any, start: Any, x: Any, x_at: Any, x_row: Any, step: Any, w: Any, w_at: Any, w_row: Any,
    w_column: Any, rows: Any, columns: Any, slope: Any, channels: Any,
) -> None:  # fmt: skip
    """`CELLS` cells of a row, whose windows lie on the picture `step` pixels apart."""
    lanes = 64 // y.itemsize
    whole = 0
    if columns in (3, 5) or (step == 1 and columns in (1, 2)):
        whole = channels // lanes * lanes
    for c in range(0, whole, lanes):
        place, seen, tap = y_at + c, x_at + c, w_at + c
        if step == 2:
            if columns == 3:
                three_apart(
                    y, place, y_step, start, c, x, seen, x_row, channels, w, tap, w_row, w_column, rows, slope
                )
            else:
                five_apart(
                    y, place, y_step, start, c, x, seen, x_row, channels, w, tap, w_row, w_column, rows, slope
                )
        elif columns == 3:
            three_columns(
                y, place, y_step, start, c, x, seen, x_row, channels, w, tap, w_row, w_column, rows, slope
            )
        elif columns == 2:
            two_columns(
                y, place, y_step, start, c, x, seen, x_row, channels, w, tap, w_row, w_column, rows, slope
            )
        elif columns == 1:
            one_column(
                y, place, y_step, start, c, x, seen, x_row, channels, w, tap, w_row, w_column, rows, slope
            )
        else:
            five_columns(
                y, place, y_step, start, c, x, seen, x_row, channels, w, tap, w_row, w_column, rows, slope
            )
    if whole < channels:
        for k in range(CELLS):
            _add_cell(
                y, y_at + k * y_step, start, x, x_at + k * step * channels, x_row, channels, w, w_at, w_row, w_column,
                rows, columns, slope, whole, channels,
            )  # fmt: skip


@parallel(lambda y, *_: y.shape[0] * y.shape[1])
def forward(start: Any, stop: Any, y: Any, x: Any, weights: Any, bias: Any, slope: Any, terms: Any) -> None:
    """y_npqc = f(b_c + the sum over r, s of x_nhwc weights_rsc)."""
    height, width, channels = x.shape[1], x.shape[2], x.shape[3]
    rows, cells = y.shape[1], y.shape[2]
    tall, wide, down, across, above, _, before, _, _, _ = terms
    target, source, filters = y.reshape(y.size), x.reshape(x.size), weights.reshape(weights.size)
    # The cells whose windows lie between the picture's sides.
    inner, outer = (before + across - 1) // across, min(cells, (width - wide + before) // across + 1)
    for line in range(start, stop):
        n = line // rows
        top = (line - n * rows) * down - above
        first, last = max(top, 0), min(top + tall, height)
        q = 0
        while q < cells:
            left = q * across - before
            begin, end = max(left, 0), min(left + wide, width)
            place = (line * cells + q) * channels
            pixel = ((n * height + first) * width + begin) * channels
            tap = ((first - top) * wide + begin - left) * channels
            if across <= 2 and inner <= q and q + CELLS <= outer:
                _add_cells(
                    target, place, channels, bias, source, pixel, width * channels, across, filters, tap, wide * channels,
                    channels, last - first, wide, slope, channels,
                )  # fmt: skip
                q += CELLS
            else:
                _add_cell(
                    target, place, bias, source, pixel, width * channels, channels, filters, tap, wide * channels,
                    channels, last - first, end - begin, slope, 0, channels,
                )  # fmt: skip
                q += 1


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
    rows, cells = d_y.shape[1], d_y.shape[2]
    row, column = terms[2] * terms[1] * channels, terms[3] * channels
    target, source, filters = d_x.reshape(d_x.size), d_y.reshape(d_y.size), weights.reshape(weights.size)
    step = terms[3]
    for line in range(begin, end):
        n = line // height
        h = line - n * height
        for phase in range(min(step, width)):
            w = phase
            while w < width:
                place = (line * width + w) * channels
                window = ((n * rows + down[h, 0]) * cells + across[w, 0]) * channels
                tap = (down[h, 2] * terms[1] + across[w, 2]) * channels
                last = w + (CELLS - 1) * step
                if (
                    last < width
                    and across[last, 0] == across[w, 0] + CELLS - 1
                    and across[last, 1] == across[w, 1]
                    and across[last, 2] == across[w, 2]
                ):
                    _add_cells(
                        target, place, step * channels, none, source, window, cells * channels, 1, filters, tap, -row,
                        -column, down[h, 1], across[w, 1], 1.0, channels,
                    )  # fmt: skip
                    w += CELLS * step
                else:
                    _add_cell(
                        target, place, none, source, window, cells * channels, channels, filters, tap, -row, -column,
                        down[h, 1], across[w, 1], 1.0, 0, channels,
                    )  # fmt: skip
                    w += step


def backward_weights(d_weights: Any, x: Any, d_y: Any, window: Window, workspace: Any) -> None:
    """d_weights_rsc = the sum of x_nhwc d_y_npqc over all pictures and positions."""
    parts = _parts(d_y.shape[0] * d_y.shape[1])
    sums = workspace[: parts * d_weights.size].reshape(parts, d_weights.size)
    whole = d_y.shape[3] * d_y.itemsize % 64 == 0
    in_spans = whole and window.kernel[1] == TAPS and window.stride[1] == 1
    row = x.shape[2], d_y.shape[2], window.kernel[1], window.stride[1], window.padding.left
    ahead = x.nbytes + d_y.nbytes > _CACHED
    _backward_weights(
        d_weights.reshape(-1), sums, x, d_y, window.terms, *_seeing(*row, in_spans=in_spans), ahead
    )


@lru_cache(maxsize=256)
def _seeing(
    width: int, cells: int, kernel: int, stride: int, padding: int, *, in_spans: bool
) -> tuple[Any, Any]:
    """Returns two tables. The first, flat: for every span of a line and every tap of a filter's row the first cell of the span that sees the
    picture with it, and the one after the last. The second: a span's first cell, and whether it has `SPAN` cells that see
    the picture with all taps. A line is one span, unless it goes `in_spans`.
    """
    taps = np.arange(kernel)
    first = np.maximum(0, -((taps - padding) // stride))
    last = np.maximum(first, np.minimum(cells, (width - 1 + padding - taps) // stride + 1))
    inner, outer = int(first.max()), int(last.min())
    edges = [0]
    if in_spans and inner + SPAN <= outer:
        edges += [each for each in range(inner, outer + 1, SPAN) if each]
    edges += [cells] if edges[-1] < cells else []
    spans = list(pairwise(edges))
    seen = [np.clip(np.stack([first, last], axis=1), a, b) for a, b in spans]
    whole = [[a, in_spans and b - a == SPAN and a >= inner and b <= outer] for a, b in spans]
    return np.concatenate(seen).reshape(-1), np.array(whole, np.intp)


@share
def _sum_lines(
    begin: Any, end: Any, sums: Any, x: Any, d_y: Any, terms: Any, seeing: Any, spans: Any, ahead: Any
) -> None:
    height, width = x.shape[1], x.shape[2]
    rows, cells, channels = d_y.shape[1], d_y.shape[2], d_y.shape[3]
    tall, wide, down, across, above, _, before, _, _, _ = terms
    lines, parts = d_y.shape[0] * rows, len(sums)
    source, signal = x.reshape(x.size), d_y.reshape(d_y.size)
    for part in range(begin, end):
        own = sums[part]
        own[:] = 0
        for line in range(lines * part // parts, lines * (part + 1) // parts):
            n = line // rows
            top = (line - n * rows) * down - above
            place = line * cells * channels
            first, last = max(0, -top), min(tall, height - top)
            for span in range(len(spans)):
                cell = spans[span, 0] * channels
                for r in range(first, last):
                    pixel = ((n * height + top + r) * width - before) * channels
                    if spans[span, 1]:
                        # What the next span reads of the gradient and of the last row is fetched meanwhile.
                        fetched = 0 if not ahead else 1 if r == first else 2 if r == last - 1 else 0
                        at, seen, signed = r * wide * channels, pixel + cell, place + cell
                        _sum_span(own, at, channels, source, seen, signal, signed, fetched)
                    else:
                        tap, column, table = r * wide, across * channels, span * wide
                        _sum_taps(
                            own, tap, wide, channels, source, pixel, column, signal, place, seeing, table
                        )


@jit
def _sum_span(
    own: Any, at: Any, channels: Any, source: Any, pixel: Any, signal: Any, place: Any, fetched: Any
) -> None:
    """The sums of a filter's row over a span. Of the span after it the gradient is fetched (1), the row of x (2) or nothing (0)."""
    lanes = 64 // own.itemsize
    for c in range(0, channels, lanes):
        if fetched == 1:
            for k in range(SPAN):
                prefetch(signal, place + c + (SPAN + k) * channels)
        elif fetched == 2:
            for k in range(SPAN):
                prefetch(source, pixel + c + (SPAN + k) * channels)
        taps_of_span(own, at + c, channels, source, pixel + c, signal, place + c)


@jit
def _sum_taps(
    own: Any, row: Any, wide: Any, channels: Any, source: Any, pixel: Any, column: Any, signal: Any, place: Any,
    seeing: Any, table: Any,
) -> None:  # fmt: skip
    """The sums of a filter's row, from its tap `row` on, over the cells that `seeing` has in its rows from `table` on."""
    lanes = 64 // own.itemsize
    for s in range(0, wide, TAPS):
        at, seen = (row + s) * channels, pixel + s * channels
        if wide - s >= TAPS:
            for c in range(0, channels, lanes):
                three_taps(
                    own, at + c, channels, source, seen + c, column, signal, place + c, seeing, table + s, channels - c
                )  # fmt: skip
        elif wide - s == 2:
            for c in range(0, channels, lanes):
                two_taps(
                    own, at + c, channels, source, seen + c, column, signal, place + c, seeing, table + s, channels - c
                )  # fmt: skip
        else:
            for c in range(0, channels, lanes):
                one_tap(
                    own, at + c, channels, source, seen + c, column, signal, place + c, seeing, table + s, channels - c
                )  # fmt: skip


@share
def _add_sums(begin: Any, end: Any, d_weights: Any, sums: Any) -> None:
    for i in range(begin, end):
        total = sums[0, i]
        for part in range(1, len(sums)):
            total += sums[part, i]
        d_weights[i] = total


@jit(parallel=True)
def _backward_weights(
    d_weights: Any, sums: Any, x: Any, d_y: Any, terms: Any, seeing: Any, spans: Any, ahead: Any
) -> None:
    in_parallel(_sum_lines, len(sums), (sums, x, d_y, terms, seeing, spans, ahead))
    in_parallel(_add_sums, d_weights.size, (d_weights, sums))
