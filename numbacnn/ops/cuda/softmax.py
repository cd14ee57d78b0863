"""Softmax over the classes on the GPU; see ops.softmax."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import cuda, float32, uint32

from .reductions import LOWEST, NONE, stronger, team_strongest, team_sum
from .rows import BUDGET, MOST_THREADS, launch_rows, row_thread
from .toolchain import ZERO, device_function, kernel

BUDGETS = dict.fromkeys(("_forward", "_backward"), BUDGET)


@device_function
def row_strongest(x: Any, first: Any, end: Any, but: Any, values: Any, places: Any) -> Any:
    """The place of the largest x, and it, among the block's; this thread's begin at `first`. `but` is a place left out."""
    _, _, threads = row_thread()
    largest, place = LOWEST, NONE
    k = first
    while k < end:
        if k != but and stronger(x[k], k, largest, place):
            largest, place = x[k], k
        k = np.uint32(k + threads)
    return team_strongest(values, places, largest, place, threads)


@device_function
def exponentials(y: Any, x: Any, begin: Any, end: Any, values: Any, places: Any) -> Any:
    """y_k = e^(x_k - the largest), k from begin to end; -> the largest, and the sum of y. The block's threads share it."""
    _, thread, threads = row_thread()
    _, largest = row_strongest(x, np.uint32(begin + thread), end, NONE, values, places)
    own = ZERO
    k = np.uint32(begin + thread)
    while k < end:
        y[k] = math.exp(x[k] - largest)
        own += y[k]
        k = np.uint32(k + threads)
    return largest, team_sum(values, own, threads)


@kernel
def _forward(y: Any, x: Any, classes: Any) -> None:
    values, places = cuda.shared.array(MOST_THREADS, float32), cuda.shared.array(MOST_THREADS, uint32)
    n, thread, threads = row_thread()
    begin = np.uint32(n * classes)
    end = np.uint32(begin + classes)
    _, total = exponentials(y, x, begin, end, values, places)
    k = np.uint32(begin + thread)
    while k < end:
        y[k] /= total
        k = np.uint32(k + threads)


@kernel
def _backward(d_x: Any, d_y: Any, y: Any, classes: Any) -> None:
    values, places = cuda.shared.array(MOST_THREADS, float32), cuda.shared.array(MOST_THREADS, uint32)
    n, thread, threads = row_thread()
    first, end = np.uint32(n * classes + thread), np.uint32(n * classes + classes)
    likeliest, _ = row_strongest(y, first, end, NONE, values, places)
    base = d_y[likeliest]
    own, k = ZERO, first
    while k < end:
        own += (d_y[k] - base) * y[k]
        k = np.uint32(k + threads)
    dot = team_sum(values, own, threads)
    k = first
    while k < end:
        d_x[k] = y[k] * ((d_y[k] - base) - dot)
        k = np.uint32(k + threads)


def forward(y: Any, x: Any) -> None:
    """y_k = e^x_k / sum_j e^x_j; the largest score is subtracted first, which changes nothing but overflow."""
    launch_rows(_forward, *y.shape, y, x, y.shape[1])


def backward(d_x: Any, d_y: Any, y: Any) -> None:
    """d_x_k = y_k (d_y_k - sum_j d_y_j y_j), with the gradient of the likeliest class taken off all of d_y first."""
    launch_rows(_backward, *d_x.shape, d_x, d_y, y, d_x.shape[1])
