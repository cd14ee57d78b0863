"""The VGG networks (Simonyan and Zisserman, 2015): 3x3 convolutions alone, deeper and deeper."""

from __future__ import annotations

from collections.abc import Sequence

from ..graph import LayerLine
from ..layers import BatchNorm, Convolution, Dense, Dropout, Flatten, MaxPool, ReLU, Shape, Softmax

_BLOCKS_A = ((64,), (128,), (256, 256), (512, 512), (512, 512))
"""Filters of the convolutions between pools: column A of the paper's table 1."""


def vgg_11_bn(input_shape: Shape, classes: int) -> list[LayerLine]:
    """Eight convolutions, each with batch normalisation, and three dense layers; made for 224x224x3."""
    return [*_features(_BLOCKS_A), *_classifier(classes)]


def _features(blocks: Sequence[Sequence[int]]) -> list[LayerLine]:
    lines: list[LayerLine] = []
    number = 0
    for block, sizes in enumerate(blocks, 1):
        for filters in sizes:
            number += 1
            lines += [
                (f"conv{number}", Convolution(filters, 3, padding=1)),
                (f"bn{number}", BatchNorm()),
                (f"relu{number}", ReLU()),
            ]
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
