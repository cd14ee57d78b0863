"""From pixels to what a network computes with, on the GPU; see ops.pixels."""

from __future__ import annotations

from typing import Any

import numpy as np

from .elements import BUDGET, element, launch_each, launch_lines, line_element
from .toolchain import kernel

BUDGETS = dict.fromkeys(("_forward", "_backward", "_from_bytes"), BUDGET)


@kernel
def _forward(y: Any, x: Any, mean: Any, scale: Any, order: Any, length: Any, mean_rows: Any) -> None:
    row, place = line_element()
    if place < length:
        source = x[np.uint32(row * length + np.uint32(order[place]))]
        shift = mean[np.uint32(np.uint32(row % mean_rows) * length + place)]
        y[np.uint32(row * length + place)] = (source - shift) * scale[place]


@kernel
def _backward(d_x: Any, d_y: Any, scale: Any, order: Any, length: Any) -> None:
    row, place = line_element()
    if place < length:
        target = np.uint32(row * length + np.uint32(order[place]))
        d_x[target] = d_y[np.uint32(row * length + place)] * scale[place]


@kernel
def _from_bytes(x: Any, pixels: Any) -> None:
    i = element()
    if i < np.uint32(x.size):
        x[i] = np.float32(pixels[i])


def forward(y: Any, x: Any, mean: Any, scale: Any, order: Any) -> None:
    """y_i = (x_order(i) - mean_i) scale_i, row by row; a mean of one row serves every row."""
    length = scale.size
    launch_lines(_forward, y.size // length, length, y, x, mean, scale, order, length, mean.shape[0])


def backward(d_x: Any, d_y: Any, scale: Any, order: Any) -> None:
    """d_x_order(i) = d_y_i scale_i."""
    length = scale.size
    launch_lines(_backward, d_x.size // length, length, d_x, d_y, scale, order, length)


def from_bytes(x: Any, pixels: Any) -> None:
    """x_i = pixels_i."""
    launch_each(_from_bytes, x.size, x, pixels)
