"""The small CIFAR-10 network of Caffe's "quick" example and, but for its averages, of ConvNetJS."""

from __future__ import annotations

from ..graph import LayerLine
from ..layers import AveragePool, Convolution, Dense, Flatten, MaxPool, ReLU, Shape, Softmax


def cifar_quick(input_shape: Shape, classes: int) -> list[LayerLine]:
    """Three 5x5 convolutions, each with an overlapping pool that hangs over the border; made for 32x32x3."""
    return [
        ("conv1", Convolution(32, 5, padding=2)),
        ("pool1", MaxPool(3, stride=2, rounding="ceil")),
        ("relu1", ReLU()),
        ("conv2", Convolution(32, 5, padding=2)),
        ("relu2", ReLU()),
        ("pool2", AveragePool(3, stride=2, rounding="ceil")),
        ("conv3", Convolution(64, 5, padding=2)),
        ("relu3", ReLU()),
        ("pool3", AveragePool(3, stride=2, rounding="ceil")),
        ("flatten", Flatten()),
        ("dense4", Dense(64)),
        ("dense5", Dense(classes)),
        ("softmax", Softmax()),
    ]
