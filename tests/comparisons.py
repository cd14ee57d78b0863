"""One table: how each op's arguments are made, what it should write, and the shapes to try it on.

`tests/test_ops.py` compares every kernel with its naive reference on the odd shapes; `benches/` times it on the
layers of real networks. An op without a row fails a test.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import naive
import numpy as np

from numbacnn.layers import Convolution
from numbacnn.ops import activations, dense, losses, normalization, pooling, update
from numbacnn.ops.geometry import Padding, Window


@dataclass(frozen=True)
class Comparison:
    """A row. `make(generator, dtype, shape)` gives the kernel's arguments, the `outputs` it writes first; an output
    that the op must fill whole holds NaN. `naive` takes the same arguments and returns what the outputs should hold.
    """

    make: Callable[[np.random.Generator, Any, Any], list[Any]]
    naive: Callable[..., tuple[Any, ...]]
    shapes: dict[str, Any]
    layers: dict[str, Any] = field(default_factory=dict)
    outputs: int = 1


def numbers(generator, dtype, *shape):
    return generator.standard_normal(shape).astype(dtype)


def unwritten(dtype, *shape):
    return np.full(shape, np.nan, dtype)


# Convolution


@dataclass(frozen=True)
class Filters:
    """A convolution: the volume of its input (N,H,W,C), and its options."""

    volume: tuple[int, int, int, int]
    filters: int
    kernel: Any
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def layer(self):
        return Convolution(self.filters, self.kernel, **self.options)


CONVOLUTIONS = {
    "one of everything": Filters((1, 1, 1, 1), 1, 1),
    "batch 1, one channel": Filters((1, 5, 5, 1), 1, 3),
    "not square": Filters((2, 7, 5, 3), 5, (3, 2)),
    "stride 3, padding 1": Filters((2, 7, 7, 2), 3, 3, {"stride": 3, "padding": 1}),
    "strides (2, 1)": Filters((3, 7, 4, 2), 4, (3, 2), {"stride": (2, 1)}),
    "stride above kernel": Filters((2, 7, 7, 2), 3, 1, {"stride": 2}),
    "asymmetric padding": Filters((2, 6, 5, 3), 4, 3, {"padding": (1, 0, 0, 2)}),
    "asymmetric padding, stride 2": Filters((2, 6, 6, 2), 3, 3, {"padding": (1, 0, 0, 1), "stride": 2}),
    "padding as wide as the kernel": Filters((2, 4, 4, 2), 3, 3, {"padding": 3}),
    "dilation 2": Filters((2, 9, 8, 3), 4, 3, {"dilation": 2, "padding": 1}),
    "dilation and stride": Filters((2, 9, 9, 2), 3, 3, {"dilation": (2, 1), "stride": (2, 3), "padding": 0}),
    "2 groups": Filters((2, 6, 6, 4), 6, 3, {"groups": 2, "padding": 1}),
    "2 groups, stride 2": Filters((3, 7, 7, 4), 6, 3, {"groups": 2, "stride": 2}),
    "depthwise": Filters((2, 6, 5, 5), 5, 3, {"groups": 5, "padding": 1}),
    "depthwise, stride 2": Filters(
        (3, 7, 8, 35), 35, 3, {"groups": 35, "stride": 2, "padding": (0, 1, 1, 1), "rounding": "floor"}
    ),
    "depthwise, wide padding": Filters(
        (2, 4, 3, 3), 3, (2, 3), {"groups": 3, "padding": 3, "stride": (1, 3)}
    ),
    "depthwise, dilation 2": Filters((2, 6, 5, 4), 4, 3, {"groups": 4, "dilation": 2, "padding": 1}),
    "two filters a channel": Filters((2, 6, 5, 4), 8, 3, {"groups": 4, "padding": 1}),
    "1x1": Filters((3, 5, 4, 7), 6, 1),
    "1x1 with padding": Filters((2, 3, 3, 2), 4, 1, {"padding": 1}),
    "kernel as large as the picture": Filters((4, 5, 6, 3), 7, (5, 6)),
    "floor": Filters((2, 8, 8, 2), 3, 3, {"stride": 2, "rounding": "floor"}),
    "ceil": Filters((2, 8, 8, 2), 3, 3, {"stride": 2, "rounding": "ceil"}),
    "a filter above a panel": Filters((2, 13, 11, 3), 17, 3, {"padding": 1}),
    "many pictures in a tile": Filters((37, 3, 3, 2), 4, 2),
    "several tiles in a picture": Filters((2, 21, 19, 2), 3, 3),
    "several tiles, stride 2": Filters((2, 41, 39, 1), 2, 3, {"stride": 2}),
    "Winograd, one tile": Filters((1, 4, 4, 64), 64, 3, {"padding": 1}),
    "Winograd, cut tiles, no padding": Filters((3, 9, 7, 16), 32, 3, {"algorithm": "winograd-4"}),
    "Winograd, asymmetric padding": Filters(
        (2, 5, 6, 32), 16, 3, {"padding": (2, 0, 1, 2), "algorithm": "winograd-4"}
    ),
    "Winograd, several blocks": Filters((5, 22, 21, 16), 16, 3, {"padding": 1, "algorithm": "winograd-4"}),
    "Winograd, tiles of 2": Filters((3, 7, 5, 32), 16, 3, {"padding": 1, "algorithm": "winograd-2"}),
    "Winograd, many filters": Filters((2, 3, 5, 256), 256, 3, {"padding": 1}),
    "Winograd, filters of 5x5": Filters((3, 6, 5, 32), 48, 5, {"padding": 2}),
    "Winograd, filters of 5x5, asymmetric padding": Filters(
        (2, 7, 8, 16), 32, 5, {"padding": (4, 0, 1, 3), "algorithm": "winograd-2"}
    ),
    "small filters of one channel": Filters((9, 12, 12, 1), 6, 5, {"padding": 2}),
}
CONVOLUTION_LAYERS = {
    "lenet conv1": Filters((64, 28, 28, 1), 6, 5, {"padding": 2}),
    "lenet conv2": Filters((64, 14, 14, 6), 16, 5),
    "cifar-quick conv1": Filters((64, 32, 32, 3), 32, 5, {"padding": 2}),
    "cifar-quick conv2": Filters((64, 16, 16, 32), 32, 5, {"padding": 2}),
    "cifar-quick conv3": Filters((64, 8, 8, 32), 64, 5, {"padding": 2}),
    "vgg-small conv1": Filters((32, 32, 32, 3), 64, 3, {"padding": 1}),
    "vgg-small conv2": Filters((32, 32, 32, 64), 64, 3, {"padding": 1}),
    "vgg-small conv3": Filters((32, 16, 16, 64), 128, 3, {"padding": 1}),
    "vgg-small conv4": Filters((32, 16, 16, 128), 128, 3, {"padding": 1}),
    "vgg-small conv5": Filters((32, 8, 8, 128), 256, 3, {"padding": 1}),
    "vgg-small conv6": Filters((32, 8, 8, 256), 256, 3, {"padding": 1}),
    "alexnet conv1": Filters((16, 227, 227, 3), 96, 11, {"stride": 4}),
    "alexnet conv2": Filters((16, 27, 27, 96), 256, 5, {"padding": 2}),
    "alexnet conv3": Filters((16, 13, 13, 256), 384, 3, {"padding": 1}),
    "alexnet conv4": Filters((16, 13, 13, 384), 384, 3, {"padding": 1}),
    "alexnet-2012 conv2": Filters((16, 27, 27, 96), 256, 5, {"padding": 2, "groups": 2}),
    "mobilenet-v1 conv2 depthwise": Filters((16, 112, 112, 32), 32, 3, {"padding": 1, "groups": 32}),
    "mobilenet-v1 conv7 depthwise": Filters((16, 14, 14, 512), 512, 3, {"padding": 1, "groups": 512}),
    "alexnet conv5": Filters((16, 13, 13, 384), 256, 3, {"padding": 1}),
}


def convolution_arguments(generator, dtype, shape):
    """x, weights and d_y of a convolution, and what ends every call."""
    layer, (count, *volume) = shape.layer, shape.volume
    output = layer.output_shape(tuple(volume))
    x = numbers(generator, dtype, count, *volume)
    weights = numbers(generator, dtype, *layer.parameter_specs(tuple(volume))["weights"].shape)
    d_y = numbers(generator, dtype, count, *output)
    # As large as the ops ask for and no larger; NaN shows whatever is read before it is written.
    workspace = unwritten(dtype, layer.prepare(count, output, tuple(volume)).workspace)
    return x, weights, d_y, [layer.window(), layer.groups, layer.algorithm, workspace]


def convolution_forward(generator, dtype, shape):
    x, weights, y, tail = convolution_arguments(generator, dtype, shape)
    return [unwritten(dtype, *y.shape), x, weights, numbers(generator, dtype, y.shape[3]), 0.25, *tail]


def convolution_backward_input(generator, dtype, shape):
    x, weights, d_y, tail = convolution_arguments(generator, dtype, shape)
    return [unwritten(dtype, *x.shape), d_y, weights, *tail]


def convolution_backward_weights(generator, dtype, shape):
    x, weights, d_y, tail = convolution_arguments(generator, dtype, shape)
    return [unwritten(dtype, *weights.shape), x, d_y, *tail]


# Dense: (N, D, K)

PRODUCTS = {
    "one of everything": (1, 1, 1),
    "batch 1": (1, 7, 5),
    "batch 1, several blocks": (1, 9, 515),
    "one output": (3, 5, 1),
    "ragged": (13, 31, 17),
    "depth above a block": (2, 401, 3),
    "rows above a chunk": (491, 3, 5),
    "many panels": (5, 4, 150),
}
DENSE_LAYERS = {
    "lenet dense3": (64, 400, 120),
    "lenet dense4": (64, 120, 84),
    "lenet dense5": (64, 84, 10),
    "cifar-quick dense4": (64, 1024, 64),
    "cifar-quick dense5": (64, 64, 10),
    "vgg-small dense7": (32, 4096, 256),
    "vgg-small dense8": (32, 256, 10),
    "alexnet dense6": (16, 9216, 4096),
    "alexnet dense7": (16, 4096, 4096),
    "alexnet dense8": (16, 4096, 1000),
}


def dense_arguments(outputs, *inputs, slope=None):
    """Arrays whose sizes are written in the letters N, D and K, the output's first; then a rectifier's slope, if any."""

    def make(generator, dtype, shape):
        sizes = dict(zip("NDK", shape, strict=True))
        extents = [[sizes[letter] for letter in letters] for letters in (outputs, *inputs)]
        arrays = [numbers(generator, dtype, *extent) for extent in extents]
        arrays[0][...] = np.nan
        workspace = unwritten(dtype, dense.workspace_size("cpu", sizes["K"], sizes["N"], sizes["D"]))
        return [*arrays, *([] if slope is None else [slope]), workspace]

    return make


def product(reference, outputs, *inputs, slope=None):
    make = dense_arguments(outputs, *inputs, slope=slope)
    return Comparison(make, lambda *arguments: (reference(*arguments[:-1]),), PRODUCTS, DENSE_LAYERS)


# Pooling


class Pool(NamedTuple):
    """A pool: the volume of its input (N,H,W,C), its window, and what it divides by."""

    volume: tuple[int, int, int, int]
    window: Window
    divisor: int = pooling.SUM


POOLS = {
    "one cell": Pool((1, 1, 1, 1), Window((1, 1))),
    "batch 1, one channel": Pool((1, 4, 4, 1), Window((2, 2), (2, 2))),
    "not square": Pool((2, 6, 5, 3), Window((3, 2), (3, 1))),
    "channels of three vectors": Pool((2, 6, 4, 35), Window((2, 2), (2, 2))),
    "overlapping channels of three vectors": Pool((2, 5, 7, 35), Window((3, 3), (2, 2))),
    "overlapping": Pool((2, 7, 9, 3), Window((3, 3), (2, 2))),
    "stride 3 above the kernel": Pool((3, 8, 8, 2), Window((2, 2), (3, 3))),
    "floor": Pool((2, 8, 7, 2), Window((3, 3), (2, 2), rounding="floor")),
    "ceil": Pool((2, 8, 6, 2), Window((3, 3), (2, 2), rounding="ceil")),
    "ceil with padding": Pool((2, 7, 6, 3), Window((3, 2), (2, 2), Padding(1, 0, 0, 1), rounding="ceil")),
    "the whole picture": Pool((2, 5, 4, 17), Window((5, 4))),
}
MAXIMA = POOLS | {
    "cells beyond 16 bits": Pool((1, 257, 259, 1), Window((257, 256), (1, 2), rounding="floor")),
}
SUMS = POOLS | {
    f"{name}, {manner}": pool._replace(divisor=divisor)
    for manner, divisor, names in (
        ("average", pooling.PADDED, POOLS),
        ("average of the picture", pooling.INSIDE, ("overlapping", "ceil", "ceil with padding")),
    )
    for name, pool in ((name, POOLS[name]) for name in names)
}
POOL_LAYERS = {
    "lenet pool1": Pool((64, 28, 28, 6), Window((2, 2), (2, 2))),
    "lenet pool2": Pool((64, 10, 10, 16), Window((2, 2), (2, 2))),
    "cifar-quick pool1": Pool((64, 32, 32, 32), Window((3, 3), (2, 2), rounding="ceil")),
    "vgg-small pool1": Pool((32, 32, 32, 64), Window((2, 2), (2, 2), rounding="ceil")),
    "vgg-small pool2": Pool((32, 16, 16, 128), Window((2, 2), (2, 2), rounding="ceil")),
    "vgg-small pool3": Pool((32, 8, 8, 256), Window((2, 2), (2, 2), rounding="ceil")),
    "alexnet pool1": Pool((16, 55, 55, 96), Window((3, 3), (2, 2))),
    "alexnet pool2": Pool((16, 27, 27, 256), Window((3, 3), (2, 2))),
    "alexnet pool5": Pool((16, 13, 13, 256), Window((3, 3), (2, 2))),
}
AVERAGE_LAYERS = {
    "cifar-quick pool2": Pool(
        (64, 16, 16, 32), Window((3, 3), (2, 2), rounding="ceil"), divisor=pooling.PADDED
    ),
    "cifar-quick pool3": Pool(
        (64, 8, 8, 64), Window((3, 3), (2, 2), rounding="ceil"), divisor=pooling.PADDED
    ),
}


def pool_arrays(generator, dtype, pool):
    """x and d_y of a pool, and its window as the kernels take it."""
    count, height, width, channels = pool.volume
    x = numbers(generator, dtype, *pool.volume)
    d_y = numbers(generator, dtype, count, *pool.window.output_size(height, width), channels)
    return x, d_y, [pool.window.kernel, pool.window.stride, tuple(pool.window.padding)]


def rectified(slope, y, *others):
    return naive.leaky_relu(y, slope), *others


def window_of(kernel, stride, padding):
    return Window(kernel, stride, Padding(*padding))


SLOPE = 0.25


def switches_of(pool):
    return np.uint16 if np.prod(pool.window.kernel) <= 1 << 16 else np.uint32


def max_forward(generator, dtype, pool):
    x, y, window = pool_arrays(generator, dtype, pool)
    return [unwritten(dtype, *y.shape), np.full(y.shape, 999, switches_of(pool)), x, SLOPE, *window]


def max_backward(generator, dtype, pool):
    x, d_y, window = pool_arrays(generator, dtype, pool)
    switches = np.zeros(d_y.shape, switches_of(pool))
    pooling.max_forward(d_y.copy(), switches, x, 1.0, *window)
    return [unwritten(dtype, *x.shape), d_y, switches, *window]


def sum_forward(generator, dtype, pool):
    x, y, window = pool_arrays(generator, dtype, pool)
    return [unwritten(dtype, *y.shape), x, SLOPE, *window, pool.divisor]


def sum_backward(generator, dtype, pool):
    x, d_y, window = pool_arrays(generator, dtype, pool)
    return [unwritten(dtype, *x.shape), d_y, *window, pool.divisor]


# Activations: (elements,) or (elements, rule)

SIZES = {"one element": 1, "seven": 7, "a thousand and one": 1001}
RECTIFIED = {f"{name}, {rule}": (size, rule) for name, size in SIZES.items() for rule in activations.RULES}
ACTIVATION_LAYERS = {
    "lenet relu1": 64 * 28 * 28 * 6,
    "cifar-quick relu1": 64 * 16 * 16 * 32,
    "vgg-small relu1": 32 * 32 * 32 * 64,
    "alexnet relu1": 16 * 55 * 55 * 96,
}
RECTIFIED_LAYERS = {name: (size, "standard") for name, size in ACTIVATION_LAYERS.items()}
CHANNELS = 5


def with_kinks(x):
    """x with the points where activations have kinks among its elements."""
    x.flat[:6] = [0, 1, -1, -0.0, 2, -2][: x.size]
    return x


def elementwise(reference, *constants):
    """y from x."""

    def make(generator, dtype, size):
        return [unwritten(dtype, size), with_kinks(numbers(generator, dtype, size)), *constants]

    return Comparison(make, lambda y, *rest: (reference(*rest),), SIZES, ACTIVATION_LAYERS)


def elementwise_backward(reference, *forward):
    """d_x = reference(d_y, x) from d_y, forward(x) for each function given, and x."""

    def make(generator, dtype, size):
        x = with_kinks(numbers(generator, dtype, size))
        known = [function(x.astype(np.float64)).astype(dtype) for function in forward]
        return [unwritten(dtype, size), numbers(generator, dtype, size), *known, x]

    return Comparison(make, lambda d_x, d_y, *rest: (reference(d_y, rest[-1]),), SIZES, ACTIVATION_LAYERS)


def rectifier_backward(slope_of, constant):
    """Likewise under a rule; slope_of(x, constant) is f' where x is not positive."""

    def make(generator, dtype, shape):
        x = with_kinks(numbers(generator, dtype, shape[0]))
        d_y = numbers(generator, dtype, shape[0])
        return [unwritten(dtype, shape[0]), d_y, x, constant, activations.RULES[shape[1]]]

    def reference(d_x, d_y, x, constant, rule):
        slope = slope_of(x, constant)
        return (naive.rectifier_backward(d_y, x > 0, slope, list(activations.RULES)[rule]),)

    return Comparison(make, reference, RECTIFIED, RECTIFIED_LAYERS)


def clip_backward(generator, dtype, shape):
    x, d_y = with_kinks(numbers(generator, dtype, shape[0])), numbers(generator, dtype, shape[0])
    return [unwritten(dtype, shape[0]), d_y, x, -1.0, 2.0, activations.RULES[shape[1]]]


def gate_backward(reference, *constants):
    """d_x = reference(d_y, x, constants)."""

    def make(generator, dtype, size):
        x = with_kinks(3 * numbers(generator, dtype, size))
        return [unwritten(dtype, size), numbers(generator, dtype, size), x, *constants]

    return Comparison(make, lambda d_x, *rest: (reference(*rest),), SIZES, ACTIVATION_LAYERS)


def prelu_forward(generator, dtype, size):
    x = with_kinks(numbers(generator, dtype, size, CHANNELS))
    return [unwritten(dtype, size, CHANNELS), x, numbers(generator, dtype, CHANNELS)]


def prelu_backward(generator, dtype, shape):
    y, x, slopes = prelu_forward(generator, dtype, shape[0])
    return [y, numbers(generator, dtype, *x.shape), x, slopes, activations.RULES[shape[1]]]


def prelu_backward_slopes(generator, dtype, size):
    _, x, slopes = prelu_forward(generator, dtype, size)
    return [np.full_like(slopes, np.nan), numbers(generator, dtype, *x.shape), x]


# Batch normalisation: (M, C), a row a pixel of a picture

NORMALISED = {
    "one number": (1, 1),
    "one row": (1, 5),
    "few rows": (7, 3),
    "ragged": (67, 17),
    "channels of three vectors": (40, 35),
    "several parts": (1031, 3),
}
NORMALISED_LAYERS = {
    "resnet-18, first stage at 32x32": (64 * 32 * 32, 64),
    "resnet-18, last stage at 32x32": (64 * 4 * 4, 512),
}


def statistics(generator, dtype, shape):
    outputs = [unwritten(dtype, shape[1]) for _ in range(2)]
    running = [numbers(generator, dtype, shape[1]), abs(numbers(generator, dtype, shape[1]))]
    workspace = unwritten(dtype, normalization.workspace_size("cpu", *shape))
    return [*outputs, *running, 3 + 2 * numbers(generator, dtype, *shape), 0.1, 1e-5, workspace]


def from_running(generator, dtype, shape):
    return [*statistics(generator, dtype, shape)[:4], 1e-5]


EMBEDDINGS = {
    "one token": (1, 1, 1),
    "a vocabulary that few tokens name": (50, 7, 5),
    "all tokens many times": (3, 40, 33),
}


def embedding_forward(generator, dtype, shape):
    vocabulary, places, size = shape
    tokens = generator.integers(0, vocabulary, places)
    return [unwritten(dtype, places, size), tokens, numbers(generator, dtype, vocabulary, size)]


def embedding_backward(generator, dtype, shape):
    vocabulary, places, size = shape
    tokens = generator.integers(0, vocabulary, places)
    return [unwritten(dtype, vocabulary, size), numbers(generator, dtype, places, size), tokens]


def fold(generator, dtype, shape):
    mean, variance, scale, shift = channel_numbers(generator, dtype, shape)
    weights, bias = numbers(generator, dtype, *shape), numbers(generator, dtype, shape[1])
    outputs = unwritten(dtype, *shape), unwritten(dtype, shape[1])
    return [*outputs, weights, bias, mean, variance, scale, shift, 1e-5]


def channel_numbers(generator, dtype, shape):
    """mean, inverse, scale and shift."""
    mean, inverse, scale, shift = (numbers(generator, dtype, shape[1]) for _ in range(4))
    return mean, abs(inverse) + dtype(0.1), scale, shift


def normalisation_forward(generator, dtype, shape):
    x = numbers(generator, dtype, *shape)
    return [unwritten(dtype, *shape), x, *channel_numbers(generator, dtype, shape), 0.25]


def normalisation_sums(generator, dtype, shape):
    outputs = [unwritten(dtype, shape[1]) for _ in range(2)]
    d_y, x = (numbers(generator, dtype, *shape) for _ in range(2))
    workspace = unwritten(dtype, normalization.workspace_size("cpu", *shape))
    return [*outputs, d_y, x, *channel_numbers(generator, dtype, shape)[:2], workspace]


def normalisation_backward(generator, dtype, shape):
    d_y, x = (numbers(generator, dtype, *shape) for _ in range(2))
    sums = [numbers(generator, dtype, shape[1]) for _ in range(2)]
    return [unwritten(dtype, *shape), d_y, x, *channel_numbers(generator, dtype, shape)[:3], *sums]


# Local response normalisation: (M, C, size, beta)

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
    x = 2 * numbers(generator, dtype, rows, channels)
    return [unwritten(dtype, rows, channels), unwritten(dtype, rows, channels), x, size, 0.3, beta, 1.5]


def response_backward(generator, dtype, shape):
    rows, channels, size, beta = shape
    d_y, x = (numbers(generator, dtype, rows, channels) for _ in range(2))
    s = naive.response_sums(x.astype(np.float64), size, 0.3, 1.5)
    known = x, (x * s**-beta).astype(dtype), s.astype(dtype)
    return [unwritten(dtype, rows, channels), d_y, *known, size, 0.3, beta]


# Softmax and losses: (N, K)

SCORES = {"two classes": (1, 2), "three": (5, 3), "ragged": (33, 17)}
SCORE_LAYERS = {"lenet, cifar-quick": (64, 10), "vgg-small": (32, 10), "alexnet": (16, 1000)}


def softmax_forward(generator, dtype, shape):
    return [unwritten(dtype, *shape), 3 * numbers(generator, dtype, *shape)]


def softmax_backward(generator, dtype, shape):
    y = naive.softmax(numbers(generator, np.float64, *shape)).astype(dtype)
    return [unwritten(dtype, *shape), numbers(generator, dtype, *shape), y]


def loss_arguments(generator, dtype, shape):
    scores, labels = 2 * numbers(generator, dtype, *shape), generator.integers(0, shape[1], shape[0])
    return [unwritten(dtype, shape[0]), unwritten(dtype, *shape), scores, labels, 1.0, 0.75]


def loss_comparison(value, gradient):

    def reference(losses, d_x, x, labels, margin, scale):
        rows = [(row, label, margin) for row, label in zip(x, labels, strict=True)]
        return np.array([value(*row) for row in rows]), scale * np.stack([gradient(*row) for row in rows])

    return Comparison(loss_arguments, reference, SCORES, SCORE_LAYERS, outputs=2)


# Losses of other targets: (N, K, options) or (N, P, K, options)

OPTIONS = {
    "smoothed": {"two classes": (1, 2, 0.1), "ragged": (33, 17, 0.25)},
    "distribution": {"two classes": (1, 2), "three": (5, 3), "ragged": (33, 17)},
    "pixels": {"one": (1, 1, 2, -1), "some ignored": (3, 35, 5, 1), "many": (2, 300, 3, 255)},
    "binary": {"one": (3, 1), "ragged": (33, 17)},
    "huber": {
        "half the square": (5, 3, np.inf, 1.0),
        "bent": (33, 17, 0.5, 1.0),
        "smooth L1": (4, 70, 0.4, 2.5),
    },
}
OPTION_LAYERS = {
    "smoothed": {"imagenet": (64, 1000, 0.1)},
    "distribution": {"imagenet": (64, 1000)},
    "pixels": {"64x64, 21 classes": (8, 4096, 21, 255)},
    "binary": {"40 attributes": (64, 40)},
    "huber": {"boxes": (64, 4 * 400, 1.0, 1.0)},
}


def target_arguments(kind):
    def make(generator, dtype, shape):
        counts = shape[:3] if kind == "pixels" else shape[:2]
        options = shape[len(counts) :]
        x = 2 * numbers(generator, dtype, *counts)
        if kind in ("smoothed", "pixels"):
            targets = generator.integers(0, counts[-1], counts[:-1])
            if kind == "pixels" and targets.size > 1:
                targets[generator.random(targets.shape) < 0.3] = options[0]
        else:
            targets = generator.random(counts).astype(dtype)
            if kind == "distribution":
                targets[generator.random(counts) < 0.3] = 0
        return [unwritten(dtype, counts[0]), unwritten(dtype, *counts), x, targets, *options, 0.75]

    return make


def target_comparison(kind, formula):
    def reference(losses, d_x, x, targets, *options_and_scale):
        *options, scale = options_and_scale
        rows = [formula(row, target, *options) for row, target in zip(x, targets, strict=True)]
        return np.array([value for value, _ in rows]), scale * np.stack([gradient for _, gradient in rows])

    return Comparison(target_arguments(kind), reference, OPTIONS[kind], OPTION_LAYERS[kind], outputs=2)


# Joins: (M, C, first, K), channels first .. first + C of K; or a size

SHARES = {"all": (3, 2, 0, 2), "one of three": (7, 1, 2, 3), "the middle": (5, 3, 2, 9)}
SHARE_LAYERS = {"27x27, 96 of 256": (16 * 27 * 27, 96, 64, 256)}


def copy_channels(generator, dtype, shape):
    rows, channels, first, total = shape
    return [numbers(generator, dtype, rows, total), numbers(generator, dtype, rows, channels), first]


def copied_channels(target, source, first):
    target = target.copy()
    target[:, first : first + source.shape[1]] = source
    return (target,)


def take_channels(generator, dtype, shape):
    target, source, first = copy_channels(generator, dtype, shape)
    return [np.full_like(source, np.nan), target, first]


# (N, P, C, rows of factors: P, or 1 for all)

FACTORS = {"one a number": (2, 5, 3, 5), "shared by all pixels": (3, 7, 19, 1), "one pixel": (2, 1, 4, 1)}
FACTOR_LAYERS = {"28x28, 192 channels": (16, 28 * 28, 192, 1)}


def multiplied(generator, dtype, shape):
    count, pixels, channels, rows = shape
    source, factors = (numbers(generator, dtype, count, each, channels) for each in (pixels, rows))
    return [unwritten(dtype, *source.shape), source, factors]


def multiply_sums(generator, dtype, shape):
    count, pixels, channels, _ = shape
    arrays = (numbers(generator, dtype, count, pixels, channels) for _ in range(2))
    return [unwritten(dtype, count, 1, channels), *arrays]


# Subsampling: the volume (N,H,W,C), channels, stride

SUBSAMPLES = {
    "one pixel": ((1, 1, 1, 2), 4, 2),
    "even": ((2, 4, 6, 3), 6, 2),
    "odd, stride 3": ((2, 7, 5, 2), 5, 3),
    "the same channels": ((2, 5, 4, 3), 3, 2),
}
SUBSAMPLE_LAYERS = {"resnet-20, second stage": ((64, 32, 32, 16), 32, 2)}


def subsampled(generator, dtype, shape):
    (count, height, width, channels), filters, stride = shape
    y = unwritten(dtype, count, -(-height // stride), -(-width // stride), filters)
    return [y, numbers(generator, dtype, *shape[0]), stride, (filters - channels) // 2]


def subsampled_backward(generator, dtype, shape):
    y, x, *rest = subsampled(generator, dtype, shape)
    return [np.full_like(x, np.nan), numbers(generator, dtype, *y.shape), *rest]


# Upsampling: the volume (N,H,W,C), scale, whether it is bilinear

UPSAMPLINGS = {
    f"{name}, {'bilinear' if smooth else 'nearest'}": (volume, scale, smooth)
    for name, volume, scale in (
        ("one cell", (1, 1, 1, 2), 3),
        ("not square", (2, 3, 5, 3), 2),
        ("by 4", (1, 4, 3, 19), 4),
    )
    for smooth in (False, True)
}
UPSAMPLING_LAYERS = {"14x14, 256 channels, bilinear": ((16, 14, 14, 256), 2, True)}


def upsampled(generator, dtype, shape):
    (count, height, width, channels), scale, smooth = shape
    y = unwritten(dtype, count, scale * height, scale * width, channels)
    return [y, numbers(generator, dtype, *shape[0]), scale, smooth]


def upsampled_backward(generator, dtype, shape):
    y, x, *rest = upsampled(generator, dtype, shape)
    return [np.full_like(x, np.nan), numbers(generator, dtype, *y.shape), *rest]


def added(generator, dtype, size):
    numbers_of_two = numbers(generator, dtype, size), numbers(generator, dtype, size)
    return [unwritten(dtype, size), *numbers_of_two, 0.25]


def two_arrays(generator, dtype, size):
    return [numbers(generator, dtype, size), numbers(generator, dtype, size)]


# Dropout: (elements, probability)

DROPOUTS = {
    "one element": (1, 0.5),
    "ragged": (1003, 0.25),
    "nothing dropped": (9, 0.0),
    "nearly all": (999, 0.9),
}
DROPOUT_LAYERS = {"alexnet dropout6": (16 * 4096, 0.5)}
STEP, INDEX = np.array([0x0123456789ABCDEF, 41], np.uint64), 7


def dropout_forward(generator, dtype, shape):
    size, probability = shape
    x = numbers(generator, dtype, size)
    return [unwritten(dtype, size), np.zeros(size, bool), x, STEP, INDEX, probability]


def dropped(y, mask, x, step, index, probability):
    key, number = map(int, step)
    mask = naive.dropout_mask(x.size, key, (number << 16) | index, probability)
    return x * mask / (1 - probability), mask


def dropout_backward(generator, dtype, shape):
    size, probability = shape
    return [
        unwritten(dtype, size),
        numbers(generator, dtype, size),
        generator.random(size) < 0.5,
        probability,
    ]


# Pictures: (volume, mean of the whole picture or one a channel)

PICTURES = {
    "grey": ((1, 3, 4, 1), False),
    "colour": ((2, 5, 3, 3), False),
    "mean image": ((3, 4, 5, 3), True),
}
PICTURE_LAYERS = {"cifar": ((64, 32, 32, 3), False), "imagenet": ((16, 227, 227, 3), False)}
CROPS = {
    "as they are": ((2, 4, 5, 3), (4, 5)),
    "crop": ((5, 8, 7, 3), (5, 4)),
    "padded": ((3, 4, 4, 1), (6, 7)),
    "some wholly outside": ((20, 2, 2, 3), (2, 2)),
}
DISTORTIONS = {
    "one pixel": ((2, 1, 1, 1), 2),
    "digits": ((4, 8, 8, 1), 3),
    "not square, colour": ((3, 5, 7, 3), 4),
    "finer than the pixels": ((2, 3, 2, 1), 5),
}
DISTORTION_LAYERS = {"digits": ((32, 8, 8, 1), 3), "cifar": ((64, 32, 32, 3), 3)}
CROP_LAYERS = {"cifar": ((64, 32, 32, 3), (32, 32)), "imagenet": ((16, 256, 256, 3), (227, 227))}


def pixels_forward(generator, dtype, shape):
    volume, whole = shape
    x = generator.integers(0, 256, volume).astype(dtype)
    line = volume[2] * volume[3]
    mean = numbers(generator, dtype, volume[1] if whole else 1, line)
    return [unwritten(dtype, *volume), x, mean, numbers(generator, dtype, line), generator.permutation(line)]


def pixels_backward(generator, dtype, shape):
    d_x, x, _, scale, order = pixels_forward(generator, dtype, shape)
    return [d_x, numbers(generator, dtype, *x.shape), scale, order]


def from_bytes(generator, dtype, shape):
    volume, _ = shape
    return [unwritten(dtype, *volume), generator.integers(0, 256, volume).astype(np.uint8)]


def augment(generator, dtype, shape):
    volume, crop = shape
    count, *_, channels = volume
    colour = 30 * numbers(generator, dtype, count, channels)
    colour[0] = 0
    return [
        unwritten(dtype, count, *crop, channels),
        generator.integers(0, 256, volume).astype(np.uint8),
        *generator.integers(-3, 4, (2, count)),
        generator.random(count) < 0.5,
        colour,
        100 * generator.random(channels).astype(dtype),
    ]


def distort(generator, dtype, shape):
    volume, side = shape
    count, height, width, channels = volume
    even = np.stack(
        np.meshgrid(*(np.linspace(0, size - 1, side) for size in (height, width)), indexing="ij"), axis=2
    )
    points = np.rint(256 * (even + generator.standard_normal((count, side, side, 2)))).astype(np.int32)
    thickness = generator.integers(-256, 257, count).astype(np.int32)
    thickness[0] = 0
    return [
        np.full(volume, 7, np.uint8),
        generator.integers(0, 256, volume).astype(np.uint8),
        points,
        thickness,
        generator.integers(0, 256, channels).astype(np.uint8),
    ]


# Updates: elements

UPDATE_LAYERS = {
    "lenet dense3": 400 * 120,
    "cifar-quick dense4": 1024 * 64,
    "vgg-small conv6": 3 * 3 * 256 * 256,
    "alexnet dense7": 4096 * 4096,
}


OPTIONAL = {
    "one element": (1, False),
    "seven": (7, False),
    "seven, the other way": (7, True),
    "a thousand and one": (1001, False),
    "a thousand and one, the other way": (1001, True),
}
"""Without and with Nesterov's momentum; with weight decay in the gradient and beside it."""
OPTIONAL_LAYERS = {name: (size, False) for name, size in UPDATE_LAYERS.items()}


def sgd(generator, dtype, shape):
    size, nesterov = shape
    arrays = (numbers(generator, dtype, size) for _ in range(3))
    return [*arrays, np.array([0.1], dtype), 0.9, 0.0005, size // 2, nesterov]


def adam(generator, dtype, shape):
    size, decoupled = shape
    weights, first, second, gradient = (numbers(generator, dtype, size) for _ in range(4))
    rates = np.array([0.01, 1 / (1 - 0.9**3), 1 / np.sqrt(1 - 0.999**3)], dtype)
    return [weights, first, second**2, gradient, rates, 0.9, 0.999, 1e-8, 0.0005, size // 2, decoupled]


def clip(generator, dtype, size):
    gradient = numbers(generator, dtype, size)
    workspace = unwritten(dtype, update.workspace_size("cpu", size))
    return [gradient, unwritten(dtype, 1), 0.5, workspace]


def average(generator, dtype, size):
    return [*(numbers(generator, dtype, size) for _ in range(2)), 0.01]


# What a step says of itself: a picture more is unsure of several classes


def tally(generator, dtype, shape):
    scores = numbers(generator, dtype, *shape)
    scores[-1] = scores[-1].max()
    rows, losses = numbers(generator, dtype, 3, 2), numbers(generator, dtype, shape[0])
    return [rows, losses, scores, generator.integers(0, shape[1], shape[0]), STEP]


def take(generator, dtype, shape):
    count, width = shape
    numbers_there = generator.integers(0, 2**32, (count, width)).astype(np.uint32)
    return [np.zeros(width, np.uint32), np.array([count - 1], np.uint32), numbers_there]


def gather(generator, dtype, shape):
    volume, count = shape
    rows = generator.integers(0, 256, volume).astype(np.uint8)
    return [np.zeros((count, *volume[1:]), np.uint8), rows, generator.integers(0, volume[0], count)]


TABLES = {"one word": (1, 1), "few": (3, 7), "more than threads": (4, 1100)}
TABLE_LAYERS = {"digits": (20, 800), "crops": (50, 4096)}
GATHERED = {"one": ((1, 1, 1, 1), 1), "odd": ((5, 3, 7, 3), 4), "some twice": ((3, 5, 5, 1), 9)}
GATHERED_LAYERS = {"digits": ((1000, 28, 28, 1), 64), "cifar": ((1000, 32, 32, 3), 256)}


COMPARISONS: dict[str, Comparison] = {
    "convolution.forward": Comparison(
        convolution_forward,
        lambda y, x, weights, bias, slope, window, groups, *_: (
            naive.leaky_relu(naive.convolution(x, weights, bias, window, groups), slope),
        ),
        CONVOLUTIONS,
        CONVOLUTION_LAYERS,
    ),
    "convolution.backward_input": Comparison(
        convolution_backward_input,
        lambda d_x, d_y, weights, window, groups, *_: (
            naive.convolution_backward_input(d_y, weights, window, groups, d_x.shape),
        ),
        CONVOLUTIONS,
        CONVOLUTION_LAYERS,
    ),
    "convolution.backward_weights": Comparison(
        convolution_backward_weights,
        lambda d_weights, x, d_y, window, groups, *_: (
            naive.convolution_backward_weights(x, d_y, window, groups, d_weights.shape),
        ),
        CONVOLUTIONS,
        CONVOLUTION_LAYERS,
    ),
    "dense.forward": product(
        lambda y, x, weights, bias, slope: naive.leaky_relu(x @ weights + bias, slope),
        "NK",
        "ND",
        "DK",
        "K",
        slope=0.25,
    ),
    "dense.backward_input": product(lambda d_x, d_y, weights: d_y @ weights.T, "ND", "NK", "DK"),
    "dense.backward_weights": product(lambda d_weights, x, d_y: x.T @ d_y, "DK", "ND", "NK"),
    "dense.bias_gradient": product(lambda d_bias, d_y: d_y.sum(0), "K", "NK"),
    "pooling.max_forward": Comparison(
        max_forward,
        lambda y, switches, x, slope, kernel, stride, padding: rectified(
            slope, *naive.max_pool(x, window_of(kernel, stride, padding), y.shape[1:3])
        ),
        MAXIMA,
        POOL_LAYERS,
        outputs=2,
    ),
    "pooling.max_backward": Comparison(
        max_backward,
        lambda d_x, d_y, switches, *window: (
            naive.max_pool_backward(d_y, switches, window_of(*window), d_x.shape),
        ),
        MAXIMA,
        POOL_LAYERS,
    ),
    "pooling.sum_forward": Comparison(
        sum_forward,
        lambda y, x, slope, kernel, stride, padding, divisor: rectified(
            slope, naive.sum_pool(x, window_of(kernel, stride, padding), divisor, y.shape[1:3])
        ),
        SUMS,
        AVERAGE_LAYERS,
    ),
    "pooling.sum_backward": Comparison(
        sum_backward,
        lambda d_x, d_y, kernel, stride, padding, divisor: (
            naive.sum_pool_backward(d_y, window_of(kernel, stride, padding), divisor, d_x.shape),
        ),
        SUMS,
        AVERAGE_LAYERS,
    ),
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
    "embedding.forward": Comparison(
        embedding_forward,
        lambda y, tokens, weights: (weights[tokens],),
        EMBEDDINGS,
        {"64 captions": (10000, 64 * 20, 256)},
    ),
    "embedding.backward_weights": Comparison(
        embedding_backward,
        lambda d_weights, d_y, tokens: (naive.embedding_backward(d_weights.shape, d_y, tokens),),
        EMBEDDINGS,
        {"64 captions": (10000, 64 * 20, 256)},
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
    "softmax.forward": Comparison(softmax_forward, lambda y, x: (naive.softmax(x),), SCORES, SCORE_LAYERS),
    "softmax.backward": Comparison(
        softmax_backward, lambda d_x, d_y, y: (naive.softmax_backward(d_y, y),), SCORES, SCORE_LAYERS
    ),
    **{
        kernel.name: loss_comparison(naive.LOSSES[loss], naive.LOSS_GRADIENTS[loss])
        for loss, kernel in losses.LOSSES.items()
    },
    **{
        losses.DIRECTIONS[loss].name: loss_comparison(naive.LOSSES[loss], direction)
        for loss, direction in naive.LOSS_DIRECTIONS.items()
    },
    **{
        f"targets.{kind}": target_comparison(kind, formula)
        for kind, formula in {
            "smoothed": naive.smoothed,
            "distribution": naive.cross_entropy,
            "pixels": naive.cross_entropy_of_pixels,
            "binary": naive.binary_cross_entropy,
            "huber": naive.huber,
        }.items()
    },
    "joins.copy_channels": Comparison(copy_channels, copied_channels, SHARES, SHARE_LAYERS),
    "joins.take_channels": Comparison(
        take_channels,
        lambda target, source, first: (source[:, first : first + target.shape[1]],),
        SHARES,
        SHARE_LAYERS,
    ),
    "joins.copy": Comparison(two_arrays, lambda target, source: (source,), SIZES, ACTIVATION_LAYERS),
    "joins.accumulate": Comparison(
        two_arrays, lambda target, source: (target + source,), SIZES, ACTIVATION_LAYERS
    ),
    "joins.multiply": Comparison(
        multiplied, lambda target, source, factors: (source * factors,), FACTORS, FACTOR_LAYERS
    ),
    "joins.multiply_sums": Comparison(
        multiply_sums,
        lambda target, source, factors: ((source * factors).sum(1, keepdims=True),),
        FACTORS,
        FACTOR_LAYERS,
    ),
    "upsampling.forward": Comparison(
        upsampled, lambda y, *rest: (naive.upsample(*rest),), UPSAMPLINGS, UPSAMPLING_LAYERS
    ),
    "upsampling.backward": Comparison(
        upsampled_backward,
        lambda d_x, *rest: (naive.upsample_backward(*rest),),
        UPSAMPLINGS,
        UPSAMPLING_LAYERS,
    ),
    "subsample.forward": Comparison(
        subsampled, lambda y, x, *rest: (naive.subsample(x, y.shape, *rest),), SUBSAMPLES, SUBSAMPLE_LAYERS
    ),
    "subsample.backward": Comparison(
        subsampled_backward,
        lambda d_x, d_y, *rest: (naive.subsample_backward(d_y, d_x.shape, *rest),),
        SUBSAMPLES,
        SUBSAMPLE_LAYERS,
    ),
    "joins.add": Comparison(
        added,
        lambda target, one, other, slope: (naive.leaky_relu(one + other, slope),),
        SIZES,
        ACTIVATION_LAYERS,
    ),
    "dropout.forward": Comparison(dropout_forward, dropped, DROPOUTS, DROPOUT_LAYERS, outputs=2),
    "dropout.backward": Comparison(
        dropout_backward,
        lambda d_x, d_y, mask, probability: (d_y * mask / (1 - probability),),
        DROPOUTS,
        DROPOUT_LAYERS,
    ),
    "pixels.forward": Comparison(
        pixels_forward, lambda y, *rest: (naive.pixels(*rest),), PICTURES, PICTURE_LAYERS
    ),
    "pixels.backward": Comparison(
        pixels_backward, lambda d_x, *rest: (naive.pixels_backward(*rest),), PICTURES, PICTURE_LAYERS
    ),
    "pixels.from_bytes": Comparison(
        from_bytes, lambda x, pixels: (pixels.astype(float),), PICTURES, PICTURE_LAYERS
    ),
    "augmentation.augment": Comparison(
        augment, lambda x, *rest: (naive.augment(x.shape, *rest),), CROPS, CROP_LAYERS
    ),
    "augmentation.distort": Comparison(
        distort, lambda y, *rest: (naive.distort(y.shape, *rest),), DISTORTIONS, DISTORTION_LAYERS
    ),
    "batches.take": Comparison(
        take,
        lambda row, place, numbers: (numbers[int(place[0])], place + 1),
        TABLES,
        TABLE_LAYERS,
        outputs=2,
    ),
    "batches.gather": Comparison(
        gather, lambda chosen, rows, indices: (rows[indices],), GATHERED, GATHERED_LAYERS
    ),
    "tally.write": Comparison(tally, naive.tally, SCORES, SCORE_LAYERS),
    "update.sgd": Comparison(sgd, naive.sgd, OPTIONAL, OPTIONAL_LAYERS, outputs=2),
    "update.adam": Comparison(adam, naive.adam, OPTIONAL, OPTIONAL_LAYERS, outputs=3),
    "update.clip": Comparison(
        clip, lambda gradient, norm, limit, _: naive.clip(gradient, limit), SIZES, UPDATE_LAYERS, outputs=2
    ),
    "update.average": Comparison(
        average, lambda mean, weights, share: (mean + share * (weights - mean),), SIZES, UPDATE_LAYERS
    ),
}
"""Kernel -> its row."""
