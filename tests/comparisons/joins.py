"""Joins: shapes are (M, C, first, K), channels first .. first + C of K, or a size."""

from __future__ import annotations

import naive
import numpy as np

from comparisons import arrays
from comparisons.elements import ACTIVATION_LAYERS, SIZES
from comparisons.rows import Comparison, masked

SHARES = {
    "all": (3, 2, 0, 2),
    "one of three": (7, 1, 2, 3),
    "the middle": (5, 3, 2, 9),
    "vectors and more": (5, 35, 3, 70),
}
SHARE_LAYERS = {"27x27, 96 of 256": (16 * 27 * 27, 96, 64, 256)}


def copy_channels(generator, dtype, shape):
    rows, channels, first, total = shape
    return [
        arrays.numbers(generator, dtype, rows, total),
        arrays.numbers(generator, dtype, rows, channels),
        first,
    ]


def copied_channels(target, source, first):
    target = target.copy()
    target[:, first : first + source.shape[1]] = source
    return (target,)


def take_channels(generator, dtype, shape):
    target, source, first = copy_channels(generator, dtype, shape)
    return [np.full_like(source, np.nan), target, first]


FACTORS = {"one a number": (2, 5, 3, 5), "shared by all pixels": (3, 7, 19, 1), "one pixel": (2, 1, 4, 1)}
FACTOR_LAYERS = {"28x28, 192 channels": (16, 28 * 28, 192, 1)}


def multiplied(generator, dtype, shape):
    count, pixels, channels, rows = shape
    source, factors = (arrays.numbers(generator, dtype, count, each, channels) for each in (pixels, rows))
    return [arrays.unwritten(dtype, *source.shape), source, factors]


def multiply_sums(generator, dtype, shape):
    count, pixels, channels, _ = shape
    both = (arrays.numbers(generator, dtype, count, pixels, channels) for _ in range(2))
    return [arrays.unwritten(dtype, count, 1, channels), *both]


def added(generator, dtype, size):
    numbers_of_two = arrays.numbers(generator, dtype, size), arrays.numbers(generator, dtype, size)
    return [arrays.unwritten(dtype, size), *numbers_of_two, 0.25]


def two_arrays(generator, dtype, size):
    return [arrays.numbers(generator, dtype, size), arrays.numbers(generator, dtype, size)]


ROWS: dict[str, Comparison] = {
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
    "joins.add": Comparison(
        added,
        lambda target, one, other, slope: (naive.leaky_relu(one + other, slope),),
        SIZES,
        ACTIVATION_LAYERS,
    ),
}
ROWS["joins.accumulate_masked"] = masked(ROWS["joins.accumulate"], "seven")
