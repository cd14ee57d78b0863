"""Activations: functions of one number, and their derivatives."""

from __future__ import annotations

import math

import numpy as np


def leaky_relu(x, slope):
    return np.where(x > 0, x, slope * x)


def elu(x, alpha):
    return np.where(x > 0, x, alpha * (np.exp(np.minimum(x, 0)) - 1))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def clip_to(x, low, high):
    return np.clip(x, low, high)


def gate(x, a, b):
    return x * sigmoid(a * x + b * x**3)


def gate_backward(d_y, x, a, b):
    share = sigmoid(a * x + b * x**3)
    return d_y * (share + x * share * (1 - share) * (a + 3 * b * x**2))


def below(x):
    """The chance that a normally distributed number is below x."""
    return np.vectorize(lambda v: math.erfc(-v / math.sqrt(2)) / 2, otypes=[float])(x)


def gelu_backward(d_y, x):
    return d_y * (below(x) + x * np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi))


def rectifier_backward(d_y, positive, slope, rule):
    """A rectifier's three backward rules; `slope` is the derivative where the input was not positive (of a clip: within)."""
    derivative = np.where(positive, 1, slope)
    return {
        "standard": d_y * derivative,
        "deconvnet": np.maximum(d_y, 0),
        "guided": np.maximum(d_y, 0) * derivative,
    }[rule]


def prelu_backward_slopes(d_y, x):
    return (d_y * np.minimum(x, 0)).sum(0)


def sigmoid_backward(d_y, x):
    """1 / ((1 + e^x)(1 + e^-x)), the slide's form."""
    return d_y / ((1 + np.exp(x)) * (1 + np.exp(-x)))


def tanh_backward(d_y, x):
    """1 / cosh^2 x."""
    return d_y / np.cosh(x) ** 2
