"""The model's preprocessing of pixels: y_c = (x_order(c) - mean_c) * scale_c.

forward     x (N,H,W,C) in [0,255], mean (H,W*C) or (1,W*C), scale (W*C), order (W*C) -> y (N,H,W,C)
backward    d_y -> d_x, the gradient with respect to a pixel's value
from_bytes  pixels uint8, of any shape -> the same numbers x in the network's type

Scale and order are given for a whole row of pixels: element i of a row is read from element order(i).
"""

from __future__ import annotations

from typing import Any

from .compilation import jit
from .kernel import Kernel
from .parallel import parallel


@jit
def _scale(y: Any, x: Any, mean: Any, scale: Any) -> None:
    """y_i = (x_i - mean_i) scale_i."""
    for i in range(y.size):
        y[i] = (x[i] - mean[i]) * scale[i]


@parallel(lambda y, x, *_: x.shape[0] * x.shape[1])
def _forward_cpu(begin: Any, end: Any, y: Any, x: Any, mean: Any, scale: Any, order: Any) -> None:
    """y_i = (x_order(i) - mean_i) scale_i, row by row; a mean of one row serves every row."""
    length = scale.size
    target, source = y.reshape(y.size), x.reshape(x.size)
    in_order = True
    for i in range(length):
        in_order &= order[i] == i
    for row in range(begin, end):
        here = mean[row % mean.shape[0]]
        if in_order:
            line = row * length
            _scale(target[line : line + length], source[line : line + length], here, scale)
            continue
        for i in range(length):
            target[row * length + i] = (source[row * length + order[i]] - here[i]) * scale[i]


@parallel(lambda d_x, *_: d_x.shape[0] * d_x.shape[1])
def _backward_cpu(begin: Any, end: Any, d_x: Any, d_y: Any, scale: Any, order: Any) -> None:
    """d_x_order(i) = d_y_i scale_i."""
    length = scale.size
    target, source = d_x.reshape(d_x.size), d_y.reshape(d_y.size)
    for row in range(begin, end):
        for i in range(length):
            target[row * length + order[i]] = source[row * length + i] * scale[i]


@jit(from_python=True)
def _from_bytes_cpu(x: Any, pixels: Any) -> None:
    """x_i = pixels_i."""
    target, source = x.reshape(x.size), pixels.reshape(x.size)
    for i in range(x.size):
        target[i] = source[i]


forward = Kernel("pixels.forward", cpu=_forward_cpu)
backward = Kernel("pixels.backward", cpu=_backward_cpu)
from_bytes = Kernel("pixels.from_bytes", cpu=_from_bytes_cpu)
