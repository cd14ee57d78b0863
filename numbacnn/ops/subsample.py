"""Every second pixel, and more channels: the shortcut without parameters of residual networks (He et al., 2016, option A).

forward     x (N,H,W,C) -> y (N,P,Q,K): channels first .. first+C are x at every `stride`-th row and column, the others 0
backward    d_y -> d_x, which is 0 where no pixel was taken
"""

from __future__ import annotations

from typing import Any

from .kernel import Kernel
from .parallel import parallel


@parallel(lambda y, *_: y.shape[0] * y.shape[1])
def _forward_cpu(begin: Any, end: Any, y: Any, x: Any, stride: Any, first: Any) -> None:
    """y_npq,first+c = x_n,sp,sq,c, other channels 0."""
    rows, channels = y.shape[1], x.shape[3]
    for line in range(begin, end):
        n = line // rows
        p = line - n * rows
        for q in range(y.shape[2]):
            target = y[n, p, q]
            target[:] = 0
            for c in range(channels):
                target[first + c] = x[n, stride * p, stride * q, c]


@parallel(lambda d_x, *_: d_x.shape[0] * d_x.shape[1])
def _backward_cpu(begin: Any, end: Any, d_x: Any, d_y: Any, stride: Any, first: Any) -> None:
    """d_x_n,sp,sq,c = d_y_npq,first+c, 0 elsewhere."""
    height, channels = d_x.shape[1], d_x.shape[3]
    for line in range(begin, end):
        n = line // height
        h = line - n * height
        d_x[n, h] = 0
        if h % stride == 0:
            for q in range(d_y.shape[2]):
                for c in range(channels):
                    d_x[n, h, stride * q, c] = d_y[n, h // stride, q, first + c]


forward = Kernel("subsample.forward", cpu=_forward_cpu)
backward = Kernel("subsample.backward", cpu=_backward_cpu)
