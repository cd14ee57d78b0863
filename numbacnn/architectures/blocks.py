"""What networks of several families are built of."""

from __future__ import annotations

from collections.abc import Callable

from ..graph import LayerLine
from ..layers import (
    BatchNorm,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Layer,
    ReLU,
    Shape,
    Softmax,
)

SMALL = 64
"""Pictures of at most so many pixels a side keep their size at the beginning: a 3x3 convolution, and no pool behind it."""


def is_small(input_shape: Shape) -> bool:
    """Whether a network for photographs begins gently with these pictures."""
    return max(input_shape[:2]) <= SMALL


def unbiased(filters: int, kernel: int, stride: int = 1, groups: int = 1) -> Convolution:
    """A convolution that a batch normalisation follows; at stride 1 the map keeps its size."""
    return Convolution(
        filters, kernel, stride=stride, padding=kernel // 2, groups=groups, rounding="floor", bias=False
    )


def rectified(
    name: str, convolution: Convolution, *inputs: str, activation: Callable[[], Layer] = ReLU
) -> list[LayerLine]:
    """A convolution under its name, and a rectifier under NAME.relu; `inputs` are what it reads instead of the layer above."""
    first: LayerLine = (name, convolution, inputs) if inputs else (name, convolution)
    return [first, (f"{name}.relu", activation())]


def averaged_scores(classes: int, name: str = "fc", dropout: float = 0.0) -> list[LayerLine]:
    """The average of every map, and one dense layer."""
    lines: list[LayerLine] = [("avgpool", GlobalAveragePool()), ("flatten", Flatten())]
    if dropout:
        lines.append(("dropout", Dropout(dropout)))
    return [*lines, (name, Dense(classes)), ("softmax", Softmax())]


def normalised(
    name: str, norm: str, convolution: Convolution, activation: tuple[str, Layer] | None = None
) -> list[LayerLine]:
    """A convolution, its batch normalisation under another name, and an activation if there is one."""
    return [(name, convolution), (norm, BatchNorm()), *([activation] if activation else [])]
