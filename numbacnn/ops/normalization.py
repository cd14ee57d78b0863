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

In one pass over memory with what comes before or after them, to the same bits as one after the other (program.merging):

forward_sum          y = f((x - mean) inverse scale + shift + other): with a sum, and the rectifier after it
sums_rectified       as `sums` and `backward_input`, from the gradient of y = f((x - mean) inverse scale + shift) that the
backward_rectified   rectifier has not gone through yet
sums_joined          d = f'(y) (d + added), and the sums of d: where a sum y was rectified, another gradient reaches it,
                     and one of its terms was normalised

What they do to a vector of channels is in normalizing.py, sums of rows in normalization_sums.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import normalization_sums
from .compilation import jit
from .kernel import Kernel, by_device
from .normalization_sums import parts, repeat, shape_of
from .normalizing import back, normal, normal_sum
from .parallel import in_parallel, parallel, share


def _whole(channels: int, dtype: Any) -> bool:
    """Whether a row consists of whole vectors."""
    return bool(channels * dtype.itemsize % 64 == 0)


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
    """mean_c and 1 / sqrt(variance_c + eps), and the running ones."""
    outputs = mean, inverse, running_mean, running_variance
    normalization_sums.statistics(*outputs, x.reshape(-1), len(x), momentum, eps, *parts(workspace, *x.shape))


@parallel(lambda mean, *_: mean.size)
def _from_running_cpu(
    begin: Any, end: Any, mean: Any, inverse: Any, running_mean: Any, running_variance: Any, eps: Any
) -> None:
    """mean_c = running mean, inverse_c = 1 / sqrt(running variance + eps)."""
    number = mean.dtype.type
    for c in range(begin, end):
        mean[c] = running_mean[c]
        inverse[c] = number(1) / np.sqrt(running_variance[c] + number(eps))


def _forward_cpu(y: Any, x: Any, mean: Any, inverse: Any, scale: Any, shift: Any, slope: Any) -> None:
    """y_mc = f((x_mc - mean_c) inverse_c scale_c + shift_c)."""
    channels = mean, inverse, scale, shift
    if _whole(mean.size, y.dtype):
        _forward_lines(y.reshape(-1), x.reshape(-1), *channels, slope)
    else:
        _forward_rows(y, x, *channels, slope)


@parallel(lambda y, x, *_: x.shape[0])
def _forward_rows(
    begin: Any, end: Any, y: Any, x: Any, mean: Any, inverse: Any, scale: Any, shift: Any, slope: Any
) -> None:
    below = y.dtype.type(slope)
    for m in range(begin, end):
        line, target = x[m], y[m]
        for c in range(line.size):
            value = (line[c] - mean[c]) * (inverse[c] * scale[c]) + shift[c]
            target[c] = value if value > 0 else below * value


@parallel(lambda y, x, mean, *_: -(-y.size // mean.size))
def _forward_lines(
    begin: Any, end: Any, y: Any, x: Any, mean: Any, inverse: Any, scale: Any, shift: Any, slope: Any
) -> None:
    lanes, line = 64 // y.itemsize, mean.size
    for first in range(begin * line, min(end * line, y.size), line):
        for k in range(0, line, lanes):
            normal(y, x, mean, inverse, scale, shift, slope, first + k, k, line)


def _forward_sum_cpu(
    y: Any, x: Any, other: Any, mean: Any, inverse: Any, scale: Any, shift: Any, slope: Any, workspace: Any
) -> None:
    """y_mc = f((x_mc - mean_c) inverse_c scale_c + shift_c + other_mc)."""
    tables = _tables(workspace, x, mean, inverse, scale, shift)
    _forward_sum_lines(y.reshape(-1), x.reshape(-1), other.reshape(-1), *tables, slope)


@parallel(lambda y, x, other, mean, *_: -(-y.size // mean.size))
def _forward_sum_lines(
    begin: Any, end: Any, y: Any, x: Any, other: Any, mean: Any, inverse: Any, scale: Any, shift: Any, slope: Any
) -> None:  # fmt: skip
    lanes, line = 64 // y.itemsize, mean.size
    for first in range(begin * line, min(end * line, y.size), line):
        left = min(line, y.size - first)
        for k in range(0, left, lanes):
            normal_sum(y, x, other, mean, inverse, scale, shift, slope, first + k, k, left - k)


def _sums_cpu(d_scale: Any, d_shift: Any, d_y: Any, x: Any, mean: Any, inverse: Any, workspace: Any) -> None:
    """d_scale_c = sum of d_y_mc (x_mc - mean_c) inverse_c, d_shift_c = sum of d_y_mc."""
    _sums_rectified_cpu(d_scale, d_shift, d_y, x, mean, inverse, inverse, mean, 1.0, workspace)


def _sums_rectified_cpu(
    d_scale: Any, d_shift: Any, d_y: Any, x: Any, mean: Any, inverse: Any, scale: Any, shift: Any, slope: Any,
    workspace: Any,
) -> None:  # fmt: skip
    """The sums of f'((x_mc - mean_c) inverse_c scale_c + shift_c) d_y_mc, a slope of 1 for no rectifier."""
    arrays = d_y.reshape(-1), x.reshape(-1), mean, inverse, scale, shift
    normalization_sums.sums(d_scale, d_shift, *arrays, slope, *parts(workspace, *x.shape))


def _sums_joined_cpu(
    d_scale: Any, d_shift: Any, d: Any, added: Any, y: Any, x: Any, mean: Any, inverse: Any, slope: Any, workspace: Any
) -> None:  # fmt: skip
    """d_mc = f'(y_mc) (d_mc + added_mc), and the sums of d."""
    arrays = d.reshape(-1), added.reshape(-1), y.reshape(-1), x.reshape(-1), mean, inverse
    normalization_sums.sums_joined(d_scale, d_shift, *arrays, slope, *parts(workspace, *x.shape))


def _backward_input_cpu(
    d_x: Any, d_y: Any, x: Any, mean: Any, inverse: Any, scale: Any, d_scale: Any, d_shift: Any
) -> None:
    """d_x_mc = scale_c inverse_c (d_y_mc - d_shift_c / M - (x_mc - mean_c) inverse_c d_scale_c / M)."""
    if _whole(mean.size, d_x.dtype):
        arrays = d_x.reshape(-1), d_y.reshape(-1), x.reshape(-1), mean, inverse, scale, mean
        _backward_lines(*arrays, d_scale, d_shift, len(x), 1.0)
    else:
        _backward_rows(d_x, d_y, x, mean, inverse, scale, d_scale, d_shift)


@parallel(lambda d_x, d_y, x, *_: x.shape[0])
def _backward_rows(
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
    number = d_x.dtype.type
    share = number(1) / number(x.shape[0])
    for m in range(begin, end):
        line, signal, target = x[m], d_y[m], d_x[m]
        for c in range(line.size):
            centred = (line[c] - mean[c]) * inverse[c]
            left = signal[c] - share * (d_shift[c] + centred * d_scale[c])
            target[c] = scale[c] * inverse[c] * left


def _backward_rectified_cpu(
    d_x: Any, d_y: Any, x: Any, mean: Any, inverse: Any, scale: Any, shift: Any, d_scale: Any, d_shift: Any,
    slope: Any, workspace: Any,
) -> None:  # fmt: skip
    """`backward_input` of f'((x_mc - mean_c) inverse_c scale_c + shift_c) d_y_mc."""
    tables = _tables(workspace, x, mean, inverse, scale, shift, d_scale, d_shift)
    _backward_lines(d_x.reshape(-1), d_y.reshape(-1), x.reshape(-1), *tables, len(x), slope)


@parallel(lambda d_x, d_y, x, mean, *_: -(-x.size // mean.size))
def _backward_lines(
    begin: Any, end: Any, d_x: Any, d_y: Any, x: Any, mean: Any, inverse: Any, scale: Any, shift: Any, d_scale: Any,
    d_shift: Any, rows: Any, slope: Any,
) -> None:  # fmt: skip
    number, lanes, line = x.dtype.type, 64 // x.itemsize, mean.size
    share = number(1) / number(rows)
    for first in range(begin * line, min(end * line, x.size), line):
        left = min(line, x.size - first)
        for k in range(0, left, lanes):
            back(
                d_x, d_y, x, mean, inverse, scale, shift, d_scale, d_shift, share, slope, first + k, k, left - k
            )  # fmt: skip


def _tables(workspace: Any, x: Any, *channels: Any) -> tuple[Any, ...]:
    """What each channel has, as often as it takes for lines of whole vectors."""
    rows, count = x.shape
    if _whole(count, x.dtype):
        return channels
    _, line = shape_of(rows, count)
    tables = workspace[: len(channels) * line].reshape(len(channels), line)
    for table, source in zip(tables, channels, strict=True):
        _repeated(table, source)
    return tuple(tables)


@jit(parallel=True)
def _repeated(table: Any, source: Any) -> None:
    repeat(table, source)


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


workspace_size = by_device("normalization.workspace_size", cpu=normalization_sums.workspace_size)
"""A function of (device, rows, channels) that returns the elements of workspace."""

statistics = Kernel(
    "normalization.statistics", outputs=4, work=lambda mean, i, r, v, x, *_: x.size, cpu=_statistics_cpu
)
from_running = Kernel("normalization.from_running", outputs=2, cpu=_from_running_cpu)
forward = Kernel("normalization.forward", cpu=_forward_cpu)
forward_sum = Kernel("normalization.forward_sum", cpu=_forward_sum_cpu)
sums = Kernel("normalization.sums", outputs=2, work=lambda d, e, d_y, *_: d_y.size, cpu=_sums_cpu)
sums_rectified = Kernel(
    "normalization.sums_rectified",
    outputs=2,
    work=lambda d, e, d_y, *_: d_y.size,
    cpu_only=True,
    cpu=_sums_rectified_cpu,
)
sums_joined = Kernel(
    "normalization.sums_joined",
    outputs=3,
    work=lambda d, e, d_y, *_: d_y.size,
    cpu_only=True,
    cpu=_sums_joined_cpu,
)
backward_input = Kernel("normalization.backward_input", cpu=_backward_input_cpu)
backward_rectified = Kernel("normalization.backward_rectified", cpu_only=True, cpu=_backward_rectified_cpu)
fold = Kernel("normalization.fold", outputs=2, cpu=_fold_cpu)
