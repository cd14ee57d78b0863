"""Softmax over the classes (lecture: AlexNet, layer 8).

forward     x (N,K) -> y (N,K)
backward    d_y, y -> d_x
"""

from __future__ import annotations

import math
from typing import Any

from .kernel import Kernel
from .parallel import parallel
from .vectors import largest


@parallel(lambda y, *_: y.shape[0])
def _forward_cpu(begin: Any, end: Any, y: Any, x: Any) -> None:
    """y_k = e^x_k / sum_j e^x_j; the largest score is subtracted first, which changes nothing but overflow."""
    for n in range(begin, end):
        most = largest(x[n])
        total = x.dtype.type(0)
        for k in range(y.shape[1]):
            y[n, k] = math.exp(x[n, k] - most)
            total += y[n, k]
        for k in range(y.shape[1]):
            y[n, k] /= total


@parallel(lambda d_x, *_: d_x.shape[0])
def _backward_cpu(begin: Any, end: Any, d_x: Any, d_y: Any, y: Any) -> None:
    """d_x_k = y_k (d_y_k - sum_j d_y_j y_j); the gradient of the likeliest class is subtracted from all of d_y first.

    The subtraction changes only rounding: where that class's probability is rounded to 1, its d_y minus the sum would
    be 0; after the subtraction it is minus the sum over the other classes.
    """
    for n in range(begin, end):
        first = 0
        for k in range(d_x.shape[1]):
            if y[n, k] > y[n, first]:
                first = k
        base, dot = d_y[n, first], y.dtype.type(0)
        for k in range(d_x.shape[1]):
            dot += (d_y[n, k] - base) * y[n, k]
        for k in range(d_x.shape[1]):
            d_x[n, k] = y[n, k] * ((d_y[n, k] - base) - dot)


forward = Kernel("softmax.forward", cpu=_forward_cpu)
backward = Kernel("softmax.backward", cpu=_backward_cpu)
