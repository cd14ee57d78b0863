"""Larger maps on the GPU: a thread a number that is written; see ops.upsampling."""

from __future__ import annotations

from typing import Any

import numpy as np

from .budget import Budget
from .elements import launch_lines, line_element
from .toolchain import ONE, ZERO, device_function, kernel

BUDGETS = {
    "_forward": Budget(registers=48, shared_bytes=0),
    "_backward": Budget(registers=64, shared_bytes=0),
}
_ONE, _NONE, _HALF = np.uint32(1), np.uint32(0), np.float32(0.5)


@device_function
def _place(p: Any, scale: Any, size: Any, smooth: Any) -> tuple[Any, Any, Any]:
    """(first cell, second cell, the second's share) that an output looks at."""
    last = np.uint32(size - _ONE)
    if smooth == _NONE:
        cell = np.uint32(p // scale)
        return cell, cell, ZERO
    at = (np.float32(p) + _HALF) / np.float32(scale) - _HALF
    held = min(max(at, ZERO), np.float32(last))
    first = np.uint32(held)
    return first, min(np.uint32(first + _ONE), last), held - np.float32(first)


@device_function
def _share(p: Any, cell: Any, scale: Any, size: Any, smooth: Any) -> Any:
    """How much of a cell is in an output."""
    first, second, share = _place(p, scale, size, smooth)
    return (ONE - share if first == cell else ZERO) + (share if second == cell else ZERO)


@kernel
def _forward(y: Any, x: Any, scale: Any, smooth: Any, height: Any, width: Any, channels: Any) -> None:
    line, place = line_element()
    across = np.uint32(width * scale * channels)
    if place < across:
        rows = np.uint32(height * scale)
        n, q = np.uint32(line // rows), np.uint32(place // channels)
        c = np.uint32(place - q * channels)
        top, below, down = _place(np.uint32(line - n * rows), scale, height, smooth)
        left, right, beside = _place(q, scale, width, smooth)
        above = np.uint32((n * height + top) * width)
        value = x[np.uint32((above + left) * channels + c)]
        if smooth != _NONE:
            under = np.uint32((n * height + below) * width)
            first = (ONE - beside) * value + beside * x[np.uint32((above + right) * channels + c)]
            second = (ONE - beside) * x[np.uint32((under + left) * channels + c)]
            second += beside * x[np.uint32((under + right) * channels + c)]
            value = (ONE - down) * first + down * second
        y[np.uint32(line * across + place)] = value


@device_function
def _first(cell: Any, scale: Any, reach: Any) -> Any:
    """The first output that may look at a cell."""
    start = np.uint32(cell * scale)
    return np.uint32(start - reach) if start > reach else _NONE


@kernel
def _backward(d_x: Any, d_y: Any, scale: Any, smooth: Any, height: Any, width: Any, channels: Any) -> None:
    line, place = line_element()
    if place < np.uint32(width * channels):
        n, w = np.uint32(line // height), np.uint32(place // channels)
        h, c = np.uint32(line - n * height), np.uint32(place - w * channels)
        rows, columns = np.uint32(height * scale), np.uint32(width * scale)
        reach = scale if smooth != _NONE else _NONE
        total, p = ZERO, _first(h, scale, reach)
        while p < min(rows, np.uint32((h + _ONE) * scale + reach)):
            down, q = _share(p, h, scale, height, smooth), _first(w, scale, reach)
            while q < min(columns, np.uint32((w + _ONE) * scale + reach)):
                share = down * _share(q, w, scale, width, smooth)
                total += share * d_y[np.uint32(((n * rows + p) * columns + q) * channels + c)]
                q = np.uint32(q + _ONE)
            p = np.uint32(p + _ONE)
        d_x[np.uint32(line * width * channels + place)] = total


def _launch(kernel: Any, output: Any, source: Any, scale: Any, smooth: Any, small: Any) -> None:
    count, rows, columns, channels = output.shape
    arguments = output, source, int(scale), int(bool(smooth)), *small.shape[1:]
    launch_lines(kernel, count * rows, columns * channels, *arguments)


def forward(y: Any, x: Any, scale: Any, smooth: Any) -> None:
    """y = x, each cell repeated or bilinear."""
    _launch(_forward, y, x, scale, smooth, x)


def backward(d_x: Any, d_y: Any, scale: Any, smooth: Any) -> None:
    """d_x = the sum of d_y over the outputs that look at this cell, each by its share."""
    _launch(_backward, d_x, d_y, scale, smooth, d_x)
