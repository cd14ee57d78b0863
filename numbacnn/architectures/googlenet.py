"""GoogLeNet (Szegedy et al., 2015): nine inception modules, and two auxiliary classifiers that help the lower ones learn."""

from __future__ import annotations

from typing import NamedTuple

from ..graph import LayerLine
from ..layers import (
    AveragePool,
    Concatenate,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    LocalResponseNorm,
    MaxPool,
    ReLU,
    Shape,
)
from .blocks import averaged_scores, is_small, rectified

HEADS = {"loss1.classifier": 0.3, "loss2.classifier": 0.3}
"""The auxiliary classifiers, and their share in the loss (section 5)."""


class _Module(NamedTuple):
    """Filters: of 1x1, of 3x3 behind so many that reduce, of 5x5 likewise, and of 1x1 behind the pool."""

    ones: int
    reduced_threes: int
    threes: int
    reduced_fives: int
    fives: int
    pooled: int


_MODULES = {
    "3a": _Module(64, 96, 128, 16, 32, 32),
    "3b": _Module(128, 128, 192, 32, 96, 64),
    "4a": _Module(192, 96, 208, 16, 48, 64),
    "4b": _Module(160, 112, 224, 24, 64, 64),
    "4c": _Module(128, 128, 256, 24, 64, 64),
    "4d": _Module(112, 144, 288, 32, 64, 64),
    "4e": _Module(256, 160, 320, 32, 128, 128),
    "5a": _Module(256, 160, 320, 32, 128, 128),
    "5b": _Module(384, 192, 384, 48, 128, 128),
}
"""Table 1."""
_LAST = {"3b": "pool3", "4e": "pool4"}
"""Modules that a pool follows."""
_AUXILIARY = {"4a": "loss1", "4d": "loss2"}
"""Modules that an auxiliary classifier reads."""


def googlenet(input_shape: Shape, classes: int) -> list[LayerLine]:
    """Made for 224x224x3; response normalisation as Caffe has it. Small pictures go to the first module as they are."""
    lines = _stem(input_shape)
    source, heads = lines[-1][0], list[LayerLine]()
    for name, module in _MODULES.items():
        lines += _inception(f"inception_{name}", source, module)
        source = lines[-1][0]
        if name in _AUXILIARY:
            heads += _auxiliary(_AUXILIARY[name], source, classes)
        if name in _LAST:
            lines.append((_LAST[name], _pool()))
            source = _LAST[name]
    # The last layer is the network's output, so the heads stand before the classifier.
    return [*lines[:-1], *heads, lines[-1], *averaged_scores(classes, "loss3.classifier", 0.4)]


def _stem(input_shape: Shape) -> list[LayerLine]:
    if is_small(input_shape):
        return rectified("conv1", Convolution(192, 3, padding=1))
    return [
        *rectified("conv1", Convolution(64, 7, stride=2, padding=3, rounding="floor")),
        ("pool1", _pool()),
        ("norm1", LocalResponseNorm()),
        *rectified("conv2.reduce", Convolution(64, 1)),
        *rectified("conv2", Convolution(192, 3, padding=1)),
        ("norm2", LocalResponseNorm()),
        ("pool2", _pool()),
    ]


def _pool() -> MaxPool:
    return MaxPool(3, stride=2, rounding="ceil")


def _inception(name: str, source: str, module: _Module) -> list[LayerLine]:
    def branch(kind: str, reduced: int, filters: int, kernel: int) -> list[LayerLine]:
        return [
            *rectified(f"{name}.{kind}_reduce", Convolution(reduced, 1), source),
            *rectified(f"{name}.{kind}", Convolution(filters, kernel, padding=kernel // 2)),
        ]

    ends = tuple(f"{name}.{end}.relu" for end in ("1x1", "3x3", "5x5", "pool_proj"))
    return [
        *rectified(f"{name}.1x1", Convolution(module.ones, 1), source),
        *branch("3x3", module.reduced_threes, module.threes, 3),
        *branch("5x5", module.reduced_fives, module.fives, 5),
        (f"{name}.pool", MaxPool(3, stride=1, padding=1), (source,)),
        *rectified(f"{name}.pool_proj", Convolution(module.pooled, 1)),
        (f"{name}.output", Concatenate(), ends),
    ]


def _auxiliary(name: str, source: str, classes: int) -> list[LayerLine]:
    """An average, 128 filters of 1x1, a dense layer and the scores (section 5)."""
    return [
        (f"{name}.pool", AveragePool(5, stride=3, rounding="ceil"), (source,)),
        *rectified(f"{name}.conv", Convolution(128, 1)),
        (f"{name}.flatten", Flatten()),
        (f"{name}.fc", Dense(1024)),
        (f"{name}.fc.relu", ReLU()),
        (f"{name}.dropout", Dropout(0.7)),
        (f"{name}.classifier", Dense(classes)),
    ]
