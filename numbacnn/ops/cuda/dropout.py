"""Dropout on the GPU, with the CPU's masks; see ops.dropout."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .elements import BUDGET, element, launch_each
from .philox import philox
from .toolchain import ZERO, kernel

BUDGETS = dict.fromkeys(("_forward", "_backward"), BUDGET)
_FOUR = np.uint32(4)
_INDEX_BITS = np.uint64(16)


@kernel
def _forward(y: Any, mask: Any, x: Any, step: Any, index: Any, threshold: Any, scale: Any) -> None:
    # One thread a counter, whose four words serve four elements.
    group, size = element(), np.uint32(y.size)
    if np.uint32(group * _FOUR) < size:
        words = philox(group, step[1] << _INDEX_BITS | np.uint64(index), step[0])
        for lane in range(4):
            i = np.uint32(group * _FOUR + np.uint32(lane))
            if i < size:
                kept = np.uint64(words[lane]) >= threshold
                mask[i] = kept
                y[i] = x[i] * scale if kept else ZERO


@kernel
def _backward(d_x: Any, d_y: Any, mask: Any, scale: Any) -> None:
    i = element()
    if i < np.uint32(d_x.size):
        d_x[i] = d_y[i] * scale if mask[i] else ZERO


def forward(y: Any, mask: Any, x: Any, step: Any, index: Any, probability: Any) -> None:
    """y_i = x_i / (1-p) with probability 1-p, else 0; element i draws word i % 4 of counter i / 4."""
    # A word w is kept where w / 2^32 >= p: in whole numbers, as float64 is slow on a GPU and float32 would round w.
    threshold = np.uint64(math.ceil(probability * 2**32))
    launch_each(
        _forward, -(-y.size // 4), y, mask, x, step, int(index), threshold, float(1 / (1 - probability))
    )


def backward(d_x: Any, d_y: Any, mask: Any, probability: Any) -> None:
    """d_x_i = d_y_i / (1-p) where the element was kept, else 0."""
    launch_each(_backward, d_x.size, d_x, d_y, mask, float(1 / (1 - probability)))
