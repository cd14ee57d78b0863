"""The VGG networks (Simonyan and Zisserman, 2015): 3x3 convolutions alone, deeper and deeper."""

from __future__ import annotations

from collections.abc import Callable

from ..graph import LayerLine
from ..layers import BatchNorm, Convolution, Dense, Dropout, Flatten, MaxPool, ReLU, Shape, Softmax

DEPTHS = {
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}
"""Layers with weights -> convolutions before each of the five pools: columns A, B, D and E of the paper's table 1."""
_FILTERS = (64, 128, 256, 512, 512)


def vgg(depth: int, *, norm: bool = False) -> Callable[[Shape, int], list[LayerLine]]:
    """The layers of VGG-`depth`, with batch normalisation if `norm`; made for 224x224x3."""

    def layers(input_shape: Shape, classes: int) -> list[LayerLine]:
        return [*_features(depth, norm), *_classifier(classes)]

    return layers


def _features(depth: int, norm: bool) -> list[LayerLine]:
    lines: list[LayerLine] = []
    number = 0
    for block, (count, filters) in enumerate(zip(DEPTHS[depth], _FILTERS, strict=True), 1):
        for _ in range(count):
            number += 1
            lines.append((f"conv{number}", Convolution(filters, 3, padding=1)))
            if norm:
                lines.append((f"bn{number}", BatchNorm()))
            lines.append((f"relu{number}", ReLU()))
        lines.append((f"pool{block}", MaxPool(2, stride=2, rounding="floor")))
    return lines


def _classifier(classes: int) -> list[LayerLine]:
    return [
        ("flatten", Flatten()),
        ("fc1", Dense(4096)),
        ("fc1.relu", ReLU()),
        ("fc1.dropout", Dropout(0.5)),
        ("fc2", Dense(4096)),
        ("fc2.relu", ReLU()),
        ("fc2.dropout", Dropout(0.5)),
        ("fc3", Dense(classes)),
        ("softmax", Softmax()),
    ]
