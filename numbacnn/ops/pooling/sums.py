"""The sum under each window, or its average, and its gradient."""

from __future__ import annotations

from typing import Any

from numba import prange

from ..compilation import jit


@jit(parallel=True)
def forward(y: Any, x: Any, slope: Any, kernel: Any, stride: Any, padding: Any, average: Any) -> None:
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
def backward(d_x: Any, d_y: Any, kernel: Any, stride: Any, padding: Any, average: Any) -> None:
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


@jit
def _rectify(values: Any, slope: Any) -> None:
    """v = v above 0, else slope v."""
    share = values.dtype.type(slope)
    for c in range(values.size):
        values[c] = values[c] if values[c] > 0 else share * values[c]
