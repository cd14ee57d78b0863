"""Six 3x3 convolutions in pairs between pools, as in Simonyan and Zisserman (2015), for small pictures."""

from __future__ import annotations

from ..graph import LayerLine
from ..layers import Convolution, Dense, Flatten, MaxPool, ReLU, Shape, Softmax


def vgg_small(input_shape: Shape, classes: int) -> list[LayerLine]:
    """Pairs of 64, 128 and 256 filters, each pair ending in a 2x2 pool; made for 32x32x3."""
    lines: list[LayerLine] = []
    for block, filters in enumerate((64, 128, 256), 1):
        for number in (2 * block - 1, 2 * block):
            lines += [(f"conv{number}", Convolution(filters, 3, padding=1)), (f"relu{number}", ReLU())]
        lines.append((f"pool{block}", MaxPool(2, stride=2, rounding="ceil")))
    return [
        *lines,
        ("flatten", Flatten()),
        ("dense7", Dense(256)),
        ("relu7", ReLU()),
        ("dense8", Dense(classes)),
        ("softmax", Softmax()),
    ]
