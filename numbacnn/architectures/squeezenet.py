"""SqueezeNet (Iandola et al., 2016): fire modules, which squeeze the channels before they expand them."""

from __future__ import annotations

from ..graph import LayerLine
from ..layers import (
    Concatenate,
    Convolution,
    Dropout,
    Flatten,
    GlobalAveragePool,
    MaxPool,
    Shape,
    Softmax,
)
from .blocks import is_small, rectified

_FIRES = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))
"""Of fire2 to fire9: filters that squeeze, and filters of each of the two kinds that expand."""


def squeezenet_1_0(input_shape: Shape, classes: int) -> list[LayerLine]:
    """As in the paper: 96 filters of 7x7 first, pools behind conv1, fire4 and fire8; made for 227x227x3."""
    return _network(input_shape, classes, Convolution(96, 7, stride=2, rounding="floor"), (1, 4, 8))


def squeezenet_1_1(input_shape: Shape, classes: int) -> list[LayerLine]:
    """The authors' later one, with 2.4 times fewer multiply-adds: 64 filters of 3x3 first, and earlier pools."""
    return _network(input_shape, classes, Convolution(64, 3, stride=2, rounding="floor"), (1, 3, 5))


def _network(input_shape: Shape, classes: int, first: Convolution, pools: tuple[int, ...]) -> list[LayerLine]:
    """`pools` numbers the layers that a pool follows: 1 is conv1, 2 is fire2."""
    if is_small(input_shape):
        first = Convolution(first.filters, 3, padding=1)
        pools = pools[1:]
    lines = rectified("conv1", first)
    for number in range(1, 10):
        if number > 1:
            lines += _fire(f"fire{number}", *_FIRES[number - 2])
        if number in pools:
            lines.append((f"pool{number}", MaxPool(3, stride=2, rounding="ceil")))
    return [
        *lines,
        ("dropout", Dropout(0.5)),
        *rectified("conv10", Convolution(classes, 1)),
        ("average", GlobalAveragePool()),
        ("flatten", Flatten()),
        ("softmax", Softmax()),
    ]


def _fire(name: str, squeezed: int, expanded: int) -> list[LayerLine]:
    squeeze = f"{name}.squeeze1x1"
    return [
        *rectified(squeeze, Convolution(squeezed, 1)),
        *rectified(f"{name}.expand1x1", Convolution(expanded, 1), f"{squeeze}.relu"),
        *rectified(f"{name}.expand3x3", Convolution(expanded, 3, padding=1), f"{squeeze}.relu"),
        (f"{name}.concat", Concatenate(), (f"{name}.expand1x1.relu", f"{name}.expand3x3.relu")),
    ]
