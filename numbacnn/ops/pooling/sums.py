"""The sum under each window, or its average, and its gradient.

`divisor` says what a sum is divided by: SUM nothing, PADDED the window's cells on the padded input, INSIDE its cells on
the picture.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ..compilation import jit
from ..geometry import covering
from ..parallel import parallel
from .cells import add_cells
from .rows import PADDED, SUM, cells_within, pool_row


@parallel(lambda y, *_: y.shape[0] * y.shape[1])
def forward(
    start: Any, stop: Any, y: Any, x: Any, slope: Any, kernel: Any, stride: Any, padding: Any, divisor: Any
) -> None:
    """y = the sum under the window, divided as `divisor` says."""
    height, width, channels = x.shape[1], x.shape[2], x.shape[3]
    lanes = 64 // y.itemsize
    target, source = y.reshape(y.size), x.reshape(x.size)
    pool = (kernel[0], kernel[1], stride[0], stride[1], padding[0], padding[1], padding[2], padding[3])
    for index in range(start, stop):
        n = index // y.shape[1]
        p = index - n * y.shape[1]
        if channels % lanes == 0:
            at, first = index * y.shape[2] * channels, n * height * width * channels
            pool_row(
                target,
                at,
                y.shape[2],
                channels,
                source,
                first,
                0,
                p,
                (height, width, width),
                pool,
                slope,
                lanes,
                divisor,
            )
            continue
        top = p * stride[0] - padding[0]
        for q in range(y.shape[2]):
            left = q * stride[1] - padding[2]
            total = y[n, p, q]
            total[:] = 0
            first, last = max(top, 0), min(top + kernel[0], height)
            begin, end = max(left, 0), min(left + kernel[1], width)
            for h in range(first, last):
                for w in range(begin, end):
                    for c in range(channels):
                        total[c] += x[n, h, w, c]
            if divisor != SUM:
                cells = (last - first) * (end - begin)
                if divisor == PADDED:
                    tall, wide = height + padding[1], width + padding[3]
                    cells = cells_within(top, kernel[0], tall) * cells_within(left, kernel[1], wide)
                for c in range(channels):
                    total[c] /= cells
            if slope != 1:
                _rectify(total, slope)


def backward(d_x: Any, d_y: Any, kernel: Any, stride: Any, padding: Any, divisor: Any) -> None:
    """d_x = the sum of d_y (divided as in `forward`) over the windows that cover this cell."""
    axes = [
        (
            d_x.shape[axis],
            d_y.shape[axis],
            kernel[axis - 1],
            stride[axis - 1],
            *padding[2 * axis - 2 : 2 * axis],
        )
        for axis in (1, 2)
    ]
    tables = [covering(*axis[:-1]) for axis in axes]
    shares = [_shares(*axis, divisor, d_y.dtype) for axis in axes]
    _backward(d_x, d_y, *tables, *shares)


@lru_cache(maxsize=64)
def _shares(
    size: int, outputs: int, kernel: int, stride: int, before: int, after: int, divisor: int, dtype: Any
) -> Any:
    """Returns for each window on an axis the factor of its gradient: 1, or for an average 1 / the number of its cells."""
    starts = np.arange(outputs) * stride - before
    if divisor == SUM:
        return np.ones(outputs, dtype)
    if divisor == PADDED:
        cells = np.minimum(starts + kernel, size + after) - starts
    else:
        cells = np.minimum(starts + kernel, size) - np.maximum(starts, 0)
    return (1 / cells).astype(dtype)


@parallel(lambda d_x, *_: d_x.shape[0] * d_x.shape[1])
def _backward(
    begin: Any, end: Any, d_x: Any, d_y: Any, down: Any, across: Any, down_shares: Any, across_shares: Any
) -> None:
    height, width, channels = d_x.shape[1], d_x.shape[2], d_x.shape[3]
    rows, cells, lanes = d_y.shape[1], d_y.shape[2], 64 // d_y.itemsize
    target, source = d_x.reshape(d_x.size), d_y.reshape(d_y.size)
    for line in range(begin, end):
        n = line // height
        h = line - n * height
        for w in range(width):
            place = (line * width + w) * channels
            p, q = down[h, 0], across[w, 0]
            window = ((n * rows + p) * cells + q) * channels
            for c in range(0, channels, lanes):
                add_cells(
                    target, source, place + c, window + c, cells * channels, channels,
                    down[h, 1], across[w, 1], down_shares, across_shares, (p, q), channels - c,
                )  # fmt: skip


@jit
def _rectify(values: Any, slope: Any) -> None:
    """v = v above 0, else slope v."""
    share = values.dtype.type(slope)
    for c in range(values.size):
        values[c] = values[c] if values[c] > 0 else share * values[c]
