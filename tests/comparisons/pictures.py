"""What happens to pictures before the first layer."""

from __future__ import annotations

import naive
import numpy as np

from comparisons import arrays
from comparisons.rows import Comparison

PICTURES = {  # whether there is a mean for every row, and whether numbers stay in their order
    "grey": ((1, 3, 4, 1), False, False),
    "colour": ((2, 5, 3, 3), False, False),
    "mean image": ((3, 4, 5, 3), True, False),
    "mean image, in order": ((2, 3, 7, 3), True, True),
}
PICTURE_LAYERS = {"cifar": ((64, 32, 32, 3), False, True), "imagenet": ((16, 227, 227, 3), False, True)}


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
    volume, whole, in_order = shape
    x = generator.integers(0, 256, volume).astype(dtype)
    line = volume[2] * volume[3]
    mean = arrays.numbers(generator, dtype, volume[1] if whole else 1, line)
    return [
        arrays.unwritten(dtype, *volume),
        x,
        mean,
        arrays.numbers(generator, dtype, line),
        np.arange(line) if in_order else generator.permutation(line),
    ]


def pixels_backward(generator, dtype, shape):
    d_x, x, _, scale, order = pixels_forward(generator, dtype, shape)
    return [d_x, arrays.numbers(generator, dtype, *x.shape), scale, order]


def from_bytes(generator, dtype, shape):
    volume, *_ = shape
    return [arrays.unwritten(dtype, *volume), generator.integers(0, 256, volume).astype(np.uint8)]


def augment(generator, dtype, shape):
    volume, crop = shape
    count, *_, channels = volume
    colour = 30 * arrays.numbers(generator, dtype, count, channels)
    colour[0] = 0
    return [
        arrays.unwritten(dtype, count, *crop, channels),
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


ROWS: dict[str, Comparison] = {
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
}
