"""From pixels to what a network computes with, on the GPU; see ops.pixels."""

from __future__ import annotations

from typing import Any

import numpy as np

from .elements import element, launch_each
from .toolchain import kernel


@kernel
def _forward(y: Any, x: Any, mean: Any, scale: Any, order: Any, length: Any, mean_rows: Any) -> None:
    i = element()
    if i < np.uint32(y.size):
        row = np.uint32(i // length)
        place = np.uint32(i - row * length)
        source = x[np.uint32(row * length + np.uint32(order[place]))]
        y[i] = (source - mean[np.uint32(row % mean_rows * length + place)]) * scale[place]


@kernel
def _backward(d_x: Any, d_y: Any, scale: Any, order: Any, length: Any) -> None:
    i = element()
    if i < np.uint32(d_y.size):
        row = np.uint32(i // length)
        place = np.uint32(i - row * length)
        d_x[np.uint32(row * length + np.uint32(order[place]))] = d_y[i] * scale[place]


def forward(y: Any, x: Any, mean: Any, scale: Any, order: Any) -> None:
    """y_i = (x_order(i) - mean_i) scale_i, row by row; a mean of one row serves every row."""
    launch_each(_forward, y.size, y, x, mean, scale, order, scale.size, mean.shape[0])


def backward(d_x: Any, d_y: Any, scale: Any, order: Any) -> None:
    """d_x_order(i) = d_y_i scale_i."""
    launch_each(_backward, d_x.size, d_x, d_y, scale, order, scale.size)
