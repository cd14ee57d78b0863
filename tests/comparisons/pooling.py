"""Pools."""

from __future__ import annotations

from typing import NamedTuple

import naive
import numpy as np

from comparisons import arrays
from comparisons.rows import Comparison, masked
from numbacnn.ops import pooling
from numbacnn.ops.geometry import Padding, Window


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
    "overlapping channels in fours": Pool((2, 6, 6, 8), Window((3, 3), (2, 2), Padding(1, 0, 0, 1))),
    "overlapping whole vectors of channels": Pool(
        (2, 6, 5, 32), Window((3, 3), (2, 2), Padding(1, 0, 0, 1), rounding="ceil")
    ),
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
        (
            "average of the picture",
            pooling.INSIDE,
            ("overlapping", "overlapping whole vectors of channels", "ceil", "ceil with padding"),
        ),
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
    x = arrays.numbers(generator, dtype, *pool.volume)
    d_y = arrays.numbers(generator, dtype, count, *pool.window.output_size(height, width), channels)
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
    return [arrays.unwritten(dtype, *y.shape), np.full(y.shape, 999, switches_of(pool)), x, SLOPE, *window]


def max_backward(generator, dtype, pool):
    x, d_y, window = pool_arrays(generator, dtype, pool)
    switches = np.zeros(d_y.shape, switches_of(pool))
    pooling.max_forward(d_y.copy(), switches, x, 1.0, *window)
    return [arrays.unwritten(dtype, *x.shape), d_y, switches, *window]


def sum_forward(generator, dtype, pool):
    x, y, window = pool_arrays(generator, dtype, pool)
    return [arrays.unwritten(dtype, *y.shape), x, SLOPE, *window, pool.divisor]


def sum_backward(generator, dtype, pool):
    x, d_y, window = pool_arrays(generator, dtype, pool)
    return [arrays.unwritten(dtype, *x.shape), d_y, *window, pool.divisor]


ROWS: dict[str, Comparison] = {
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
}
ROWS["pooling.max_backward_masked"] = masked(
    ROWS["pooling.max_backward"], "overlapping channels in fours", "overlapping"
)
ROWS["pooling.sum_backward_masked"] = masked(
    ROWS["pooling.sum_backward"], "overlapping", "ceil with padding, average"
)
