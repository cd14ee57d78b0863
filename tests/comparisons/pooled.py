"""Convolutions with the pool behind them."""

from __future__ import annotations

from typing import NamedTuple

import naive

from comparisons import arrays
from comparisons.convolution import Filters, packed_arguments, packed_weights
from comparisons.rows import Comparison
from numbacnn.ops import convolution, pooling
from numbacnn.ops.geometry import Padding, Window


class Pooled(NamedTuple):
    """A convolution, and the pool behind it."""

    filters: Filters
    pool: Window
    divisor: int = convolution.MAXIMUM


POOLED = {
    "one channel, a whole row of tiles": Pooled(
        Filters((2, 14, 14, 1), 6, 5, {"padding": 2}), Window((2, 2), (2, 2))
    ),
    "one channel, beyond a row's end": Pooled(
        Filters((1, 9, 28, 1), 8, (3, 5), {"padding": 1}), Window((3, 3), (2, 2), rounding="floor")
    ),
    "several channels, few filters": Pooled(Filters((3, 8, 7, 3), 5, (3, 2)), Window((2, 2), (2, 2))),
    "a stride": Pooled(Filters((2, 15, 11, 1), 3, 3, {"stride": 2}), Window((2, 2), (1, 1))),
    "filters of three vectors, overlapping": Pooled(
        Filters((2, 9, 9, 3), 35, 3, {"padding": 1}), Window((3, 3), (2, 2), rounding="ceil")
    ),
    "ceil with padding": Pooled(
        Filters((2, 8, 7, 2), 20, 2), Window((3, 2), (2, 2), Padding(1, 0, 0, 1), rounding="ceil")
    ),
    "windows apart": Pooled(
        Filters((2, 9, 9, 2), 4, 2, {"dilation": 2}), Window((1, 2), (3, 2), rounding="floor")
    ),
    "sum": Pooled(Filters((2, 9, 8, 2), 7, 3), Window((3, 3), (2, 1), rounding="floor"), pooling.SUM),
    "average": Pooled(
        Filters((2, 8, 8, 3), 18, 3),
        Window((3, 3), (2, 2), Padding(1, 0, 1, 0), rounding="ceil"),
        pooling.PADDED,
    ),
    "average of the picture": Pooled(
        Filters((2, 8, 8, 3), 18, 3),
        Window((3, 3), (2, 2), Padding(1, 0, 1, 0), rounding="ceil"),
        pooling.INSIDE,
    ),
    "colours in tiles, overlapping": Pooled(
        Filters((2, 12, 12, 3), 32, 5, {"padding": 2}), Window((3, 3), (2, 2), rounding="ceil")
    ),
    "four channels, cut tiles": Pooled(
        Filters((3, 11, 14, 4), 48, 5),
        Window((3, 2), (2, 3), Padding(1, 0, 0, 1), rounding="ceil"),
        pooling.INSIDE,
    ),
    "Winograd, maxima of cut tiles": Pooled(
        Filters((3, 10, 14, 16), 32, 3, {"padding": 1}), Window((2, 2), (2, 2))
    ),
    "Winograd, a last row and column left out": Pooled(
        Filters((2, 9, 7, 32), 48, 5, {"padding": 2}), Window((2, 2), (2, 2), rounding="floor")
    ),
    "Winograd, tiles of 2": Pooled(
        Filters((2, 7, 6, 32), 16, 3, {"padding": 1, "algorithm": "winograd-2"}),
        Window((2, 2), (2, 2), rounding="floor"),
    ),
    "the whole picture": Pooled(Filters((5, 6, 6, 2), 9, 3), Window((4, 4)), pooling.PADDED),
}
POOLED_LAYERS = {
    "lenet conv1": Pooled(Filters((64, 28, 28, 1), 6, 5, {"padding": 2}), Window((2, 2), (2, 2))),
    "cifar-quick conv1": Pooled(
        Filters((64, 32, 32, 3), 32, 5, {"padding": 2}), Window((3, 3), (2, 2), rounding="ceil")
    ),
}


def arguments(generator, dtype, shape):
    filters, pool, divisor = shape
    layer, (count, *volume) = filters.layer, filters.volume
    maps = layer.output_shape(tuple(volume))
    packed, weights, *manner = packed_arguments(generator, dtype, filters)
    convolution.pack(packed, weights, *manner)
    x = arrays.numbers(generator, dtype, count, *volume)
    y = arrays.unwritten(dtype, count, *pool.output_size(*maps[:2]), maps[2])
    size = convolution.pooled_size(y.shape, x.shape, maps[2], layer.window(), pool, layer.algorithm)
    bias = arrays.numbers(generator, dtype, maps[2])
    workspace = arrays.unwritten(dtype, size)
    return [y, x, packed, bias, 0.25, layer.window(), layer.algorithm, 0.5, pool, divisor, workspace]


def naive_forward_pooled(y, x, packed, bias, slope, window, algorithm, pool_slope, pool, divisor, _):
    shape = (*window.kernel, x.shape[3], bias.size)
    weights = packed_weights(packed, x, shape, window, 1, algorithm)
    maps = naive.leaky_relu(naive.convolution(x, weights, bias, window, 1), slope)
    if divisor == convolution.MAXIMUM:
        found = naive.max_pool(maps, pool, y.shape[1:3])[0]
    else:
        found = naive.sum_pool(maps, pool, divisor, y.shape[1:3])
    return (naive.leaky_relu(found, pool_slope),)


ROWS: dict[str, Comparison] = {
    "convolution.forward_pooled": Comparison(arguments, naive_forward_pooled, POOLED, POOLED_LAYERS)
}
