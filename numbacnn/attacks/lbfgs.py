"""The attack of Szegedy et al. (2014): box-constrained L-BFGS, with a search over the weight of the change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .base import MinimalAttack
from .goal import Goal
from .options import option

_FACTOR = 10.0
_TRIES = 6
"""Factors of ten by which c is looked for, up or down."""


@dataclass(frozen=True)
class LBFGS(MinimalAttack):
    """min c |r|^2 + loss(x + r, t) for x + r in [0, 1], by SciPy's L-BFGS-B, with the largest c that still leads to t.

    Without a target t is, one after the other, each of the `candidates` likeliest wrong classes, and the smallest change is
    kept.
    """

    name: ClassVar[str] = "lbfgs"
    formula: ClassVar[str] = "min c |change|^2 + loss of the wrong class, by L-BFGS in [0, 1], with a search over c"
    uses_loss: ClassVar[bool] = True

    steps: int = option(40, "Iterations of L-BFGS for each c.", least=1, most=100_000)
    searches: int = option(6, "Bisections of c.", least=0, most=100)
    candidates: int = option(1, "Wrong classes that are tried, the likeliest first.", least=1, most=100_000)

    def step(self, goal: Goal, images: Any) -> Any:
        found = images.copy()
        order = np.argsort(-goal.scores(images), axis=1, kind="stable")
        for row in range(len(goal)):
            part = goal.part(np.arange(row, row + 1))
            label = goal.classes[row]
            targets = (
                [label]
                if goal.targeted
                else [each for each in order[row] if each != label][: self.candidates]
            )
            changes = [self._to_class(part, images[row], int(target)) for target in targets]
            reached = [change for change in changes if change is not None]
            if reached:
                found[row] = images[row] + min(reached, key=lambda change: float((change**2).sum()))
        return found

    def _to_class(self, goal: Goal, image: Any, target: int) -> Any:
        """The smallest change found with which the picture is taken for the target, None without any."""
        best: Any = None
        start = np.zeros(image.size)

        def tried(c: float) -> bool:
            nonlocal best, start
            change = self._minimise(goal, image, target, c, start)
            shown = np.clip(image + change, 0, 1).astype(np.float32)
            if goal.scores(shown[None])[0].argmax() != target:
                return False
            change = shown - image
            if best is None or (change**2).sum() < (best**2).sum():
                best = change
                start = change.astype(np.float64).ravel()
            return True

        low, high = 0.0, np.inf
        c = 1.0
        for _ in range(_TRIES):
            if tried(c):
                low = c
                c *= _FACTOR
                if high < np.inf:
                    break
            else:
                high = c
                c /= _FACTOR
                if low:
                    break
        if not low or high == np.inf:
            return best
        for _ in range(self.searches):
            c = float(np.sqrt(low * high))
            if tried(c):
                low = c
            else:
                high = c
        return best

    def _minimise(self, goal: Goal, image: Any, target: int, c: float, start: Any) -> Any:
        from scipy.optimize import minimize

        flat = image.astype(np.float64).ravel()

        def value(change: Any) -> tuple[float, Any]:
            shown = np.clip(flat + change, 0, 1).astype(np.float32).reshape(1, *image.shape)
            loss, gradient = goal.loss_of(shown, np.array([target]))
            return loss + c * float(change @ change), gradient.ravel().astype(np.float64) + 2 * c * change

        done = minimize(
            value,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(-flat, 1 - flat, strict=True)),
            options={"maxiter": self.steps, "maxfun": 2 * self.steps},
        )
        return done.x.reshape(image.shape).astype(np.float32)
