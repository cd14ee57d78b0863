"""Batch normalisation on the GPU; see ops.normalization.

A block adds some channels side by side of a part of the rows; the parts' sums are then added likewise, of which there are
too few for more than one part, and the channel's statistics finished.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import cuda, float32

from .budget import Budget
from .columns import DOWN, THREADS, adds_up, column_sum, launch_columns, own_rows, parts_of, sum_rows
from .elements import BUDGET, element, launch_each
from .toolchain import ONE, ZERO, device_function, kernel

_FIRST = np.uint32(0)

BUDGETS = {
    "_forward": BUDGET,
    "_backward_input": BUDGET,
    "_from_running": BUDGET,
    "_fold": BUDGET,
    "_mean_of": Budget(registers=32, shared_bytes=2048),
    "_statistics_of": Budget(registers=40, shared_bytes=2048),
    "_sums_of": Budget(registers=40, shared_bytes=3072),
    "_part_sums": Budget(registers=40, shared_bytes=3072),
    "_part_squares": Budget(registers=40, shared_bytes=2048),
}


def workspace_size(rows: int, channels: int) -> int:
    """Elements of workspace that `statistics` and `sums` need."""
    return 2 * parts_of(rows)[0] * channels


@kernel
def _part_squares(partial: Any, x: Any, mean: Any, rows: Any, channels: Any, part_rows: Any) -> None:
    """partial (parts, C) = the sums over each part's rows of (x - mean)^2."""
    shared = cuda.shared.array(THREADS, float32)
    c, row, end = own_rows(rows, part_rows)
    total = ZERO
    if c < channels:
        while row < end:
            left = x[np.uint32(row * channels + c)] - mean[c]
            total += left * left
            row = np.uint32(row + DOWN)
    total = column_sum(shared, total)
    if adds_up() and c < channels:
        partial[np.uint32(np.uint32(cuda.blockIdx.y) * channels + c)] = total


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
        while row < end:
            place = np.uint32(row * channels + c)
            total += d_y[place] * (x[place] - mean[c])
            other += d_y[place]
            row = np.uint32(row + DOWN)
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
def _mean_of(mean: Any, partial: Any, count: Any, parts: Any, channels: Any, most: Any) -> None:
    """mean_c from the parts' sums over `count` rows."""
    shared = cuda.shared.array(THREADS, float32)
    c, part, parts = own_rows(parts, most)
    total = _added(shared, partial, _FIRST, channels, c, part, parts)
    if adds_up() and c < channels:
        mean[c] = total / float32(count)


@kernel
def _statistics_of(
    mean: Any,
    inverse: Any,
    running_mean: Any,
    running_variance: Any,
    partial: Any,
    count: Any,
    momentum: Any,
    eps: Any,
    parts: Any,
    channels: Any,
    most: Any,
) -> None:
    """1 / sqrt(variance_c + eps) from the parts' squares, and the running statistics moved."""
    shared = cuda.shared.array(THREADS, float32)
    c, part, parts = own_rows(parts, most)
    total = _added(shared, partial, _FIRST, channels, c, part, parts)
    if adds_up() and c < channels:
        others = float32(count - np.uint32(1)) if count > np.uint32(1) else ONE
        inverse[c] = ONE / math.sqrt(total / float32(count) + eps)
        running_mean[c] = (ONE - momentum) * running_mean[c] + momentum * mean[c]
        running_variance[c] = (ONE - momentum) * running_variance[c] + momentum * (total / others)


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


@kernel
def _forward(
    y: Any, x: Any, mean: Any, inverse: Any, scale: Any, shift: Any, slope: Any, channels: Any
) -> None:
    i = element()
    if i < np.uint32(y.size):
        c = np.uint32(i % channels)
        value = (x[i] - mean[c]) * (inverse[c] * scale[c]) + shift[c]
        y[i] = value if value > ZERO else slope * value


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
    i = element()
    if i < np.uint32(d_x.size):
        c = np.uint32(i % channels)
        centred = (x[i] - mean[c]) * inverse[c]
        d_x[i] = scale[c] * inverse[c] * (d_y[i] - share * (d_shift[c] + centred * d_scale[c]))


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
    parts, _ = parts_of(rows)
    sum_rows(workspace, x)
    launch_columns(_mean_of, parts, channels, mean, workspace, rows)
    launch_columns(_part_squares, rows, channels, workspace, x, mean)
    launch_columns(
        _statistics_of,
        parts,
        channels,
        mean,
        inverse,
        running_mean,
        running_variance,
        workspace,
        rows,
        float(momentum),
        float(eps),
    )


def from_running(mean: Any, inverse: Any, running_mean: Any, running_variance: Any, eps: Any) -> None:
    """The running statistics in the place of a batch's."""
    launch_each(_from_running, mean.size, mean, inverse, running_mean, running_variance, float(eps))


def forward(y: Any, x: Any, mean: Any, inverse: Any, scale: Any, shift: Any, slope: Any) -> None:
    """y = f((x - mean) inverse scale + shift), channel by channel."""
    launch_each(_forward, y.size, y, x, mean, inverse, scale, shift, float(slope), x.shape[1])


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
    launch_each(_backward_input, d_x.size, *arguments, channels, 1.0 / rows)


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
