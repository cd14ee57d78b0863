"""The lecture's own attack: x <- x + alpha dE/dx, again and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .base import Attack
from .goal import Goal
from .norms import sizes, spread
from .options import option


@dataclass(frozen=True)
class Ascent(Attack):
    """x <- x + alpha dE/dx; towards a class t, x <- x - alpha dE_t/dx. The way of the probabilities is kept.

    Without an epsilon nothing but [0, 1] bounds the change; with `early_stop` it ends where the network errs as surely as
    `confidence` says.
    """

    name: ClassVar[str] = "step"
    formula: ClassVar[str] = "x <- x + alpha d loss / d x"
    norms: ClassVar[tuple[str, ...]] = ("linf", "l2")
    needs_epsilon: ClassVar[bool] = False

    epsilon: float | None = None
    norm: str = "l2"
    steps: int = option(100, "Steps at most.", least=1, most=10_000)
    alpha: float | None = option(
        None,
        "What the gradient is multiplied with; left out, at each step so that the largest change of a value is 1/255.",
    )
    confidence: float = option(
        0.9, "Probability of the wrong class (or of the target) with which a picture is left alone.", most=1
    )

    def step(self, goal: Goal, images: Any) -> Any:
        current = images.copy()
        done = np.zeros(len(goal), np.bool_)
        for _ in range(self.steps):
            gradient, _ = goal.rise(current, exact=True)
            shares = goal.probabilities()
            goal.path.append(shares)
            done |= goal.reached(shares) & (shares.max(axis=1) >= self.confidence)
            if done.all():
                return current
            alpha = self._alpha(gradient)
            moved = goal.project(current + spread(alpha, gradient) * gradient)
            current = np.where(spread(done, moved) > 0, current, moved)
        goal.scores(current)
        goal.path.append(goal.probabilities())
        return current

    def _alpha(self, gradient: Any) -> Any:
        if self.alpha is not None:
            return np.full(len(gradient), self.alpha)
        return 1 / 255 / np.maximum(sizes(gradient, "linf"), 1e-30)
