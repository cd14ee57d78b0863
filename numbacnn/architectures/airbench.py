"""The network of airbench94 (Jordan, 2024: 94 % on CIFAR-10 in 3.29 seconds on a single GPU), made to be trained in few epochs.

It begins with a whitening convolution, which the setting `whiten` computes of the training pictures; everything after it
may begin as the identity (`initialise` "dirac").
"""

from __future__ import annotations

from ..graph import LayerLine
from ..layers import GELU, BatchNorm, Convolution, Dense, Factor, Flatten, MaxPool, Shape, Softmax

KERNEL = 2
"""Of the whitening convolution: rows and columns."""


def airbench94(input_shape: Shape, classes: int) -> list[LayerLine]:
    """A whitening convolution and three groups of two 3x3 convolutions of 64, 256 and 256 filters; made for 32x32x3."""
    directions = KERNEL * KERNEL * input_shape[2]
    lines: list[LayerLine] = [
        ("whitening", Convolution(2 * directions, KERNEL)),
        ("whitening.gelu", GELU()),
    ]
    for group, filters in enumerate((64, 256, 256), 1):
        for place in (1, 2):
            name = f"group{group}.conv{place}"
            lines.append((name, Convolution(filters, 3, padding=1, bias=False)))
            if place == 1:
                lines.append((f"group{group}.pool", MaxPool(2, rounding="floor")))
            lines += [
                (f"group{group}.norm{place}", BatchNorm(momentum=0.4, eps=1e-12, learn_scale=False)),
                (f"group{group}.gelu{place}", GELU()),
            ]
    return [
        *lines,
        ("pool", MaxPool(3, rounding="floor")),
        ("flatten", Flatten()),
        ("dense", Dense(classes, bias=False)),
        ("scores", Factor(1 / 9)),
        ("softmax", Softmax()),
    ]
