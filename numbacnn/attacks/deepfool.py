"""DeepFool (Moosavi-Dezfooli, Fawzi and Frossard, 2016): the nearest boundary of a network taken for linear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .base import MinimalAttack
from .goal import Goal
from .norms import sizes, spread
from .options import option


@dataclass(frozen=True)
class DeepFool(MinimalAttack):
    """Each step goes to the nearest of the hyperplanes that separate the label's class from the `candidates` likeliest
    ones, as the gradients say; the sum of the steps is lengthened by `overshoot`. With a target, to that one's hyperplane.
    """

    name: ClassVar[str] = "deepfool"
    formula: ClassVar[str] = "steps to the nearest boundary of the network taken for linear"
    norms: ClassVar[tuple[str, ...]] = ("l2", "linf")

    steps: int = option(50, "Steps at most.", least=1, most=100_000)
    candidates: int = option(10, "Classes that are looked at, the likeliest ones.", least=2, most=100_000)
    overshoot: float = option(
        0.02, "Share by which the change is lengthened, to cross the boundary.", most=10
    )

    def step(self, goal: Goal, images: Any) -> Any:
        found, moved = images.copy(), images.copy()
        total = np.zeros_like(images)
        rows, part = np.arange(len(goal)), goal
        own, others = self._classes(goal, images)
        for _ in range(self.steps):
            scores = part.scores(moved[rows])
            left = ~part.reached(scores)
            found[rows] = moved[rows]
            if not left.any():
                return found
            if not left.all():
                rows, part, own, others = rows[left], part.part(left), own[left], others[left]
                scores = part.scores(moved[rows])
            total[rows] += self._step(part, scores, own, others)
            moved[rows] = np.clip(images[rows] + np.float32(1 + self.overshoot) * total[rows], 0, 1)
        found[rows] = moved[rows]
        return found

    def _classes(self, goal: Goal, images: Any) -> tuple[Any, Any]:
        """The class to leave (n,), and those to go to (n, k)."""
        order = np.argsort(-goal.scores(images), axis=1, kind="stable")
        if goal.targeted:
            return order[:, 0], goal.classes[:, None]
        others = [
            row[row != label][: self.candidates - 1] for row, label in zip(order, goal.classes, strict=True)
        ]
        return goal.classes, np.stack(others)

    def _step(self, goal: Goal, scores: Any, own: Any, others: Any) -> Any:
        """The smallest step to one of the hyperplanes, after a pass forward."""
        at = np.arange(len(goal))
        dual = "l2" if self.norm == "l2" else "l1"
        nearest = np.full(len(goal), np.inf)
        best, length = None, np.zeros(len(goal))
        for column in range(others.shape[1]):
            other = others[:, column]
            weights = np.zeros_like(scores)
            weights[at, other] += 1
            weights[at, own] -= 1
            gradient = goal.back(weights)
            size = sizes(gradient, dual)
            distance = np.abs(scores[at, other] - scores[at, own]) / (size + 1e-8)
            closer = distance < nearest
            nearest, length = np.where(closer, distance, nearest), np.where(closer, size, length)
            best = gradient if best is None else np.where(spread(closer, gradient) > 0, gradient, best)
        assert best is not None
        way = np.sign(best) if self.norm == "linf" else best * spread(1 / (length + 1e-8), best)
        return way * spread(nearest + 1e-4, best)
