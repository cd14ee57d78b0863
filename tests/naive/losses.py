"""Softmax, and losses with their gradients."""

from __future__ import annotations

import numpy as np


def softmax(x):
    return np.exp(x) / np.exp(x).sum(1, keepdims=True)


def softmax_backward(d_y, y):
    """d_y times the Jacobian, diag(y) - y y^T, picture by picture."""
    return np.stack(
        [gradient @ (np.diag(row) - np.outer(row, row)) for gradient, row in zip(d_y, y, strict=True)]
    )


def one_hot(x, label):
    return (np.arange(len(x)) == label).astype(float)


def signs(x, label):
    return 2 * one_hot(x, label) - 1


def strongest_rival(x, label):
    return max((k for k in range(len(x)) if k != label), key=lambda k: x[k])


def max_margin(x, label, margin):
    return max(0, x[strongest_rival(x, label)] + margin - x[label])


def max_margin_gradient(x, label, margin):
    if max_margin(x, label, margin) == 0:
        return np.zeros(len(x))
    return one_hot(x, strongest_rival(x, label)) - one_hot(x, label)


LOSSES = {
    "square": lambda x, c, margin: ((x - one_hot(x, c)) ** 2).sum() / 2,
    "log": lambda x, c, margin: np.log(1 + np.exp(-signs(x, c) * x)).sum(),
    "hinge": lambda x, c, margin: np.maximum(0, margin - signs(x, c) * x).sum(),
    "log-softmax": lambda x, c, margin: np.log(np.exp(x).sum()) - x[c],
    "max-margin": max_margin,
}
LOSS_GRADIENTS = {
    "square": lambda x, c, margin: x - one_hot(x, c),
    "log": lambda x, c, margin: -signs(x, c) / (1 + np.exp(signs(x, c) * x)),
    "hinge": lambda x, c, margin: -signs(x, c) * (signs(x, c) * x < margin),
    "log-softmax": lambda x, c, margin: np.exp(x) / np.exp(x).sum() - one_hot(x, c),
    "max-margin": max_margin_gradient,
}


def log_softmax_direction(x, label, margin):
    """The gradient without its factor, one minus the class's probability."""
    return (
        LOSS_GRADIENTS["log-softmax"](x, label, margin) / np.delete(np.exp(x) / np.exp(x).sum(), label).sum()
    )


def log_direction(x, label, margin):
    """The gradient times one plus e to the smallest signed score, where that is above 0."""
    least = (signs(x, label) * x).min()
    return LOSS_GRADIENTS["log"](x, label, margin) * (1 + np.exp(least) if least > 0 else 1)


LOSS_DIRECTIONS = {"log": log_direction, "log-softmax": log_softmax_direction}


def cross_entropy(x, target):
    whole = np.log(np.exp(x).sum())
    return (target * (whole - x)).sum(), np.exp(x - whole) * target.sum() - target


def smoothed(x, label, smoothing):
    return cross_entropy(x, (1 - smoothing) * one_hot(x, label) + smoothing / len(x))


def cross_entropy_of_pixels(x, labels, ignored):
    value, gradient = 0, np.zeros_like(x)
    seen = [p for p in range(len(x)) if labels[p] != ignored]
    for p in seen:
        own, gradient[p] = cross_entropy(x[p], one_hot(x[p], labels[p]))
        value += own / len(seen)
    return value, gradient / max(len(seen), 1)


def binary_cross_entropy(x, target):
    sure = 1 / (1 + np.exp(-x))
    return -(target * np.log(sure) + (1 - target) * np.log(1 - sure)).sum(), sure - target


def huber(x, target, delta, factor):
    value, gradient = 0, np.zeros_like(x)
    for k, error in enumerate(x - target):
        inside = abs(error) <= delta
        value += error**2 / 2 if inside else delta * (abs(error) - delta / 2)
        gradient[k] = error if inside else delta * np.sign(error)
    return factor * value, factor * gradient
