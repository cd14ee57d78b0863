"""Which loss, and its options."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DataError, ShapeError, UsageError, nearest
from ..ops import losses


@dataclass(frozen=True)
class Loss:
    """One of the lecture's loss bricks, applied to the scores before the softmax (ops.losses).

    Raises UsageError for an unknown name or a margin below 0.
    """

    name: str = "log-softmax"
    margin: float = 1.0

    def __post_init__(self) -> None:
        if self.name not in losses.LOSSES:
            raise UsageError(f"unknown loss '{self.name}'{nearest(self.name, losses.LOSSES)}")
        if not 0 <= self.margin < math.inf:
            raise UsageError(f"margin {self.margin:g}: a number of at least 0 is expected")


def check_labels(labels: Any, count: int, classes: int) -> None:
    """Raises ShapeError or DataError unless labels (count,) are classes: kernels look them up without asking."""
    if labels.shape != (count,):
        raise ShapeError(f"labels {labels.shape}: one for each of {count} pictures is expected")
    if np.minimum.reduce(labels) < 0 or np.maximum.reduce(labels) >= classes:
        wrong = labels[(labels < 0) | (labels >= classes)][0]
        raise DataError(f"label {wrong}: a class from 0 to {classes - 1} is expected")
