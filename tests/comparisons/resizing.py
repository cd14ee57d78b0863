"""Subsampling, shapes (volume, channels, stride); upsampling, (volume, scale, whether it is bilinear)."""

from __future__ import annotations

import naive
import numpy as np

from comparisons import arrays
from comparisons.rows import Comparison

SUBSAMPLES = {
    "one pixel": ((1, 1, 1, 2), 4, 2),
    "even": ((2, 4, 6, 3), 6, 2),
    "odd, stride 3": ((2, 7, 5, 2), 5, 3),
    "the same channels": ((2, 5, 4, 3), 3, 2),
}
SUBSAMPLE_LAYERS = {"resnet-20, second stage": ((64, 32, 32, 16), 32, 2)}


def subsampled(generator, dtype, shape):
    (count, height, width, channels), filters, stride = shape
    y = arrays.unwritten(dtype, count, -(-height // stride), -(-width // stride), filters)
    return [y, arrays.numbers(generator, dtype, *shape[0]), stride, (filters - channels) // 2]


def subsampled_backward(generator, dtype, shape):
    y, x, *rest = subsampled(generator, dtype, shape)
    return [np.full_like(x, np.nan), arrays.numbers(generator, dtype, *y.shape), *rest]


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
    y = arrays.unwritten(dtype, count, scale * height, scale * width, channels)
    return [y, arrays.numbers(generator, dtype, *shape[0]), scale, smooth]


def upsampled_backward(generator, dtype, shape):
    y, x, *rest = upsampled(generator, dtype, shape)
    return [np.full_like(x, np.nan), arrays.numbers(generator, dtype, *y.shape), *rest]


ROWS: dict[str, Comparison] = {
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
}
