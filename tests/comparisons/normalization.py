"""Batch normalisation, shapes (M, C), a row a pixel of a picture; local response normalisation, (M, C, size, beta)."""

from __future__ import annotations

import naive
import numpy as np

from comparisons import arrays
from comparisons.rows import Comparison
from numbacnn.ops import normalization

NORMALISED = {
    "one number": (1, 1),
    "one row": (1, 5),
    "few rows": (7, 3),
    "ragged": (67, 17),
    "channels of three vectors": (40, 35),
    "several parts": (1031, 3),
    "several lines of several rows": (2310, 32),
}
NORMALISED_LAYERS = {
    "resnet-20, first stage": (64 * 32 * 32, 16),
    "resnet-18, first stage at 32x32": (64 * 32 * 32, 64),
    "resnet-18, last stage at 32x32": (64 * 4 * 4, 512),
}


def statistics(generator, dtype, shape):
    outputs = [arrays.unwritten(dtype, shape[1]) for _ in range(2)]
    running = [arrays.numbers(generator, dtype, shape[1]), abs(arrays.numbers(generator, dtype, shape[1]))]
    x = 3 + 2 * arrays.numbers(generator, dtype, *shape)
    return [*outputs, *running, x, 0.1, 1e-5, _workspace(dtype, shape)]


def from_running(generator, dtype, shape):
    return [*statistics(generator, dtype, shape)[:4], 1e-5]


def fold(generator, dtype, shape):
    mean, variance, scale, shift = channel_numbers(generator, dtype, shape)
    weights, bias = arrays.numbers(generator, dtype, *shape), arrays.numbers(generator, dtype, shape[1])
    outputs = arrays.unwritten(dtype, *shape), arrays.unwritten(dtype, shape[1])
    return [*outputs, weights, bias, mean, variance, scale, shift, 1e-5]


def channel_numbers(generator, dtype, shape):
    """mean, inverse, scale and shift."""
    mean, inverse, scale, shift = (arrays.numbers(generator, dtype, shape[1]) for _ in range(4))
    return mean, abs(inverse) + dtype(0.1), scale, shift


def normalisation_forward(generator, dtype, shape):
    x = arrays.numbers(generator, dtype, *shape)
    return [arrays.unwritten(dtype, *shape), x, *channel_numbers(generator, dtype, shape), 0.25]


def normalisation_sums(generator, dtype, shape):
    outputs = [arrays.unwritten(dtype, shape[1]) for _ in range(2)]
    d_y, x = (arrays.numbers(generator, dtype, *shape) for _ in range(2))
    return [*outputs, d_y, x, *channel_numbers(generator, dtype, shape)[:2], _workspace(dtype, shape)]


def normalisation_backward(generator, dtype, shape):
    d_y, x = (arrays.numbers(generator, dtype, *shape) for _ in range(2))
    sums = [arrays.numbers(generator, dtype, shape[1]) for _ in range(2)]
    return [arrays.unwritten(dtype, *shape), d_y, x, *channel_numbers(generator, dtype, shape)[:3], *sums]


def forward_sum(generator, dtype, shape):
    y, x, *channels, _ = normalisation_forward(generator, dtype, shape)
    return [y, x, arrays.numbers(generator, dtype, *shape), *channels, 0.25, _workspace(dtype, shape)]


def sums_rectified(generator, dtype, shape):
    *outputs, d_y, x, _, _, workspace = normalisation_sums(generator, dtype, shape)
    return [*outputs, d_y, x, *channel_numbers(generator, dtype, shape), 0.25, workspace]


def sums_joined(generator, dtype, shape):
    *outputs, d, x, mean, inverse, workspace = normalisation_sums(generator, dtype, shape)
    added, y = (arrays.numbers(generator, dtype, *shape) for _ in range(2))
    return [*outputs, d, added, y, x, mean, inverse, 0.25, workspace]


def backward_rectified(generator, dtype, shape):
    d_x, d_y, x, mean, inverse, scale, *sums = normalisation_backward(generator, dtype, shape)
    shift = arrays.numbers(generator, dtype, shape[1])
    return [d_x, d_y, x, mean, inverse, scale, shift, *sums, 0.25, _workspace(dtype, shape)]


def through_rectifier(d_y, x, mean, inverse, scale, shift, slope):
    return naive.rectified_gradient(d_y, naive.normalise(x, mean, inverse, scale, shift), slope)


def _workspace(dtype, shape):
    return arrays.unwritten(dtype, normalization.workspace_size("cpu", *shape))


RESPONSES = {
    "one channel": (3, 1, 5, 0.75),
    "fewer channels than neighbours": (2, 3, 9, 0.75),
    "ragged": (7, 19, 5, 0.75),
    "another power": (5, 6, 3, 0.6),
}
RESPONSE_LAYERS = {
    "alexnet norm1": (16 * 27 * 27, 96, 5, 0.75),
    "alexnet norm2": (16 * 13 * 13, 256, 5, 0.75),
}


def response_forward(generator, dtype, shape):
    rows, channels, size, beta = shape
    x = 2 * arrays.numbers(generator, dtype, rows, channels)
    return [
        arrays.unwritten(dtype, rows, channels),
        arrays.unwritten(dtype, rows, channels),
        x,
        size,
        0.3,
        beta,
        1.5,
    ]


def response_backward(generator, dtype, shape):
    rows, channels, size, beta = shape
    d_y, x = (arrays.numbers(generator, dtype, rows, channels) for _ in range(2))
    s = naive.response_sums(x.astype(np.float64), size, 0.3, 1.5)
    known = x, (x * s**-beta).astype(dtype), s.astype(dtype)
    return [arrays.unwritten(dtype, rows, channels), d_y, *known, size, 0.3, beta]


ROWS: dict[str, Comparison] = {
    "normalization.statistics": Comparison(
        statistics,
        lambda mean, inverse, running_mean, running_variance, x, momentum, eps, _: naive.batch_statistics(
            x, running_mean, running_variance, momentum, eps
        ),
        NORMALISED,
        NORMALISED_LAYERS,
        outputs=4,
    ),
    "normalization.from_running": Comparison(
        from_running,
        lambda mean, inverse, running_mean, running_variance, eps: (
            running_mean,
            1 / np.sqrt(running_variance + eps),
        ),
        NORMALISED,
        outputs=2,
    ),
    "normalization.forward": Comparison(
        normalisation_forward,
        lambda y, x, mean, inverse, scale, shift, slope: (
            naive.leaky_relu(naive.normalise(x, mean, inverse, scale, shift), slope),
        ),
        NORMALISED,
        NORMALISED_LAYERS,
    ),
    "normalization.sums": Comparison(
        normalisation_sums,
        lambda d_scale, d_shift, d_y, x, mean, inverse, _: naive.normalisation_sums(d_y, x, mean, inverse),
        NORMALISED,
        NORMALISED_LAYERS,
        outputs=2,
    ),
    "normalization.backward_input": Comparison(
        normalisation_backward,
        lambda d_x, *arguments: (naive.normalisation_backward(*arguments),),
        NORMALISED,
        NORMALISED_LAYERS,
    ),
    "normalization.forward_sum": Comparison(
        forward_sum,
        lambda y, x, other, mean, inverse, scale, shift, slope, _: (
            naive.leaky_relu(naive.normalise(x, mean, inverse, scale, shift) + other, slope),
        ),
        NORMALISED,
        NORMALISED_LAYERS,
    ),
    "normalization.sums_rectified": Comparison(
        sums_rectified,
        lambda d_scale, d_shift, d_y, x, mean, inverse, scale, shift, slope, _: naive.normalisation_sums(
            through_rectifier(d_y, x, mean, inverse, scale, shift, slope), x, mean, inverse
        ),
        NORMALISED,
        NORMALISED_LAYERS,
        outputs=2,
    ),
    "normalization.sums_joined": Comparison(
        sums_joined,
        lambda d_scale, d_shift, *arguments: naive.joined(*arguments[:-1]),
        NORMALISED,
        NORMALISED_LAYERS,
        outputs=3,
    ),
    "normalization.backward_rectified": Comparison(
        backward_rectified,
        lambda d_x, d_y, x, mean, inverse, scale, shift, d_scale, d_shift, slope, _: (
            naive.normalisation_backward(
                through_rectifier(d_y, x, mean, inverse, scale, shift, slope),
                *(x, mean, inverse, scale, d_scale, d_shift),
            ),
        ),
        NORMALISED,
        NORMALISED_LAYERS,
    ),
    "normalization.fold": Comparison(
        fold,
        lambda weights, bias, *arguments: naive.folded(*arguments),
        NORMALISED,
        {"resnet-18, first stage": (9 * 64, 64)},
        outputs=2,
    ),
    "response.forward": Comparison(
        response_forward,
        lambda y, s, x, size, alpha, beta, k: (
            x * naive.response_sums(x, size, alpha, k) ** -beta,
            naive.response_sums(x, size, alpha, k),
        ),
        RESPONSES,
        RESPONSE_LAYERS,
        outputs=2,
    ),
    "response.backward": Comparison(
        response_backward, lambda d_x, *rest: (naive.response_backward(*rest),), RESPONSES, RESPONSE_LAYERS
    ),
}
