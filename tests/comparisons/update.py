"""Updates of weights, and what a step says of itself."""

from __future__ import annotations

import naive
import numpy as np

from comparisons import arrays
from comparisons.dropout import STEP
from comparisons.elements import SIZES
from comparisons.losses import SCORE_LAYERS, SCORES
from comparisons.rows import Comparison
from numbacnn.ops import update

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
    learned = (arrays.numbers(generator, dtype, size) for _ in range(3))
    return [*learned, np.array([0.1], dtype), 0.9, 0.0005, size // 2, nesterov]


def adam(generator, dtype, shape):
    size, decoupled = shape
    weights, first, second, gradient = (arrays.numbers(generator, dtype, size) for _ in range(4))
    rates = np.array([0.01, 1 / (1 - 0.9**3), 1 / np.sqrt(1 - 0.999**3)], dtype)
    return [weights, first, second**2, gradient, rates, 0.9, 0.999, 1e-8, 0.0005, size // 2, decoupled]


def clip(generator, dtype, size):
    gradient = arrays.numbers(generator, dtype, size)
    workspace = arrays.unwritten(dtype, update.workspace_size("cpu", size))
    return [gradient, arrays.unwritten(dtype, 1), 0.5, workspace]


def average(generator, dtype, size):
    return [*(arrays.numbers(generator, dtype, size) for _ in range(2)), 0.01]


def tally(generator, dtype, shape):
    scores = arrays.numbers(generator, dtype, *shape)
    scores[-1] = scores[-1].max()
    rows, losses = arrays.numbers(generator, dtype, 3, 2), arrays.numbers(generator, dtype, shape[0])
    return [rows, losses, scores, generator.integers(0, shape[1], shape[0]), STEP]


ROWS: dict[str, Comparison] = {
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
