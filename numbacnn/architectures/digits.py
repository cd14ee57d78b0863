"""A small network for small pictures: the default for the embedded 8x8 digits."""

from __future__ import annotations

from ..graph import LayerLine
from ..layers import Convolution, Dense, Dropout, Flatten, MaxPool, ReLU, Shape, Softmax


def digits(input_shape: Shape, classes: int) -> list[LayerLine]:
    """Three convolutions and two pools; made for 8x8x1. Pictures as lanes: a first training waits half as long for kernels."""
    return [
        ("conv1", Convolution(16, 5, padding=2, algorithm="lanes")),
        ("relu1", ReLU()),
        ("conv2", Convolution(32, 3, padding=1, algorithm="lanes")),
        ("relu2", ReLU()),
        ("pool2", MaxPool(2)),
        ("conv3", Convolution(64, 3, padding=1, algorithm="lanes")),
        ("relu3", ReLU()),
        ("pool3", MaxPool(2)),
        ("flatten", Flatten()),
        ("dropout", Dropout(0.5)),
        ("dense4", Dense(classes)),
        ("softmax", Softmax()),
    ]
