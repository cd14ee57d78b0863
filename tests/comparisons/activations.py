"""Activations and gates: shapes are (elements,) or (elements, rule)."""

from __future__ import annotations

import naive
import numpy as np

from comparisons import arrays
from comparisons.elements import ACTIVATION_LAYERS, SIZES
from comparisons.rows import Comparison
from numbacnn.ops import activations

RECTIFIED = {f"{name}, {rule}": (size, rule) for name, size in SIZES.items() for rule in activations.RULES}
RECTIFIED_LAYERS = {name: (size, "standard") for name, size in ACTIVATION_LAYERS.items()}


CHANNELS = 5


def with_kinks(x):
    """x with the points where activations have kinks among its elements."""
    x.flat[:6] = [0, 1, -1, -0.0, 2, -2][: x.size]
    return x


def elementwise(reference, *constants):
    """y from x."""

    def make(generator, dtype, size):
        return [arrays.unwritten(dtype, size), with_kinks(arrays.numbers(generator, dtype, size)), *constants]

    return Comparison(make, lambda y, *rest: (reference(*rest),), SIZES, ACTIVATION_LAYERS)


def elementwise_backward(reference, *forward):
    """d_x = reference(d_y, x) from d_y, forward(x) for each function given, and x."""

    def make(generator, dtype, size):
        x = with_kinks(arrays.numbers(generator, dtype, size))
        known = [function(x.astype(np.float64)).astype(dtype) for function in forward]
        return [arrays.unwritten(dtype, size), arrays.numbers(generator, dtype, size), *known, x]

    return Comparison(make, lambda d_x, d_y, *rest: (reference(d_y, rest[-1]),), SIZES, ACTIVATION_LAYERS)


def rectifier_backward(slope_of, constant):
    """Likewise under a rule; slope_of(x, constant) is f' where x is not positive."""

    def make(generator, dtype, shape):
        x = with_kinks(arrays.numbers(generator, dtype, shape[0]))
        d_y = arrays.numbers(generator, dtype, shape[0])
        return [arrays.unwritten(dtype, shape[0]), d_y, x, constant, activations.RULES[shape[1]]]

    def reference(d_x, d_y, x, constant, rule):
        slope = slope_of(x, constant)
        return (naive.rectifier_backward(d_y, x > 0, slope, list(activations.RULES)[rule]),)

    return Comparison(make, reference, RECTIFIED, RECTIFIED_LAYERS)


def clip_backward(generator, dtype, shape):
    x, d_y = (
        with_kinks(arrays.numbers(generator, dtype, shape[0])),
        arrays.numbers(generator, dtype, shape[0]),
    )
    return [arrays.unwritten(dtype, shape[0]), d_y, x, -1.0, 2.0, activations.RULES[shape[1]]]


def gate_backward(reference, *constants):
    """d_x = reference(d_y, x, constants)."""

    def make(generator, dtype, size):
        x = with_kinks(3 * arrays.numbers(generator, dtype, size))
        return [arrays.unwritten(dtype, size), arrays.numbers(generator, dtype, size), x, *constants]

    return Comparison(make, lambda d_x, *rest: (reference(*rest),), SIZES, ACTIVATION_LAYERS)


def prelu_forward(generator, dtype, size):
    x = with_kinks(arrays.numbers(generator, dtype, size, CHANNELS))
    return [arrays.unwritten(dtype, size, CHANNELS), x, arrays.numbers(generator, dtype, CHANNELS)]


def prelu_backward(generator, dtype, shape):
    y, x, slopes = prelu_forward(generator, dtype, shape[0])
    return [y, arrays.numbers(generator, dtype, *x.shape), x, slopes, activations.RULES[shape[1]]]


def prelu_backward_slopes(generator, dtype, size):
    _, x, slopes = prelu_forward(generator, dtype, size)
    return [np.full_like(slopes, np.nan), arrays.numbers(generator, dtype, *x.shape), x]


ROWS: dict[str, Comparison] = {
    "activations.leaky_relu_forward": elementwise(naive.leaky_relu, 0.01),
    "activations.leaky_relu_backward": rectifier_backward(lambda x, slope: slope, 0.01),
    "activations.prelu_forward": Comparison(
        prelu_forward, lambda y, x, slopes: (naive.leaky_relu(x, slopes),), SIZES
    ),
    "activations.prelu_backward": Comparison(
        prelu_backward,
        lambda d_x, d_y, x, slopes, rule: (
            naive.rectifier_backward(d_y, x > 0, slopes, list(activations.RULES)[rule]),
        ),
        RECTIFIED,
    ),
    "activations.prelu_backward_slopes": Comparison(
        prelu_backward_slopes, lambda d_slopes, d_y, x: (naive.prelu_backward_slopes(d_y, x),), SIZES
    ),
    "activations.elu_forward": elementwise(naive.elu, 0.7),
    "activations.elu_backward": rectifier_backward(lambda x, alpha: alpha * np.exp(x), 0.7),
    "activations.sigmoid_forward": elementwise(naive.sigmoid),
    "activations.sigmoid_backward": elementwise_backward(naive.sigmoid_backward, naive.sigmoid),
    "activations.tanh_forward": elementwise(np.tanh),
    "activations.tanh_backward": elementwise_backward(naive.tanh_backward, np.tanh),
    "activations.clip_forward": elementwise(naive.clip_to, -1.0, 2.0),
    "activations.clip_backward": Comparison(
        clip_backward,
        lambda d_x, d_y, x, low, high, rule: (
            naive.rectifier_backward(d_y, (x > low) & (x < high), 0, list(activations.RULES)[rule]),
        ),
        RECTIFIED,
        RECTIFIED_LAYERS,
    ),
    "gates.forward": elementwise(naive.gate, 1.6, 0.07),
    "gates.backward": gate_backward(naive.gate_backward, 1.6, 0.07),
    "gates.normal_forward": elementwise(lambda x: x * naive.below(x)),
    "gates.normal_backward": gate_backward(naive.gelu_backward),
}
