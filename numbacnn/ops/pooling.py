"""Pooling over each activation map on its own (lecture: max, sum, average and overlapping pooling).

max_forward        x (N,H,W,C) -> y (N,P,Q,C), switches (N,P,Q,C): which cell of the window won, r*S + s
max_backward       d_y, switches -> d_x: the gradient goes back to the winner alone (Zeiler and Fergus'
                   unpooling is this same walk)
sum_forward        x -> y, the sum over the window, or its average
sum_backward       d_y -> d_x

Cells of the padding never win a maximum and count as zeros in a sum. An average divides by the cells
of the window that lie on the padded input, as Caffe's does where a window hangs over the border.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from .compilation import jit
from .kernel import Kernel


@jit(parallel=True)
def _max_forward_cpu(y: Any, switches: Any, x: Any, kernel: Any, stride: Any, padding: Any) -> None:
    """y = the largest value under the window; the first in reading order where several are equal."""
    height, width, channels = x.shape[1], x.shape[2], x.shape[3]
    for index in prange(y.shape[0] * y.shape[1]):
        n = index // y.shape[1]
        p = index - n * y.shape[1]
        for q in range(y.shape[2]):
            best, winner = y[n, p, q], switches[n, p, q]
            best[:] = -np.inf
            winner[:] = 0
            for r in range(kernel[0]):
                h = p * stride[0] - padding[0] + r
                if not 0 <= h < height:
                    continue
                for s in range(kernel[1]):
                    w = q * stride[1] - padding[2] + s
                    if not 0 <= w < width:
                        continue
                    cell = r * kernel[1] + s
                    for c in range(channels):
                        value = x[n, h, w, c]
                        # A NaN wins and stays, so that a diverged run is seen.
                        if value > best[c] or value != value:
                            best[c] = value
                            winner[c] = cell


@jit(parallel=True)
def _max_backward_cpu(d_x: Any, d_y: Any, switches: Any, kernel: Any, stride: Any, padding: Any) -> None:
    """d_x = the sum of d_y over the windows that this cell won; one thread owns one row of d_x."""
    height, width, channels = d_x.shape[1], d_x.shape[2], d_x.shape[3]
    rows, cells = d_y.shape[1], d_y.shape[2]
    for index in prange(d_x.shape[0] * height):
        n = index // height
        h = index - n * height
        d_x[n, h] = 0
        for r in range(kernel[0]):
            offset = h + padding[0] - r
            p = offset // stride[0]
            if offset < 0 or p * stride[0] != offset or p >= rows:
                continue
            for q in range(cells):
                left = q * stride[1] - padding[2]
                for c in range(channels):
                    s = np.int64(switches[n, p, q, c]) - r * kernel[1]
                    if 0 <= s < kernel[1] and 0 <= left + s < width:
                        d_x[n, h, left + s, c] += d_y[n, p, q, c]


@jit(parallel=True)
def _sum_forward_cpu(y: Any, x: Any, kernel: Any, stride: Any, padding: Any, average: Any) -> None:
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


max_forward = Kernel("pooling.max_forward", cpu=_max_forward_cpu)
max_backward = Kernel("pooling.max_backward", cpu=_max_backward_cpu)
sum_forward = Kernel("pooling.sum_forward", cpu=_sum_forward_cpu)
sum_backward = Kernel("pooling.sum_backward", cpu=_sum_backward_cpu)
