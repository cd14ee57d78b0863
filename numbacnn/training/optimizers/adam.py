"""Adam (Kingma and Ba, 2015) and AdamW (Loshchilov and Hutter, 2019)."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from ...graph import Graph
from ...ops import update
from .base import Optimizer


class Adam(Optimizer):
    """A step along the moving average of the gradient, divided by the root of that of its square; weight decay is part of
    the gradient.
    """

    name = "adam"
    options = ("beta1", "beta2", "weight_decay", "even_decay")
    remembers = ("first", "second")
    decoupled: ClassVar[bool] = False

    def __init__(
        self,
        graph: Graph,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        even_decay: bool = False,
    ) -> None:
        super().__init__(graph, weight_decay=weight_decay, even_decay=even_decay)
        self.beta1, self.beta2, self.eps = beta1, beta2, eps
        self._last = 0.0, 1.0, 1.0

    def numbers(self, learning_rate: float) -> tuple[float, float, float]:
        """The rate, and what makes up for averages that began at 0: 1 / (1 - beta1^t) and 1 / sqrt(1 - beta2^t)."""
        bias = 1 / (1 - self.beta1**self.updates), 1 / math.sqrt(1 - self.beta2**self.updates)
        self._last = learning_rate, *bias
        return self._last

    def _update(
        self, weights: Any, rows: list[Any], gradient: Any, numbers: Any, decay: tuple[float, int]
    ) -> None:
        options = self.beta1, self.beta2, self.eps, *decay, self.decoupled
        update.adam(weights, *rows, gradient, numbers, *options)

    def last_change(self) -> Any:
        first, second = (self.device.read(row) for row in self.rows.values())
        rate, mean, root = self._last
        return -rate * first * mean / (np.sqrt(second) * root + self.eps)


class AdamW(Adam):
    """Adam with its weight decay beside the step: w = w - rate decay w."""

    name = "adamw"
    decoupled = True
