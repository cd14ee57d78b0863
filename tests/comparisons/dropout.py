"""Dropout: shapes are (elements, probability)."""

from __future__ import annotations

import naive
import numpy as np

from comparisons import arrays
from comparisons.rows import Comparison

DROPOUTS = {
    "one element": (1, 0.5),
    "ragged": (1003, 0.25),
    "nothing dropped": (9, 0.0),
    "nearly all": (999, 0.9),
}
DROPOUT_LAYERS = {"alexnet dropout6": (16 * 4096, 0.5)}

STEP, INDEX = np.array([0x0123456789ABCDEF, 41], np.uint64), 7
"""The number of a step and of a layer, which what is random in a step is drawn from."""


def dropout_forward(generator, dtype, shape):
    size, probability = shape
    x = arrays.numbers(generator, dtype, size)
    return [arrays.unwritten(dtype, size), np.zeros(size, bool), x, STEP, INDEX, probability]


def dropped(y, mask, x, step, index, probability):
    key, number = map(int, step)
    mask = naive.dropout_mask(x.size, key, (number << 16) | index, probability)
    return x * mask / (1 - probability), mask


def dropout_backward(generator, dtype, shape):
    size, probability = shape
    return [
        arrays.unwritten(dtype, size),
        arrays.numbers(generator, dtype, size),
        generator.random(size) < 0.5,
        probability,
    ]


ROWS: dict[str, Comparison] = {
    "dropout.forward": Comparison(dropout_forward, dropped, DROPOUTS, DROPOUT_LAYERS, outputs=2),
    "dropout.backward": Comparison(
        dropout_backward,
        lambda d_x, d_y, mask, probability: (d_y * mask / (1 - probability),),
        DROPOUTS,
        DROPOUT_LAYERS,
    ),
}
