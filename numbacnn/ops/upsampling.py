"""Larger maps: every cell becomes scale x scale cells.

forward    x (N,H,W,C) -> y (N,sH,sW,C): each cell repeated; if `smooth`, bilinear between the centres of the cells, and
           constant beyond the outermost centres
backward   d_y -> d_x

Output p is at place (p + 1/2) / s - 1/2 of the input, clipped to the first and last cell; each of the two cells beside
that place is weighted by its nearness.
"""

from __future__ import annotations

from typing import Any

from .compilation import jit
from .kernel import Kernel
from .parallel import parallel


@jit(inline=True)
def _place(p: Any, scale: Any, size: Any, number: Any) -> Any:
    """Returns (first cell, second cell, weight of the second) of an output, for bilinear interpolation."""
    at = (number(p) + number(0.5)) / number(scale) - number(0.5)
    held = min(max(at, number(0)), number(size - 1))
    first = int(held)
    return first, min(first + 1, size - 1), held - number(first)


@jit(inline=True)
def _share(p: Any, cell: Any, scale: Any, size: Any, smooth: Any, number: Any) -> Any:
    """Returns the weight of a cell in an output."""
    if not smooth:
        return number(1) if p // scale == cell else number(0)
    first, second, share = _place(p, scale, size, number)
    return (number(1) - share if first == cell else number(0)) + (share if second == cell else number(0))


@parallel(lambda y, *_: y.shape[0] * y.shape[1])
def _forward_cpu(begin: Any, end: Any, y: Any, x: Any, scale: Any, smooth: Any) -> None:
    """y = x, each cell repeated or bilinear."""
    number, one = y.dtype.type, y.dtype.type(1)
    height, width, channels, rows = x.shape[1], x.shape[2], x.shape[3], y.shape[1]
    for line in range(begin, end):
        n = line // rows
        p = line - n * rows
        top, below, down = _place(p, scale, height, number)
        for q in range(y.shape[2]):
            target = y[n, p, q]
            if smooth:
                left, right, across = _place(q, scale, width, number)
                for c in range(channels):
                    above = (one - across) * x[n, top, left, c] + across * x[n, top, right, c]
                    under = (one - across) * x[n, below, left, c] + across * x[n, below, right, c]
                    target[c] = (one - down) * above + down * under
            else:
                for c in range(channels):
                    target[c] = x[n, p // scale, q // scale, c]


@parallel(lambda d_x, *_: d_x.shape[0] * d_x.shape[1])
def _backward_cpu(begin: Any, end: Any, d_x: Any, d_y: Any, scale: Any, smooth: Any) -> None:
    """d_x = the sum of d_y over the outputs that read this cell, each times the cell's weight."""
    number = d_x.dtype.type
    height, width, channels = d_x.shape[1], d_x.shape[2], d_x.shape[3]
    rows, columns, reach = d_y.shape[1], d_y.shape[2], scale if smooth else 0
    for line in range(begin, end):
        n = line // height
        h = line - n * height
        for w in range(width):
            total = d_x[n, h, w]
            total[:] = 0
            for p in range(max(0, h * scale - reach), min(rows, (h + 1) * scale + reach)):
                down = _share(p, h, scale, height, smooth, number)
                for q in range(max(0, w * scale - reach), min(columns, (w + 1) * scale + reach)):
                    share = down * _share(q, w, scale, width, smooth, number)
                    for c in range(channels):
                        total[c] += share * d_y[n, p, q, c]


forward = Kernel("upsampling.forward", cpu=_forward_cpu)
backward = Kernel("upsampling.backward", work=lambda _, d_y, *__: d_y.size, cpu=_backward_cpu)
