"""Softmax and losses: shapes are (N, K), of losses of other targets (N, K, options) or (N, P, K, options)."""

from __future__ import annotations

import naive
import numpy as np

from comparisons import arrays
from comparisons.rows import Comparison
from numbacnn.ops import losses

SCORES = {"two classes": (1, 2), "three": (5, 3), "ragged": (33, 17)}
SCORE_LAYERS = {"lenet, cifar-quick": (64, 10), "vgg-small": (32, 10), "alexnet": (16, 1000)}


def softmax_forward(generator, dtype, shape):
    return [arrays.unwritten(dtype, *shape), 3 * arrays.numbers(generator, dtype, *shape)]


def softmax_backward(generator, dtype, shape):
    y = naive.softmax(arrays.numbers(generator, np.float64, *shape)).astype(dtype)
    return [arrays.unwritten(dtype, *shape), arrays.numbers(generator, dtype, *shape), y]


def loss_arguments(generator, dtype, shape):
    scores, labels = 2 * arrays.numbers(generator, dtype, *shape), generator.integers(0, shape[1], shape[0])
    return [arrays.unwritten(dtype, shape[0]), arrays.unwritten(dtype, *shape), scores, labels, 1.0, 0.75]


def loss_comparison(value, gradient):

    def reference(losses, d_x, x, labels, margin, scale):
        rows = [(row, label, margin) for row, label in zip(x, labels, strict=True)]
        return np.array([value(*row) for row in rows]), scale * np.stack([gradient(*row) for row in rows])

    return Comparison(loss_arguments, reference, SCORES, SCORE_LAYERS, outputs=2)


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
        x = 2 * arrays.numbers(generator, dtype, *counts)
        if kind in ("smoothed", "pixels"):
            targets = generator.integers(0, counts[-1], counts[:-1])
            if kind == "pixels" and targets.size > 1:
                targets[generator.random(targets.shape) < 0.3] = options[0]
        else:
            targets = generator.random(counts).astype(dtype)
            if kind == "distribution":
                targets[generator.random(counts) < 0.3] = 0
        return [
            arrays.unwritten(dtype, counts[0]),
            arrays.unwritten(dtype, *counts),
            x,
            targets,
            *options,
            0.75,
        ]

    return make


def target_comparison(kind, formula):
    def reference(losses, d_x, x, targets, *options_and_scale):
        *options, scale = options_and_scale
        rows = [formula(row, target, *options) for row, target in zip(x, targets, strict=True)]
        return np.array([value for value, _ in rows]), scale * np.stack([gradient for _, gradient in rows])

    return Comparison(target_arguments(kind), reference, OPTIONS[kind], OPTION_LAYERS[kind], outputs=2)


ROWS: dict[str, Comparison] = {
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
}
