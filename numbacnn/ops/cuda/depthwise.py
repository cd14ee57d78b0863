"""Depthwise convolution on the GPU, a filter a channel: a thread an output cell forward, an input cell backward, and for the
weights a thread a channel of a tap, over a part of the cells; see ops.convolution.depthwise.

A line is a row of one picture. Rows and columns are counted from the padding's corner, so that none is below zero.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import cuda, float32

from ..geometry import Window
from .budget import Budget
from .columns import DOWN, THREADS, adds_up, column_sum, launch_columns, own_rows, parts_of
from .elements import launch_lines, line_element
from .product.combine import combine
from .toolchain import ZERO, device_function, kernel

BUDGETS = {
    "_forward": Budget(registers=40, shared_bytes=0),
    "_backward_input": Budget(registers=32, shared_bytes=0),
    "_backward_weights": Budget(registers=40, shared_bytes=2048),
}
_ONE = np.uint32(1)
(ROWS, COLUMNS, HEIGHT, WIDTH, CHANNELS, TALL, WIDE, DOWNWARD, ACROSS, ABOVE, LEFT) = range(11)
"""Places in a convolution's sizes: P, Q, H, W, C, R, S, the stride, and the padding above and to the left."""


def _sizes(small: Any, large: Any, window: Window) -> tuple[int, ...]:
    return (*small[1:3], *large[1:], *window.kernel, *window.stride, window.padding.top, window.padding.left)


def weights_workspace_size(output: tuple[int, int, int], channels: int, window: Window) -> int:
    """Elements of workspace that the weight gradient needs for an output (N, P, Q)."""
    parts, _ = parts_of(math.prod(output))
    return parts * math.prod(window.kernel) * channels if parts > 1 else 0


@device_function
def _first_tap(start: Any, before: Any) -> Any:
    """The first tap of a window from `start` on that is in the picture."""
    return np.uint32(before - start) if before > start else np.uint32(0)


@kernel
def _forward(y: Any, x: Any, weights: Any, bias: Any, slope: Any, sizes: Any) -> None:
    line, place = line_element()
    channels = sizes[CHANNELS]
    if place < np.uint32(sizes[COLUMNS] * channels):
        n, q = np.uint32(line // sizes[ROWS]), np.uint32(place // channels)
        c = np.uint32(place - q * channels)
        top = np.uint32((line - n * sizes[ROWS]) * sizes[DOWNWARD])
        start = np.uint32(q * sizes[ACROSS])
        total = bias[c]
        r = _first_tap(top, sizes[ABOVE])
        while r < sizes[TALL] and np.uint32(top + r) < np.uint32(sizes[HEIGHT] + sizes[ABOVE]):
            row = np.uint32((n * sizes[HEIGHT] + top + r - sizes[ABOVE]) * sizes[WIDTH])
            s = _first_tap(start, sizes[LEFT])
            while s < sizes[WIDE] and np.uint32(start + s) < np.uint32(sizes[WIDTH] + sizes[LEFT]):
                value = x[np.uint32((row + start + s - sizes[LEFT]) * channels + c)]
                total += value * weights[np.uint32((r * sizes[WIDE] + s) * channels + c)]
                s = np.uint32(s + _ONE)
            r = np.uint32(r + _ONE)
        y[np.uint32(line * sizes[COLUMNS] * channels + place)] = total if total > ZERO else slope * total


@kernel
def _backward_input(d_x: Any, d_y: Any, weights: Any, sizes: Any) -> None:
    line, place = line_element()
    channels = sizes[CHANNELS]
    if place < np.uint32(sizes[WIDTH] * channels):
        n, column = np.uint32(line // sizes[HEIGHT]), np.uint32(place // channels)
        c, w = np.uint32(place - column * channels), np.uint32(column + sizes[LEFT])
        h = np.uint32(line - n * sizes[HEIGHT] + sizes[ABOVE])
        total = ZERO
        # From the last window that covers this row back to the first: its tap there is a stride more each time.
        p, r = np.uint32(h // sizes[DOWNWARD]), np.uint32(h % sizes[DOWNWARD])
        while r < sizes[TALL]:
            if p < sizes[ROWS]:
                q, s = np.uint32(w // sizes[ACROSS]), np.uint32(w % sizes[ACROSS])
                while s < sizes[WIDE]:
                    if q < sizes[COLUMNS]:
                        cell = np.uint32((n * sizes[ROWS] + p) * sizes[COLUMNS] + q)
                        tap = np.uint32(r * sizes[WIDE] + s)
                        total += d_y[np.uint32(cell * channels + c)] * weights[np.uint32(tap * channels + c)]
                    # Before the first window q is a very large number.
                    q, s = np.uint32(q - _ONE), np.uint32(s + sizes[ACROSS])
            p, r = np.uint32(p - _ONE), np.uint32(r + sizes[DOWNWARD])
        d_x[np.uint32(line * sizes[WIDTH] * channels + place)] = total


@kernel
def _backward_weights(
    sums: Any, x: Any, d_y: Any, sizes: Any, cells: Any, columns: Any, part_cells: Any
) -> None:
    """Of each part's cells the sums of x d_y, a column for every channel of every tap."""
    shared = cuda.shared.array(THREADS, float32)
    column, cell, end = own_rows(cells, part_cells)
    channels = sizes[CHANNELS]
    tap = np.uint32(column // channels)
    c = np.uint32(column - tap * channels)
    r = np.uint32(tap // sizes[WIDE])
    s = np.uint32(tap - r * sizes[WIDE])
    total = ZERO
    if column < columns:
        while cell < end:
            line = np.uint32(cell // sizes[COLUMNS])
            n = np.uint32(line // sizes[ROWS])
            # Above or left of the picture they are very large numbers.
            h = np.uint32((line - n * sizes[ROWS]) * sizes[DOWNWARD] + r - sizes[ABOVE])
            w = np.uint32((cell - line * sizes[COLUMNS]) * sizes[ACROSS] + s - sizes[LEFT])
            if h < sizes[HEIGHT] and w < sizes[WIDTH]:
                pixel = np.uint32((n * sizes[HEIGHT] + h) * sizes[WIDTH] + w)
                total += x[np.uint32(pixel * channels + c)] * d_y[np.uint32(cell * channels + c)]
            cell = np.uint32(cell + DOWN)
    total = column_sum(shared, total)
    if adds_up() and column < columns:
        sums[np.uint32(np.uint32(cuda.blockIdx.y) * columns + column)] = total


def _launch(kernel: Any, output: Any, *arguments: Any) -> None:
    count, rows, columns, channels = output.shape
    launch_lines(kernel, count * rows, columns * channels, output, *arguments)


def forward(y: Any, x: Any, weights: Any, bias: Any, slope: Any, window: Window) -> None:
    """y_npqc = f(b_c + the sum over r, s of x_nhwc weights_rsc)."""
    _launch(_forward, y, x, weights, bias, float(slope), _sizes(y.shape, x.shape, window))


def backward_input(d_x: Any, d_y: Any, weights: Any, window: Window) -> None:
    """d_x_nhwc = the sum of d_y_npqc weights_rsc over the windows that cover (h, w)."""
    _launch(_backward_input, d_x, d_y, weights, _sizes(d_y.shape, d_x.shape, window))


def backward_weights(d_weights: Any, x: Any, d_y: Any, window: Window, workspace: Any) -> None:
    """d_weights_rsc = the sum of x_nhwc d_y_npqc over all pictures and positions."""
    cells = math.prod(d_y.shape[:3])
    parts, _ = parts_of(cells)
    sums = workspace if parts > 1 else d_weights
    sizes = _sizes(d_y.shape, x.shape, window)
    launch_columns(_backward_weights, cells, d_weights.size, sums, x, d_y, sizes)
    if parts > 1:
        combine(d_weights, workspace, parts)
