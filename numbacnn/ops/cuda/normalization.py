"""Batch normalisation on the GPU; see ops.normalization.

A block adds some channels side by side of a part of the rows; the parts' sums are then added likewise, of which there are
too few for more than one part, and the channel's statistics finished.

Statistics are taken in one pass: each thread adds what its rows differ by from the first of them, and the squares of that,
which loses nothing as the first is near the mean for as few rows as a thread has; the means and squares of two sets of rows
are put together as Chan, Golub and LeVeque (1983) have it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import cuda, float32

from .budget import Budget
from .columns import (
    ACROSS,
    AT_ONCE,
    DOWN,
    FURTHER,
    LINES,
    THREADS,
    adds_up,
    column_sum,
    launch_columns,
    own_rows,
    parts_of,
)
from .elements import BUDGET, EACH, element, launch_each, launch_few, own_elements
from .toolchain import ONE, ZERO, device_function, kernel

_FIRST, _ONE = np.uint32(0), np.uint32(1)
_MEANS, _SQUARES, _NUMBERS = np.uint32(THREADS), np.uint32(2 * THREADS), 3 * THREADS
"""Where they begin in a block's shared memory, behind the numbers of rows, and all its elements."""

BUDGETS = {
    "normalization.forward": BUDGET,
    "normalization.forward_sum": BUDGET,
    "_backward_input": BUDGET,
    "_from_running": BUDGET,
    "_fold": BUDGET,
    "_part_statistics": Budget(registers=40, shared_bytes=4096),
    "_statistics_of": Budget(registers=40, shared_bytes=4096),
    "_sums_of": Budget(registers=40, shared_bytes=3072),
    "_part_sums": Budget(registers=40, shared_bytes=3072),
}


def workspace_size(rows: int, channels: int) -> int:
    """Elements of workspace that `statistics` and `sums` need."""
    return 2 * parts_of(rows)[0] * channels


@device_function
def _together(rows: Any, mean: Any, squares: Any, others: Any, other_mean: Any, other_squares: Any) -> Any:
    """(rows, mean, sum of squared distances from it) of two sets of rows of which the same is known; all of float32."""
    total = rows + others
    share = others / total if total > ZERO else ZERO
    apart = other_mean - mean
    return total, mean + apart * share, squares + other_squares + apart * apart * (rows * share)


@device_function
def _of_block(shared: Any, rows: Any, mean: Any, squares: Any) -> Any:
    """All of a column's, put together from its threads', for a thread that `adds_up`; every thread of the block calls, with
    _NUMBERS shared.
    """
    thread = np.uint32(cuda.threadIdx.x)
    shared[thread] = rows
    shared[np.uint32(thread + _MEANS)] = mean
    shared[np.uint32(thread + _SQUARES)] = squares
    cuda.syncthreads()
    if adds_up():
        place = thread
        for _ in range(1, LINES):
            place = np.uint32(place + ACROSS)
            others, other_squares = shared[place], shared[np.uint32(place + _SQUARES)]
            other_mean = shared[np.uint32(place + _MEANS)]
            rows, mean, squares = _together(rows, mean, squares, others, other_mean, other_squares)
    return rows, mean, squares


@kernel
def _part_statistics(partial: Any, x: Any, first: Any, rows: Any, channels: Any, part_rows: Any) -> None:
    """Of each part's rows the mean into `partial` (parts, C), and the sum of squared distances from it from its element
    `first` on.
    """
    shared = cuda.shared.array(_NUMBERS, float32)
    c, row, end = own_rows(rows, part_rows)
    total, squares, count, pivot = ZERO, ZERO, ZERO, ZERO
    if c < channels and row < end:
        values = cuda.local.array(AT_ONCE, float32)
        pivot = x[np.uint32(row * channels + c)]
        count = float32(np.uint32(np.uint32(end - row + DOWN - _ONE) // DOWN))
        while row < end:
            for j in range(AT_ONCE):
                own = np.uint32(row + np.uint32(j) * DOWN)
                values[j] = x[np.uint32(own * channels + c)] if own < end else pivot
            for j in range(AT_ONCE):
                apart = values[j] - pivot
                total += apart
                squares += apart * apart
            row = np.uint32(row + FURTHER)
        apart = total / count
        pivot += apart
        squares -= apart * total
        squares = ZERO if squares < ZERO else squares
    count, mean, squares = _of_block(shared, count, pivot, squares)
    if adds_up() and c < channels:
        place = np.uint32(np.uint32(cuda.blockIdx.y) * channels + c)
        partial[place] = mean
        partial[np.uint32(first + place)] = squares


@kernel
def _part_sums(
    partial: Any, d_y: Any, x: Any, mean: Any, first: Any, rows: Any, channels: Any, part_rows: Any
) -> None:
    """Of each part's rows the sums of d_y (x - mean) into `partial`, and those of d_y from its element `first` on."""
    scaled = cuda.shared.array(THREADS, float32)
    plain = cuda.shared.array(THREADS, float32)
    c, row, end = own_rows(rows, part_rows)
    total, other = ZERO, ZERO
    if c < channels:
        gradients, values = cuda.local.array(AT_ONCE, float32), cuda.local.array(AT_ONCE, float32)
        centre = mean[c]
        while row < end:
            for j in range(AT_ONCE):
                own = np.uint32(row + np.uint32(j) * DOWN)
                place = np.uint32(own * channels + c)
                gradients[j] = d_y[place] if own < end else ZERO
                values[j] = x[place] if own < end else centre
            for j in range(AT_ONCE):
                total += gradients[j] * (values[j] - centre)
                other += gradients[j]
            row = np.uint32(row + FURTHER)
    total, other = column_sum(scaled, total), column_sum(plain, other)
    if adds_up() and c < channels:
        place = np.uint32(np.uint32(cuda.blockIdx.y) * channels + c)
        partial[place] = total
        partial[np.uint32(first + place)] = other


@device_function
def _added(shared: Any, partial: Any, first: Any, channels: Any, c: Any, part: Any, parts: Any) -> Any:
    """The sum of a channel's parts, from element `first` on, for a thread that `adds_up`; every thread of the block calls."""
    total = ZERO
    if c < channels:
        while part < parts:
            total += partial[np.uint32(first + part * channels + c)]
            part = np.uint32(part + DOWN)
    return column_sum(shared, total)


@kernel
def _statistics_of(
    mean: Any,
    inverse: Any,
    running_mean: Any,
    running_variance: Any,
    partial: Any,
    first: Any,
    count: Any,
    of_part: Any,
    momentum: Any,
    eps: Any,
    parts: Any,
    channels: Any,
    most: Any,
) -> None:
    """mean_c and 1 / sqrt(variance_c + eps) from those of the parts, of `of_part` rows but the last, and the running
    statistics moved.
    """
    shared = cuda.shared.array(_NUMBERS, float32)
    c, part, end = own_rows(parts, most)
    rows, centre, squares = ZERO, ZERO, ZERO
    if c < channels:
        while part < end:
            place = np.uint32(part * channels + c)
            others = float32(min(of_part, np.uint32(count - part * of_part)))
            rows, centre, squares = _together(
                rows, centre, squares, others, partial[place], partial[np.uint32(first + place)]
            )
            part = np.uint32(part + DOWN)
    rows, centre, squares = _of_block(shared, rows, centre, squares)
    if adds_up() and c < channels:
        others = float32(count - _ONE) if count > _ONE else ONE
        mean[c] = centre
        inverse[c] = ONE / math.sqrt(squares / float32(count) + eps)
        running_mean[c] = (ONE - momentum) * running_mean[c] + momentum * centre
        running_variance[c] = (ONE - momentum) * running_variance[c] + momentum * (squares / others)


@kernel
def _sums_of(
    d_scale: Any, d_shift: Any, partial: Any, inverse: Any, first: Any, parts: Any, channels: Any, most: Any
) -> None:
    """d_scale_c and d_shift_c from the parts' sums."""
    shared, other = cuda.shared.array(THREADS, float32), cuda.shared.array(THREADS, float32)
    c, part, parts = own_rows(parts, most)
    scaled = _added(shared, partial, _FIRST, channels, c, part, parts)
    plain = _added(other, partial, first, channels, c, part, parts)
    if adds_up() and c < channels:
        d_scale[c] = scaled * inverse[c]
        d_shift[c] = plain


@kernel
def _from_running(mean: Any, inverse: Any, running_mean: Any, running_variance: Any, eps: Any) -> None:
    c = element()
    if c < np.uint32(mean.size):
        mean[c] = running_mean[c]
        inverse[c] = ONE / math.sqrt(running_variance[c] + eps)


@kernel
def _fold(
    folded: Any,
    folded_bias: Any,
    weights: Any,
    bias: Any,
    running_mean: Any,
    running_variance: Any,
    scale: Any,
    shift: Any,
    eps: Any,
) -> None:
    i = element()
    if i < np.uint32(weights.size):
        channels = np.uint32(bias.size)
        c = np.uint32(i % channels)
        factor = scale[c] / math.sqrt(running_variance[c] + eps)
        folded[i] = weights[i] * factor
        if i < channels:
            folded_bias[i] = (bias[i] - running_mean[i]) * factor + shift[i]


def _make_forward(name: str, *, adds: bool) -> Any:
    """The kernel of that name of y = f((x - mean) inverse scale + shift), with `adds` + other; else it does not look at other."""

    def forward(
        y: Any,
        x: Any,
        other: Any,
        mean: Any,
        inverse: Any,
        scale: Any,
        shift: Any,
        slope: Any,
        channels: Any,
    ) -> None:
        (first, apart), size = own_elements(), np.uint32(y.size)
        if first < size:
            values, others = cuda.local.array(EACH, float32), cuda.local.array(EACH, float32)
            for j in range(EACH):
                i = np.uint32(first + np.uint32(j) * apart)
                if i < size:
                    values[j] = x[i]
                    others[j] = other[i] if adds else ZERO
            c = np.uint32(first % channels)
            centre, factor, offset = mean[c], inverse[c] * scale[c], shift[c]
            for j in range(EACH):
                i = np.uint32(first + np.uint32(j) * apart)
                if i < size:
                    value = (values[j] - centre) * factor + offset
                    value = value + others[j] if adds else value
                    y[i] = value if value > ZERO else slope * value

    return kernel(forward, name=f"normalization.{name}")


_forward = _make_forward("forward", adds=False)
_forward_sum = _make_forward("forward_sum", adds=True)


@kernel
def _backward_input(
    d_x: Any,
    d_y: Any,
    x: Any,
    mean: Any,
    inverse: Any,
    scale: Any,
    d_scale: Any,
    d_shift: Any,
    channels: Any,
    share: Any,
) -> None:
    (first, apart), size = own_elements(), np.uint32(d_x.size)
    if first < size:
        gradients, values = cuda.local.array(EACH, float32), cuda.local.array(EACH, float32)
        for j in range(EACH):
            i = np.uint32(first + np.uint32(j) * apart)
            if i < size:
                gradients[j], values[j] = d_y[i], x[i]
        c = np.uint32(first % channels)
        centre, own, factor = mean[c], inverse[c], scale[c] * inverse[c]
        of_scale, of_shift = d_scale[c], d_shift[c]
        for j in range(EACH):
            i = np.uint32(first + np.uint32(j) * apart)
            if i < size:
                centred = (values[j] - centre) * own
                d_x[i] = factor * (gradients[j] - share * (of_shift + centred * of_scale))


def statistics(
    mean: Any,
    inverse: Any,
    running_mean: Any,
    running_variance: Any,
    x: Any,
    momentum: Any,
    eps: Any,
    workspace: Any,
) -> None:
    """The batch's statistics, and the running ones moved towards them."""
    rows, channels = x.shape
    parts, part_rows = parts_of(rows)
    first = parts * channels
    running = running_mean, running_variance
    sizes = first, rows, part_rows, float(momentum), float(eps)
    launch_columns(_part_statistics, rows, channels, workspace, x, first)
    launch_columns(_statistics_of, parts, channels, mean, inverse, *running, workspace, *sizes)


def from_running(mean: Any, inverse: Any, running_mean: Any, running_variance: Any, eps: Any) -> None:
    """The running statistics in the place of a batch's."""
    launch_each(_from_running, mean.size, mean, inverse, running_mean, running_variance, float(eps))


def forward(y: Any, x: Any, mean: Any, inverse: Any, scale: Any, shift: Any, slope: Any) -> None:
    """y = f((x - mean) inverse scale + shift), channel by channel."""
    channels = x.shape[1]
    arguments = y, x, x, mean, inverse, scale, shift, float(slope), channels
    launch_few(_forward, y.size, *arguments, channels=channels)


def forward_sum(
    y: Any,
    x: Any,
    other: Any,
    mean: Any,
    inverse: Any,
    scale: Any,
    shift: Any,
    slope: Any,
    workspace: Any,
) -> None:
    """y = f((x - mean) inverse scale + shift + other), channel by channel."""
    channels = x.shape[1]
    arguments = y, x, other, mean, inverse, scale, shift, float(slope), channels
    launch_few(_forward_sum, y.size, *arguments, channels=channels)


def sums(d_scale: Any, d_shift: Any, d_y: Any, x: Any, mean: Any, inverse: Any, workspace: Any) -> None:
    """The gradients of scale and shift."""
    rows, channels = x.shape
    parts, _ = parts_of(rows)
    first = parts * channels
    launch_columns(_part_sums, rows, channels, workspace, d_y, x, mean, first)
    launch_columns(_sums_of, parts, channels, d_scale, d_shift, workspace, inverse, first)


def backward_input(
    d_x: Any, d_y: Any, x: Any, mean: Any, inverse: Any, scale: Any, d_scale: Any, d_shift: Any
) -> None:
    """The gradient of x through its batch's statistics."""
    rows, channels = x.shape
    arguments = d_x, d_y, x, mean, inverse, scale, d_scale, d_shift
    launch_few(_backward_input, d_x.size, *arguments, channels, 1.0 / rows, channels=channels)


def fold(
    folded: Any,
    folded_bias: Any,
    weights: Any,
    bias: Any,
    running_mean: Any,
    running_variance: Any,
    scale: Any,
    shift: Any,
    eps: Any,
) -> None:
    """The weights and the bias of the layer before, with the normalisation in them."""
    arguments = folded, folded_bias, weights, bias, running_mean, running_variance, scale, shift
    launch_each(_fold, weights.size, *arguments, float(eps))
