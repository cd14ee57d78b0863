"""Stochastic gradient descent with momentum and weight decay (lecture: SGD; Krizhevsky et al., 2012, section 5)."""

from __future__ import annotations

from typing import Any

from ...graph import Graph
from ...ops import update
from .base import Optimizer


class SGD(Optimizer):
    """v = momentum v - rate (dE/dw + decay w), w = w + v; with `nesterov` another step along v (Sutskever et al., 2013)."""

    name = "sgd"
    options = ("momentum", "weight_decay", "even_decay", "nesterov")
    remembers = ("velocity",)

    def __init__(
        self,
        graph: Graph,
        *,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        even_decay: bool = False,
        nesterov: bool = False,
    ) -> None:
        super().__init__(graph, weight_decay=weight_decay, even_decay=even_decay)
        self.momentum, self.nesterov = momentum, nesterov

    def numbers(self, learning_rate: float) -> tuple[float, float, float]:
        return learning_rate, 0.0, 0.0

    def _update(
        self, weights: Any, rows: list[Any], gradient: Any, numbers: Any, decay: tuple[float, int]
    ) -> None:
        options = self.momentum, *decay, self.nesterov
        update.sgd(weights, rows[0], gradient, numbers, *options)

    def last_change(self) -> Any:
        return self.device.read(self.rows["velocity"])
