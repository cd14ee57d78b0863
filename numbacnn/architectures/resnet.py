"""Residual networks (He, Zhang, Ren and Sun, 2016): blocks that learn what to add to their input.

Layers have the names that torchvision gives them, so that its weights find their places.
"""

from __future__ import annotations

from ..graph import LayerLine
from ..layers import (
    Add,
    BatchNorm,
    Convolution,
    Dense,
    Flatten,
    GlobalAveragePool,
    MaxPool,
    ReLU,
    Shape,
    Softmax,
)

SMALL = 64
"""Pictures of at most so many pixels a side have the stem of the paper's CIFAR-10 networks: a 3x3 convolution, no pool."""


def resnet_18(input_shape: Shape, classes: int) -> list[LayerLine]:
    """Four stages of two blocks, of 64, 128, 256 and 512 filters; made for 224x224x3 (table 1, 18-layer)."""
    lines = _stem(input_shape)
    for stage, filters in enumerate((64, 128, 256, 512), 1):
        for block in range(2):
            stride = 2 if stage > 1 and block == 0 else 1
            lines += _block(f"layer{stage}.{block}", lines[-1][0], filters, stride)
    return [
        *lines,
        ("avgpool", GlobalAveragePool()),
        ("flatten", Flatten()),
        ("fc", Dense(classes)),
        ("softmax", Softmax()),
    ]


def _stem(input_shape: Shape) -> list[LayerLine]:
    if max(input_shape[:2]) <= SMALL:
        return [("conv1", Convolution(64, 3, padding=1, bias=False)), ("bn1", BatchNorm()), ("relu1", ReLU())]
    return [
        ("conv1", Convolution(64, 7, stride=2, padding=3, rounding="floor", bias=False)),
        ("bn1", BatchNorm()),
        ("relu1", ReLU()),
        ("maxpool", MaxPool(3, stride=2, padding=1, rounding="floor")),
    ]


def _block(name: str, source: str, filters: int, stride: int) -> list[LayerLine]:
    """Two 3x3 convolutions, and the input added to them; where the size changes, by way of a 1x1 convolution (option B)."""
    lines: list[LayerLine] = [
        (f"{name}.conv1", _convolution(filters, 3, stride), (source,)),
        (f"{name}.bn1", BatchNorm()),
        (f"{name}.relu1", ReLU()),
        (f"{name}.conv2", _convolution(filters, 3, 1)),
        (f"{name}.bn2", BatchNorm()),
    ]
    shortcut = source
    if stride > 1:
        shortcut = f"{name}.downsample.1"
        lines += [
            (f"{name}.downsample.0", _convolution(filters, 1, stride), (source,)),
            (shortcut, BatchNorm()),
        ]
    return [
        *lines,
        (f"{name}.add", Add(), (f"{name}.bn2", shortcut)),
        (f"{name}.relu2", ReLU()),
    ]


def _convolution(filters: int, kernel: int, stride: int) -> Convolution:
    return Convolution(filters, kernel, stride=stride, padding=kernel // 2, rounding="floor", bias=False)
