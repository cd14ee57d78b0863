"""Every second pixel, and more channels, on the GPU: a thread a number that is written; see ops.subsample."""

from __future__ import annotations

from typing import Any

import numpy as np

from .elements import BUDGET, launch_lines, line_element
from .toolchain import ZERO, kernel

BUDGETS = {"_forward": BUDGET, "_backward": BUDGET}


@kernel
def _forward(
    y: Any,
    x: Any,
    stride: Any,
    first: Any,
    rows: Any,
    columns: Any,
    filters: Any,
    height: Any,
    width: Any,
    channels: Any,
) -> None:
    line, place = line_element()
    if place < np.uint32(columns * filters):
        n, q = np.uint32(line // rows), np.uint32(place // filters)
        h, w = np.uint32((line - n * rows) * stride), np.uint32(q * stride)
        # Of a channel below the first, a very large number.
        c = np.uint32(place - q * filters - first)
        value = ZERO
        if c < channels:
            value = x[np.uint32(((n * height + h) * width + w) * channels + c)]
        y[np.uint32(line * columns * filters + place)] = value


@kernel
def _backward(
    d_x: Any,
    d_y: Any,
    stride: Any,
    first: Any,
    rows: Any,
    columns: Any,
    filters: Any,
    height: Any,
    width: Any,
    channels: Any,
) -> None:
    line, place = line_element()
    if place < np.uint32(width * channels):
        n, w = np.uint32(line // height), np.uint32(place // channels)
        h, c = np.uint32(line - n * height), np.uint32(place - w * channels)
        p, q = np.uint32(h // stride), np.uint32(w // stride)
        value = ZERO
        if np.uint32(p * stride) == h and np.uint32(q * stride) == w:
            value = d_y[np.uint32(((n * rows + p) * columns + q) * filters + first + c)]
        d_x[np.uint32(line * width * channels + place)] = value


def _launch(kernel: Any, output: Any, source: Any, stride: Any, first: Any, small: Any, large: Any) -> None:
    count, rows, columns, channels = output.shape
    sizes = *small.shape[1:], *large.shape[1:]
    launch_lines(kernel, count * rows, columns * channels, output, source, int(stride), int(first), *sizes)


def forward(y: Any, x: Any, stride: Any, first: Any) -> None:
    """y_npq,first+c = x_n,sp,sq,c, other channels 0."""
    _launch(_forward, y, x, stride, first, y, x)


def backward(d_x: Any, d_y: Any, stride: Any, first: Any) -> None:
    """d_x_n,sp,sq,c = d_y_npq,first+c, 0 elsewhere."""
    _launch(_backward, d_x, d_y, stride, first, d_y, d_x)
