"""Batch normalisation and local response normalisation."""

from __future__ import annotations

import numpy as np


def batch_statistics(x, running_mean, running_variance, momentum, eps):
    rows = len(x)
    mean = x.sum(0) / rows
    variance = ((x - mean) ** 2).sum(0) / rows
    unbiased = variance * rows / max(rows - 1, 1)
    return (
        mean,
        1 / np.sqrt(variance + eps),
        running_mean + momentum * (mean - running_mean),
        running_variance + momentum * (unbiased - running_variance),
    )


def response_sums(x, size, alpha, k):
    """s_c = k + alpha / size times the sum of x^2 over the channels around c."""
    channels = range(x.shape[1])
    return np.stack(
        [k + alpha / size * sum(x[:, j] ** 2 for j in channels if abs(j - c) <= size // 2) for c in channels],
        1,
    )


def response_backward(d_y, x, y, s, size, alpha, beta):
    channels = range(x.shape[1])
    shared = np.stack(
        [sum(d_y[:, j] * y[:, j] / s[:, j] for j in channels if abs(j - c) <= size // 2) for c in channels], 1
    )
    return d_y * s**-beta - 2 * alpha * beta / size * x * shared


def normalise(x, mean, inverse, scale, shift):
    return scale * ((x - mean) * inverse) + shift


def folded(weights, bias, mean, variance, scale, shift, eps):
    """Weights and bias whose sums are normalised already."""
    factor = scale / np.sqrt(variance + eps)
    return weights * factor, (bias - mean) * factor + shift


def normalisation_sums(d_y, x, mean, inverse):
    return (d_y * (x - mean) * inverse).sum(0), d_y.sum(0)


def normalisation_backward(d_y, x, mean, inverse, scale, d_scale, d_shift):
    """Ioffe and Szegedy (2015), section 3, their three equations put together."""
    normal = (x - mean) * inverse
    return scale * inverse * (d_y - d_shift / len(x) - normal * d_scale / len(x))


def rectified_gradient(d_y, y, slope):
    return np.where(y > 0, d_y, slope * d_y)


def joined(d, added, y, x, mean, inverse, slope):
    """Both sums and the gradient of a rectified sum, which another gradient reaches."""
    signal = rectified_gradient(d + added, y, slope)
    return (*normalisation_sums(signal, x, mean, inverse), signal)
