"""Local response normalisation across channels (Krizhevsky et al., 2012, section 3.3); x (M,C) has a row a pixel.

forward    x -> y = x s^-beta, s (M,C): s_c = k + alpha / size times the sum of x^2 over the `size` channels around c, fewer at the ends
backward   d_x_c = d_y_c s_c^-beta - 2 alpha beta / size x_c times the sum of d_y y / s over those channels

Alpha is divided by the size, as Caffe, ONNX and PyTorch have it; the paper's own is not.
"""

from __future__ import annotations

import math
from typing import Any

from .compilation import jit
from .kernel import Kernel
from .parallel import parallel


@parallel(lambda y, s, x, *_: x.shape[0])
def _forward_cpu(
    begin: Any, end: Any, y: Any, s: Any, x: Any, size: Any, alpha: Any, beta: Any, k: Any
) -> None:
    """y = x s^-beta, and s, which the backward pass needs."""
    number = y.dtype.type
    half, channels = size // 2, x.shape[1]
    share, least = number(alpha / size), number(k)
    for m in range(begin, end):
        line, own = x[m], s[m]
        own[:] = 0
        for shift in range(max(-half, 1 - channels), min(half, channels - 1) + 1):
            _add_squares(own[max(0, -shift) : channels - max(0, shift)], line[max(0, shift) :])
        for c in range(channels):
            own[c] = least + share * own[c]
        _times_power(y[m], line, own, beta)


@jit
def _add_squares(own: Any, line: Any) -> None:
    for c in range(own.size):
        own[c] += line[c] * line[c]


@jit
def _times_power(y: Any, x: Any, s: Any, beta: Any) -> None:
    """y = x s^-beta; for the usual beta 3/4 by two square roots, which are vectorised."""
    if beta == 0.75:
        for c in range(y.size):
            root = math.sqrt(s[c])
            y[c] = x[c] / (root * math.sqrt(root))
    else:
        power = y.dtype.type(-beta)
        for c in range(y.size):
            y[c] = x[c] * s[c] ** power


@parallel(lambda d_x, d_y, x, *_: x.shape[0])
def _backward_cpu(
    begin: Any, end: Any, d_x: Any, d_y: Any, x: Any, y: Any, s: Any, size: Any, alpha: Any, beta: Any
) -> None:
    """d_x = d_y s^-beta - 2 alpha beta / size x sum(d_y y / s)."""
    half, channels = size // 2, x.shape[1]
    factor = d_x.dtype.type(2 * alpha * beta / size)
    for m in range(begin, end):
        target, signal, line = d_x[m], d_y[m], x[m]
        _times_power(target, signal, s[m], beta)
        for shift in range(max(-half, 1 - channels), min(half, channels - 1) + 1):
            first, there = max(0, -shift), max(0, shift)
            _take_shares(
                target[first : channels - there],
                line[first:],
                signal[there:],
                y[m, there:],
                s[m, there:],
                factor,
            )


@jit
def _take_shares(d_x: Any, x: Any, d_y: Any, y: Any, s: Any, factor: Any) -> None:
    """d_x -= factor x d_y y / s, where d_y, y and s are those of a neighbouring channel."""
    for c in range(d_x.size):
        d_x[c] -= factor * x[c] * (d_y[c] * y[c] / s[c])


forward = Kernel(
    "response.forward", outputs=2, work=lambda y, s, x, size, *_: x.size * size, cpu=_forward_cpu
)
backward = Kernel(
    "response.backward", work=lambda d_x, d_y, x, y, s, size, *_: x.size * size, cpu=_backward_cpu
)
