"""MobileNet (Howard et al., 2017): a depthwise convolution for the neighbourhood, a 1x1 one for the channels."""

from __future__ import annotations

from ..graph import LayerLine
from ..layers import Convolution, ReLU, Shape
from .blocks import averaged_scores, is_small, normalised, unbiased

_BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))
"""Filters and stride of the thirteen blocks (table 1, whose last stride of 2 is one of 1, as its sizes say)."""


def mobilenet_v1(input_shape: Shape, classes: int) -> list[LayerLine]:
    """Of full width; made for 224x224x3. Small pictures are halved twice less."""
    blocks = [(32, 2), *_BLOCKS]
    if is_small(input_shape):
        blocks[0], blocks[2] = (32, 1), (128, 1)
    (channels, stride), *rest = blocks
    lines = _step("conv1", unbiased(channels, 3, stride))
    for number, (filters, stride) in enumerate(rest, 2):
        lines += _step(f"conv{number}.dw", unbiased(channels, 3, stride, groups=channels))
        lines += _step(f"conv{number}.pw", unbiased(filters, 1))
        channels = filters
    return [*lines, *averaged_scores(classes)]


def _step(name: str, convolution: Convolution) -> list[LayerLine]:
    return normalised(name, f"{name}.bn", convolution, (f"{name}.relu", ReLU()))
