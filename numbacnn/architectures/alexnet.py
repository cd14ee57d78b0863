"""AlexNet (Krizhevsky et al., 2012) and what was made of it: as the lecture presents it, as it won, as Caffe has it, ZFNet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from ..graph import LayerLine
from ..layers import (
    Convolution,
    Dense,
    Dropout,
    Flatten,
    LocalResponseNorm,
    MaxPool,
    ReLU,
    Shape,
    Softmax,
)
from ..ops.geometry import Rounding

_PAPERS = partial(LocalResponseNorm, 5, alpha=5 * 1e-4, k=2.0)
"""With the constants of Krizhevsky et al., whose alpha is not divided by the five channels."""


class _Stage(NamedTuple):
    """A convolution, a rectifier, and what follows: "pool" and "norm" in their order."""

    convolution: Convolution
    then: tuple[str, ...] = ()


def alexnet(input_shape: Shape, classes: int) -> list[LayerLine]:
    """In one stream, without response normalisation: five convolutional and three dense layers; made for 227x227x3."""
    first = (
        _Stage(Convolution(96, 11, stride=4), ("pool",)),
        _Stage(Convolution(256, 5, padding=2), ("pool",)),
    )
    return _network((*first, *_last_three(1)), classes)


def alexnet_2012(input_shape: Shape, classes: int) -> list[LayerLine]:
    """As it won ILSVRC-2012: the second, fourth and fifth convolution see half of the channels each, as every one of two
    GPUs had its own; responses are normalised before they are pooled, with the paper's constants.
    """
    return _network(_two_streams(("norm", "pool")), classes, _PAPERS)


def caffenet(input_shape: Shape, classes: int) -> list[LayerLine]:
    """Caffe's reference network: AlexNet of 2012 that pools before it normalises, with Caffe's constants."""
    return _network(_two_streams(("pool", "norm")), classes, partial(LocalResponseNorm, 5, alpha=1e-4, k=1.0))


def zfnet(input_shape: Shape, classes: int) -> list[LayerLine]:
    """Zeiler and Fergus (2014), figure 3: smaller first filters at a smaller stride; made for 224x224x3."""
    first = (
        _Stage(Convolution(96, 7, stride=2, padding=1, rounding="floor"), ("pool", "norm")),
        _Stage(Convolution(256, 5, stride=2, rounding="floor"), ("pool", "norm")),
    )
    return _network((*first, *_last_three(1)), classes, _PAPERS, rounding="ceil")


def _two_streams(then: tuple[str, ...]) -> tuple[_Stage, ...]:
    first = Convolution(96, 11, stride=4), Convolution(256, 5, padding=2, groups=2)
    return (*(_Stage(convolution, then) for convolution in first), *_last_three(2))


def _last_three(groups: int) -> tuple[_Stage, ...]:
    """Three convolutions of 3x3, the last two in groups, and a pool."""
    return (
        _Stage(Convolution(384, 3, padding=1)),
        _Stage(Convolution(384, 3, padding=1, groups=groups)),
        _Stage(Convolution(256, 3, padding=1, groups=groups), ("pool",)),
    )


def _network(
    stages: Sequence[_Stage],
    classes: int,
    norm: Callable[[], LocalResponseNorm] = _PAPERS,
    *,
    rounding: Rounding = "exact",
) -> list[LayerLine]:
    lines: list[LayerLine] = []
    for number, stage in enumerate(stages, 1):
        lines += [(f"conv{number}", stage.convolution), (f"relu{number}", ReLU())]
        for what in stage.then:
            layer = norm() if what == "norm" else MaxPool(3, stride=2, rounding=rounding)
            lines.append((f"{what}{number}", layer))
    return [
        *lines,
        ("flatten", Flatten()),
        ("dense6", Dense(4096)),
        ("relu6", ReLU()),
        ("dropout6", Dropout(0.5)),
        ("dense7", Dense(4096)),
        ("relu7", ReLU()),
        ("dropout7", Dropout(0.5)),
        ("dense8", Dense(classes)),
        ("softmax", Softmax()),
    ]
