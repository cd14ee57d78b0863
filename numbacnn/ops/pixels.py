"""From pixels to what a network computes with: y_c = (x_order(c) - mean_c) * scale_c.

forward     x (N,H,W,C) in [0,255], mean (H,W,C) or (1,1,C), scale (C), order (C) -> y (N,H,W,C)
backward    d_y -> d_x, the gradient with respect to a pixel's value
"""

from __future__ import annotations

from typing import Any

from numba import prange

from .compilation import jit
from .kernel import Kernel


@jit(parallel=True)
def _forward_cpu(y: Any, x: Any, mean: Any, scale: Any, order: Any) -> None:
    """y_c = (x_order(c) - mean_c) scale_c; a mean of one row serves every row."""
    for index in prange(x.shape[0] * x.shape[1]):
        n = index // x.shape[1]
        h = index - n * x.shape[1]
        for w in range(x.shape[2]):
            here = mean[h % mean.shape[0], w % mean.shape[1]]
            for c in range(x.shape[3]):
                y[n, h, w, c] = (x[n, h, w, order[c]] - here[c]) * scale[c]


@jit(parallel=True)
def _backward_cpu(d_x: Any, d_y: Any, scale: Any, order: Any) -> None:
    """d_x_order(c) = d_y_c scale_c."""
    for index in prange(d_x.shape[0] * d_x.shape[1]):
        n = index // d_x.shape[1]
        h = index - n * d_x.shape[1]
        for w in range(d_x.shape[2]):
            for c in range(d_x.shape[3]):
                d_x[n, h, w, order[c]] = d_y[n, h, w, c] * scale[c]


forward = Kernel("pixels.forward", cpu=_forward_cpu)
backward = Kernel("pixels.backward", cpu=_backward_cpu)
