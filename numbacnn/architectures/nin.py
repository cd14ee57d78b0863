"""Network in network (Lin, Chen and Yan, 2014): 1x1 convolutions after every convolution, and no dense layer."""

from __future__ import annotations

from ..graph import LayerLine
from ..layers import (
    AveragePool,
    Convolution,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Layer,
    MaxPool,
    Shape,
    Softmax,
)
from .blocks import is_small, rectified


def nin(input_shape: Shape, classes: int) -> list[LayerLine]:
    """Of photographs (made for 227x227x3) as Caffe's users have it: 96, 256, 384 and 1024 filters; of small pictures as the
    paper has it for CIFAR-10.
    """
    if is_small(input_shape):
        return _network(
            [
                (Convolution(192, 5, padding=2), (160, 96), MaxPool(3, stride=2, rounding="ceil")),
                (Convolution(192, 5, padding=2), (192, 192), AveragePool(3, stride=2, rounding="ceil")),
                (Convolution(192, 3, padding=1), (192, classes), None),
            ],
            dropped=(1, 2),
        )
    pools = [MaxPool(3, stride=2, rounding="ceil") for _ in range(3)]
    return _network(
        [
            (Convolution(96, 11, stride=4, rounding="floor"), (96, 96), pools[0]),
            (Convolution(256, 5, padding=2), (256, 256), pools[1]),
            (Convolution(384, 3, padding=1), (384, 384), pools[2]),
            (Convolution(1024, 3, padding=1), (1024, classes), None),
        ],
        dropped=(3,),
    )


def _network(
    blocks: list[tuple[Convolution, tuple[int, int], Layer | None]], dropped: tuple[int, ...]
) -> list[LayerLine]:
    """Blocks of a convolution and two 1x1 convolutions, with the pool behind each; a dropout follows some of the pools."""
    lines: list[LayerLine] = []
    for number, (convolution, mixed, pool) in enumerate(blocks, 1):
        lines += rectified(f"conv{number}", convolution)
        for place, filters in enumerate(mixed, 2 * number - 1):
            lines += rectified(f"cccp{place}", Convolution(filters, 1))
        if pool is not None:
            lines.append((f"pool{number}", pool))
        if number in dropped:
            lines.append((f"dropout{number}", Dropout(0.5)))
    return [*lines, ("average", GlobalAveragePool()), ("flatten", Flatten()), ("softmax", Softmax())]
