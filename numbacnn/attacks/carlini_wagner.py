"""The attack of Carlini and Wagner (2017) in L2: the change and the margin are made small together, by Adam."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .base import MinimalAttack
from .goal import Goal
from .norms import sizes
from .options import option

_INSIDE = 0.999999
"""Pixels of 0 and 1 would lie infinitely far out in the space of w."""
_CHECKS = 10
"""How often, in a search, it is asked whether the loss still falls."""
_PROGRESS, _PATIENCE = 0.9999, 3
"""The share to which the loss has to fall since the last check, and the number of the check from which on it has to: black and white pixels start slowly."""
_BETA1, _BETA2 = 0.9, 0.999


@dataclass(frozen=True)
class CarliniWagner(MinimalAttack):
    """min |x' - x|^2 + c max(margin + confidence, 0), with x' = (tanh(w) + 1) / 2, so that pixels stay in [0, 1].

    The margin is how far the score of the label's class lies above all others'. A binary search over c for each picture
    finds where the goal is just reached.
    """

    name: ClassVar[str] = "cw"
    formula: ClassVar[str] = "min |change|^2 + c x margin, by Adam, with a search over c"

    steps: int = option(300, "Steps of Adam for each c.", least=1, most=100_000)
    searches: int = option(7, "Values of c that are tried.", least=1, most=100)
    rate: float = option(0.02, "Adam's learning rate.", most=10)
    first_c: float = option(0.1, "The first c, of scores against squared changes.", most=1e10)
    confidence: float = option(0.0, "By how much another score is to lie above the label's.", most=1e6)

    def step(self, goal: Goal, images: Any) -> Any:
        best, best_size = images.copy(), np.full(len(goal), np.inf)
        c = np.full(len(goal), float(self.first_c))
        low, high = np.zeros(len(goal)), np.full(len(goal), np.inf)
        for _ in range(self.searches):
            found = self._search(goal, images, c, best, best_size)
            high, low = np.where(found, c, high), np.where(found, low, c)
            c = np.where(np.isinf(high), c * 10, (low + high) / 2)
        return best

    def _search(self, goal: Goal, images: Any, c: Any, best: Any, best_size: Any) -> Any:
        """One run of Adam; writes nearer pictures into `best`, and says for which pictures there were any at all."""
        found = np.zeros(len(goal), np.bool_)
        rows, part = np.arange(len(goal)), goal
        start = np.arctanh((images * 2 - 1) * np.float32(_INSIDE))
        middle = (np.tanh(start) + 1) / 2
        w, first, second = start.copy(), np.zeros_like(start), np.zeros_like(start)
        last = np.full(len(goal), np.inf)
        every = max(1, -(-self.steps // _CHECKS))
        for step in range(self.steps):
            curve = np.tanh(w)
            tried = (curve + 1) / 2
            scores = part.scores(tried)
            margin, weights = self._margin(part, scores, c[rows])
            gradient = part.back(weights) + 2 * (tried - middle[rows])
            gradient *= (1 - curve * curve) / 2
            size = sizes(tried - images[rows], "l2")
            ok = self._counts(part, scores)
            nearer = ok & (size < best_size[rows])
            best[rows[nearer]], best_size[rows[nearer]] = tried[nearer], size[nearer]
            found[rows[ok]] = True
            if step % every == 0:
                loss = size**2 + c[rows] * margin
                going = (loss <= _PROGRESS * last[rows]) | (step < _PATIENCE * every)
                last[rows] = loss
                if not going.any():
                    break
                if going.mean() <= 0.75:
                    rows, part, w, gradient = rows[going], part.part(going), w[going], gradient[going]
                    first, second = first[going], second[going]
            first = _BETA1 * first + (1 - _BETA1) * gradient
            second = _BETA2 * second + (1 - _BETA2) * gradient * gradient
            whole_first, whole_second = 1 - _BETA1 ** (step + 1), 1 - _BETA2 ** (step + 1)
            w = w - np.float32(self.rate) * (first / whole_first) / (np.sqrt(second / whole_second) + 1e-8)
        return found

    def _margin(self, goal: Goal, scores: Any, c: Any) -> tuple[Any, Any]:
        """max(margin + confidence, 0) of each picture, and c times its gradient with respect to the scores."""
        at = np.arange(len(goal))
        others = scores.copy()
        others[at, goal.classes] = -np.inf
        other = others.argmax(axis=1)
        sign = -1 if goal.targeted else 1
        margin = sign * (scores[at, goal.classes] - scores[at, other]) + self.confidence
        weights = np.zeros_like(scores)
        weights[at, goal.classes] += sign * c * (margin > 0)
        weights[at, other] -= sign * c * (margin > 0)
        return np.maximum(margin, 0), weights

    def _counts(self, goal: Goal, scores: Any) -> Any:
        """Whether the goal is reached, with the confidence that was asked for."""
        if not self.confidence:
            return goal.reached(scores)
        handicapped = scores.copy()
        at = np.arange(len(goal)), goal.classes
        handicapped[at] += np.float32(-self.confidence if goal.targeted else self.confidence)
        return goal.reached(handicapped)
