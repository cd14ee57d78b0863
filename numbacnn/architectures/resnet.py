"""Residual networks (He, Zhang, Ren and Sun, 2016): blocks that learn what to add to their input.

Layers have the names that torchvision gives them, so that its weights find their places; those of the networks for CIFAR
have the names that their weights are passed around with.
"""

from __future__ import annotations

from collections.abc import Callable

from ..graph import LayerLine
from ..layers import Add, BatchNorm, MaxPool, ReLU, Shape, Subsample
from .blocks import averaged_scores, is_small, normalised, unbiased

DEPTHS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
"""Layers with weights -> blocks of each stage (table 1)."""
_BOTTLENECKS = 50
"""From so many layers on, a block is a bottleneck: 1x1, 3x3, 1x1, the last with four times the filters."""


def resnet(depth: int) -> Callable[[Shape, int], list[LayerLine]]:
    """The layers of ResNet-`depth`: four stages of 64, 128, 256 and 512 filters; made for 224x224x3. In bottlenecks the
    stride is in the 3x3 convolution, as torchvision has it.
    """

    def layers(input_shape: Shape, classes: int) -> list[LayerLine]:
        lines, channels = _stem(input_shape), 64
        widening = 4 if depth >= _BOTTLENECKS else 1
        for stage, (count, filters) in enumerate(zip(DEPTHS[depth], (64, 128, 256, 512), strict=True), 1):
            for block in range(count):
                stride = 2 if stage > 1 and block == 0 else 1
                name, source = f"layer{stage}.{block}", lines[-1][0]
                inside = _bottleneck if widening > 1 else _two
                lines += inside(name, source, filters, stride)
                learned, shortcut = lines[-1][0], source
                if stride > 1 or channels != widening * filters:
                    lines += _projection(name, source, widening * filters, stride)
                    shortcut = lines[-1][0]
                lines += _sum(name, 3 if widening > 1 else 2, learned, shortcut)
                channels = widening * filters
        return [*lines, *averaged_scores(classes)]

    return layers


def cifar_resnet(depth: int) -> Callable[[Shape, int], list[LayerLine]]:
    """The layers of the paper's networks for CIFAR-10 (section 4.2): three stages of (depth - 2) / 6 blocks, of 16, 32 and 64
    filters, with shortcuts that learn nothing; made for 32x32x3.
    """

    def layers(input_shape: Shape, classes: int) -> list[LayerLine]:
        lines = normalised("conv1", "bn1", unbiased(16, 3), ("relu1", ReLU()))
        for stage, filters in enumerate((16, 32, 64), 1):
            for block in range((depth - 2) // 6):
                stride = 2 if stage > 1 and block == 0 else 1
                name, source = f"layer{stage}.{block}", lines[-1][0]
                lines += _two(name, source, filters, stride)
                learned, shortcut = lines[-1][0], source
                if stride > 1:
                    shortcut = f"{name}.shortcut"
                    lines.append((shortcut, Subsample(filters, stride=stride), (source,)))
                lines += _sum(name, 2, learned, shortcut)
        return [*lines, *averaged_scores(classes, "linear")]

    return layers


def _stem(input_shape: Shape) -> list[LayerLine]:
    activation = ("relu1", ReLU())
    if is_small(input_shape):
        return normalised("conv1", "bn1", unbiased(64, 3), activation)
    return [
        *normalised("conv1", "bn1", unbiased(64, 7, 2), activation),
        ("maxpool", MaxPool(3, stride=2, padding=1, rounding="floor")),
    ]


def _two(name: str, source: str, filters: int, stride: int) -> list[LayerLine]:
    """Two 3x3 convolutions; the second's rectifier comes after the sum."""
    return [
        (f"{name}.conv1", unbiased(filters, 3, stride), (source,)),
        (f"{name}.bn1", BatchNorm()),
        (f"{name}.relu1", ReLU()),
        *normalised(f"{name}.conv2", f"{name}.bn2", unbiased(filters, 3)),
    ]


def _bottleneck(name: str, source: str, filters: int, stride: int) -> list[LayerLine]:
    """1x1, 3x3 and 1x1; the last one's rectifier comes after the sum."""
    return [
        (f"{name}.conv1", unbiased(filters, 1), (source,)),
        (f"{name}.bn1", BatchNorm()),
        (f"{name}.relu1", ReLU()),
        *normalised(f"{name}.conv2", f"{name}.bn2", unbiased(filters, 3, stride), (f"{name}.relu2", ReLU())),
        *normalised(f"{name}.conv3", f"{name}.bn3", unbiased(4 * filters, 1)),
    ]


def _projection(name: str, source: str, filters: int, stride: int) -> list[LayerLine]:
    """Where the size changes, the input goes through a 1x1 convolution (option B)."""
    return [
        (f"{name}.downsample.0", unbiased(filters, 1, stride), (source,)),
        (f"{name}.downsample.1", BatchNorm()),
    ]


def _sum(name: str, convolutions: int, learned: str, shortcut: str) -> list[LayerLine]:
    """What a block's convolutions have learned and its input, added and rectified."""
    return [(f"{name}.add", Add(), (learned, shortcut)), (f"{name}.relu{convolutions}", ReLU())]
