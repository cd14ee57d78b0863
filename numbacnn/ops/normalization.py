"""Batch normalisation (Ioffe and Szegedy, 2015), a channel at a time; x (M,C) has a row a pixel of a picture.

statistics       x -> mean (C), inverse (C) = 1 / sqrt(variance + eps), and the running ones moved towards them:
                 running = (1 - momentum) running + momentum new. The batch's variance divides by M, the running one's share
                 by M - 1, as PyTorch has it.
from_running     running mean and variance -> mean, inverse: what is used outside training
forward          y = f((x - mean) inverse scale + shift), f(v) = v above 0, else slope v
sums             d_scale = sum over m of d_y (x - mean) inverse,  d_shift = sum over m of d_y
backward_input   d_x = scale inverse (d_y - d_shift / M - (x - mean) inverse d_scale / M): the statistics depend on x too
fold             weights (D,C) and bias (C) of the layer before -> those that make the normalisation unnecessary: its factor
                 inverse scale goes into both, mean and shift into the bias
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .compilation import jit
from .kernel import Kernel, by_device
from .parallel import in_parallel, parallel, share

_BLOCKS = 32
"""The most partial sums. They depend on the shape alone, so that the result does not depend on the threads."""
_ROWS = 16
"""The fewest rows that each partial sum adds."""


def _workspace_size_cpu(rows: int, channels: int) -> int:
    """Returns the elements of workspace that `statistics` and `sums` need."""
    return 2 * _blocks(rows) * channels


def _blocks(rows: int) -> int:
    return max(1, min(_BLOCKS, rows // _ROWS))


def _statistics_cpu(
    mean: Any,
    inverse: Any,
    running_mean: Any,
    running_variance: Any,
    x: Any,
    momentum: Any,
    eps: Any,
    workspace: Any,
) -> None:
    """mean_c and 1 / sqrt(variance_c + eps), in two passes: first the means, then the squares of what is left."""
    blocks = _blocks(len(x))
    partial = workspace[: blocks * mean.size].reshape(blocks, mean.size)
    _statistics(mean, inverse, running_mean, running_variance, x, momentum, eps, partial)


@share
def _sum_values(begin: Any, end: Any, partial: Any, x: Any) -> None:
    (rows, channels), blocks = x.shape, len(partial)
    for block in range(begin, end):
        own = partial[block]
        own[:] = 0
        for m in range(rows * block // blocks, rows * (block + 1) // blocks):
            line = x[m]
            for c in range(channels):
                own[c] += line[c]


@share
def _sum_squares(begin: Any, end: Any, partial: Any, x: Any, mean: Any) -> None:
    (rows, channels), blocks = x.shape, len(partial)
    for block in range(begin, end):
        own = partial[block]
        own[:] = 0
        for m in range(rows * block // blocks, rows * (block + 1) // blocks):
            line = x[m]
            for c in range(channels):
                own[c] += (line[c] - mean[c]) * (line[c] - mean[c])


@jit(parallel=True)
def _statistics(
    mean: Any,
    inverse: Any,
    running_mean: Any,
    running_variance: Any,
    x: Any,
    momentum: Any,
    eps: Any,
    partial: Any,
) -> None:
    number = x.dtype.type
    rows, channels = x.shape
    blocks = len(partial)
    in_parallel(_sum_values, blocks, (partial, x))
    mean[:] = 0
    for block in range(blocks):
        for c in range(channels):
            mean[c] += partial[block, c]
    for c in range(channels):
        mean[c] /= number(rows)
    in_parallel(_sum_squares, blocks, (partial, x, mean))
    share, left = number(momentum), number(1) - number(momentum)
    for c in range(channels):
        total = number(0)
        for block in range(blocks):
            total += partial[block, c]
        inverse[c] = number(1) / np.sqrt(total / number(rows) + number(eps))
        running_mean[c] = left * running_mean[c] + share * mean[c]
        running_variance[c] = left * running_variance[c] + share * (total / number(max(rows - 1, 1)))


@parallel(lambda mean, *_: mean.size)
def _from_running_cpu(
    begin: Any, end: Any, mean: Any, inverse: Any, running_mean: Any, running_variance: Any, eps: Any
) -> None:
    """mean_c = running mean, inverse_c = 1 / sqrt(running variance + eps)."""
    number = mean.dtype.type
    for c in range(begin, end):
        mean[c] = running_mean[c]
        inverse[c] = number(1) / np.sqrt(running_variance[c] + number(eps))


@parallel(lambda y, x, *_: x.shape[0])
def _forward_cpu(
    begin: Any, end: Any, y: Any, x: Any, mean: Any, inverse: Any, scale: Any, shift: Any, slope: Any
) -> None:
    """y_mc = f((x_mc - mean_c) inverse_c scale_c + shift_c)."""
    below = y.dtype.type(slope)
    for m in range(begin, end):
        line, target = x[m], y[m]
        for c in range(line.size):
            value = (line[c] - mean[c]) * (inverse[c] * scale[c]) + shift[c]
            target[c] = value if value > 0 else below * value


def _sums_cpu(d_scale: Any, d_shift: Any, d_y: Any, x: Any, mean: Any, inverse: Any, workspace: Any) -> None:
    """d_scale_c = sum of d_y_mc (x_mc - mean_c) inverse_c, d_shift_c = sum of d_y_mc."""
    blocks = _blocks(len(x))
    partial = workspace[: 2 * blocks * mean.size].reshape(blocks, 2, mean.size)
    _sums(d_scale, d_shift, d_y, x, mean, inverse, partial)


@share
def _sum_gradients(begin: Any, end: Any, partial: Any, d_y: Any, x: Any, mean: Any) -> None:
    (rows, channels), blocks = x.shape, len(partial)
    for block in range(begin, end):
        scaled, plain = partial[block, 0], partial[block, 1]
        scaled[:] = 0
        plain[:] = 0
        for m in range(rows * block // blocks, rows * (block + 1) // blocks):
            line, signal = x[m], d_y[m]
            for c in range(channels):
                scaled[c] += signal[c] * (line[c] - mean[c])
                plain[c] += signal[c]


@jit(parallel=True)
def _sums(d_scale: Any, d_shift: Any, d_y: Any, x: Any, mean: Any, inverse: Any, partial: Any) -> None:
    channels, blocks = x.shape[1], len(partial)
    in_parallel(_sum_gradients, blocks, (partial, d_y, x, mean))
    d_scale[:] = 0
    d_shift[:] = 0
    for block in range(blocks):
        for c in range(channels):
            d_scale[c] += partial[block, 0, c] * inverse[c]
            d_shift[c] += partial[block, 1, c]


@parallel(lambda d_x, d_y, x, *_: x.shape[0])
def _backward_input_cpu(
    begin: Any,
    end: Any,
    d_x: Any,
    d_y: Any,
    x: Any,
    mean: Any,
    inverse: Any,
    scale: Any,
    d_scale: Any,
    d_shift: Any,
) -> None:
    """d_x_mc = scale_c inverse_c (d_y_mc - d_shift_c / M - (x_mc - mean_c) inverse_c d_scale_c / M)."""
    number = d_x.dtype.type
    share = number(1) / number(x.shape[0])
    for m in range(begin, end):
        line, signal, target = x[m], d_y[m], d_x[m]
        for c in range(line.size):
            centred = (line[c] - mean[c]) * inverse[c]
            left = signal[c] - share * (d_shift[c] + centred * d_scale[c])
            target[c] = scale[c] * inverse[c] * left


@share
def _scale_filters(begin: Any, end: Any, folded: Any, weights: Any, factors: Any) -> None:
    for d in range(begin, end):
        line, target = weights[d], folded[d]
        for c in range(line.size):
            target[c] = line[c] * factors[c]


@jit(parallel=True)
def _fold_cpu(
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
    """weights_dc f_c and (bias_c - mean_c) f_c + shift_c, f_c = scale_c / sqrt(variance_c + eps)."""
    number = bias.dtype.type
    for c in range(bias.size):  # the factors first, where the bias goes later
        folded_bias[c] = scale[c] / np.sqrt(running_variance[c] + number(eps))
    in_parallel(_scale_filters, weights.shape[0], (folded, weights, folded_bias))
    for c in range(bias.size):
        folded_bias[c] = (bias[c] - running_mean[c]) * folded_bias[c] + shift[c]


workspace_size = by_device("normalization.workspace_size", cpu=_workspace_size_cpu)
"""A function of (device, rows, channels) that returns the elements of workspace."""

statistics = Kernel(
    "normalization.statistics", outputs=4, work=lambda mean, i, r, v, x, *_: x.size, cpu=_statistics_cpu
)
from_running = Kernel("normalization.from_running", outputs=2, cpu=_from_running_cpu)
forward = Kernel("normalization.forward", cpu=_forward_cpu)
sums = Kernel("normalization.sums", outputs=2, work=lambda d, e, d_y, *_: d_y.size, cpu=_sums_cpu)
backward_input = Kernel("normalization.backward_input", cpu=_backward_input_cpu)
fold = Kernel("normalization.fold", outputs=2, cpu=_fold_cpu)
