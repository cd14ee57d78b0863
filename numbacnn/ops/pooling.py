"""Pooling over each activation map on its own (lecture: max, sum, average and overlapping pooling).

max_forward        x (N,H,W,C), slope -> y (N,P,Q,C), switches (N,P,Q,C): which cell of the window won, r*S + s
max_backward       d_y, switches -> d_x: the gradient goes back to the winner alone (Zeiler and Fergus'
                   unpooling is this same walk)
sum_forward        x, slope -> y, the sum over the window, or its average
sum_backward       d_y -> d_x

What is below 0 in y is multiplied by `slope`, for a rectifier that follows (0: ReLU, 1: nothing changes).
Cells of the padding never win a maximum and count as zeros in a sum. An average divides by the cells
of the window that lie on the padded input, as Caffe's does where a window hangs over the border.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numba import prange

from .compilation import jit, threads
from .kernel import Kernel, by_device

_FEW = 8
_CHANNELS = 16


def _max_workspace_size_cpu(width: int, channels: int) -> int:
    """Elements of workspace that `max_forward` needs over rows of (W, C)."""
    return threads() * (2 * width + 1) * channels


def _max_forward_cpu(
    y: Any, switches: Any, x: Any, slope: Any, kernel: Any, stride: Any, padding: Any, workspace: Any
) -> None:
    """y = the largest value under the window; the first in reading order where several are equal."""
    _max_forward(y, switches, x, slope, kernel, stride, padding, threads(), workspace)


@jit(parallel=True)
def _max_forward(
    y: Any,
    switches: Any,
    x: Any,
    slope: Any,
    kernel: Any,
    stride: Any,
    padding: Any,
    workers: Any,
    workspace: Any,
) -> None:
    height, width, channels = x.shape[1], x.shape[2], x.shape[3]
    length, lines, source = width * channels, y.shape[0] * y.shape[1], x.reshape(x.size)
    values, switch = y.reshape(y.size), switches.reshape(switches.size)
    for worker in prange(workers):
        own = workspace[worker * (2 * length + channels) : (worker + 1) * (2 * length + channels)]
        highest, rows, cells = own[:length], own[length : 2 * length], own[2 * length :]
        for line in range(lines * worker // workers, lines * (worker + 1) // workers):
            n, p = line // y.shape[1], line % y.shape[1]
            top = p * stride[0] - padding[0]
            first = max(top, 0)
            # Down the columns first: whole rows of the input fill vectors, a window of few channels does not.
            highest[:] = source[(n * height + first) * length :][:length]
            rows[:] = (first - top) * kernel[1]
            for h in range(first + 1, min(top + kernel[0], height)):
                _down(highest, rows, source[(n * height + h) * length :][:length], (h - top) * kernel[1])
            for q in range(y.shape[2]):
                left = q * stride[1] - padding[2]
                begin, end = max(left, 0) * channels, min(left + kernel[1], width) * channels
                target = (line * y.shape[2] + q) * channels
                best = values[target : target + channels]
                best[:] = highest[begin : begin + channels]
                for c in range(channels):
                    cells[c] = rows[begin + c] + (begin // channels - left)
                for w in range(begin + channels, end, channels):
                    last = w + channels
                    _across(best, cells, highest[w:last], rows[w:last], w // channels - left)
                winners = switch[target : target + channels]
                for c in range(channels):
                    winners[c] = cells[c]
                if slope != 1:
                    _rectify(best, slope)


# Selections and no branches, cells as floats like the values: the compiler makes vectors of these loops.


@jit
def _down(highest: Any, rows: Any, line: Any, row: Any) -> None:
    """Takes the values of a lower line that are larger. A NaN wins and stays, so that a diverged run is seen."""
    cell = highest.dtype.type(row)
    for i in range(highest.size):
        value, before, kept = line[i], highest[i], rows[i]
        wins = (value > before) | (value != value)
        highest[i] = value if wins else before
        rows[i] = cell if wins else kept


@jit
def _across(best: Any, cells: Any, column: Any, rows: Any, shift: Any) -> None:
    """Takes the values of a column further right that are larger, or as large and before it in reading order."""
    offset = best.dtype.type(shift)
    for c in range(best.size):
        value, cell, before, kept = column[c], rows[c] + offset, best[c], cells[c]
        wins = (value > before) | (value != value) | ((value == before) & (cell < kept))
        best[c] = value if wins else before
        cells[c] = cell if wins else kept


@jit
def _rectify(values: Any, slope: Any) -> None:
    """v = v above 0, else slope v."""
    share = values.dtype.type(slope)
    for c in range(values.size):
        values[c] = values[c] if values[c] > 0 else share * values[c]


def _max_backward_cpu(d_x: Any, d_y: Any, switches: Any, kernel: Any, stride: Any, padding: Any) -> None:
    """d_x = the sum of d_y over the windows that this cell won."""
    count, _, width, channels = d_x.shape
    # A picture is one task, of few pictures sixteen channels are: windows that overlap add to the same cells.
    share = channels if count >= _FEW else min(channels, _CHANNELS)
    _max_backward(d_x, d_y, switches, stride, padding, _offsets(*kernel, width, channels), share)


@lru_cache(maxsize=64)
def _offsets(tall: int, wide: int, width: int, channels: int) -> Any:
    """How far from a window's first cell its others are, in a flat picture of (H, W, C)."""
    return (np.arange(tall)[:, None] * (width * channels) + np.arange(wide) * channels).ravel()


@jit(parallel=True)
def _max_backward(
    d_x: Any, d_y: Any, switches: Any, stride: Any, padding: Any, offsets: Any, share: Any
) -> None:
    count, height, width, channels = d_x.shape
    parts = (channels + share - 1) // share
    target = d_x.reshape(d_x.size)
    for task in prange(count * parts):
        n, first = task // parts, task % parts * share
        last = min(channels, first + share)
        d_x[n, :, :, first:last] = 0
        for p in range(d_y.shape[1]):
            top = (n * height + p * stride[0] - padding[0]) * width
            for q in range(d_y.shape[2]):
                start = (top + q * stride[1] - padding[2]) * channels
                for c in range(first, last):
                    target[start + offsets[switches[n, p, q, c]] + c] += d_y[n, p, q, c]


@jit(parallel=True)
def _sum_forward_cpu(
    y: Any, x: Any, slope: Any, kernel: Any, stride: Any, padding: Any, average: Any
) -> None:
    """y = the sum under the window, divided by its cells if `average`."""
    height, width, channels = x.shape[1], x.shape[2], x.shape[3]
    for index in prange(y.shape[0] * y.shape[1]):
        n = index // y.shape[1]
        p = index - n * y.shape[1]
        top = p * stride[0] - padding[0]
        for q in range(y.shape[2]):
            left = q * stride[1] - padding[2]
            total = y[n, p, q]
            total[:] = 0
            for h in range(max(top, 0), min(top + kernel[0], height)):
                for w in range(max(left, 0), min(left + kernel[1], width)):
                    for c in range(channels):
                        total[c] += x[n, h, w, c]
            if average:
                cells = _cells(top, kernel[0], height + padding[1]) * _cells(
                    left, kernel[1], width + padding[3]
                )
                for c in range(channels):
                    total[c] /= cells
            if slope != 1:
                _rectify(total, slope)


@jit(parallel=True)
def _sum_backward_cpu(d_x: Any, d_y: Any, kernel: Any, stride: Any, padding: Any, average: Any) -> None:
    """d_x = the sum of d_y (divided likewise) over the windows that cover this cell."""
    height, width, channels = d_x.shape[1], d_x.shape[2], d_x.shape[3]
    for index in prange(d_x.shape[0] * height):
        n = index // height
        h = index - n * height
        d_x[n, h] = 0
        for r in range(kernel[0]):
            offset = h + padding[0] - r
            p = offset // stride[0]
            if offset < 0 or p * stride[0] != offset or p >= d_y.shape[1]:
                continue
            tall = _cells(p * stride[0] - padding[0], kernel[0], height + padding[1])
            for q in range(d_y.shape[2]):
                left = q * stride[1] - padding[2]
                cells = tall * _cells(left, kernel[1], width + padding[3]) if average else 1
                for w in range(max(left, 0), min(left + kernel[1], width)):
                    for c in range(channels):
                        d_x[n, h, w, c] += d_y[n, p, q, c] / cells


@jit
def _cells(start: Any, extent: Any, end: Any) -> Any:
    """Cells of a window that lie before the end of the padded input."""
    return min(start + extent, end) - start


max_workspace_size = by_device("pooling.max_workspace_size", cpu=_max_workspace_size_cpu)
max_forward = Kernel("pooling.max_forward", work=lambda y, _, x, *__: x.size, cpu=_max_forward_cpu)
max_backward = Kernel("pooling.max_backward", cpu=_max_backward_cpu)
sum_forward = Kernel("pooling.sum_forward", work=lambda y, x, *_: x.size, cpu=_sum_forward_cpu)
sum_backward = Kernel("pooling.sum_backward", cpu=_sum_backward_cpu)
