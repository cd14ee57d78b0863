"""The attack of Szegedy et al. (2014): box-constrained L-BFGS, with a search over the weight of the change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from threadpoolctl import threadpool_limits

from .base import MinimalAttack
from .goal import Goal
from .lockstep import Ask, Search, in_lockstep
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
    formula: ClassVar[str] = (
        "min c |change|^2 + loss of the wrong class, by L-BFGS in [0, 1], with a search over c"
    )
    uses_loss: ClassVar[bool] = True

    steps: int = option(25, "Iterations of L-BFGS for each c.", least=1, most=100_000)
    searches: int = option(6, "Bisections of c.", least=0, most=100)
    confidence: float = option(
        0.0, "Probability that the wrong class has to have: a surer one survives 8 bits.", most=1
    )
    candidates: int = option(1, "Wrong classes that are tried, the likeliest first.", least=1, most=100_000)

    def step(self, goal: Goal, images: Any) -> Any:
        order = np.argsort(-goal.scores(images), axis=1, kind="stable")

        def searches_of(row: int) -> Search:
            label = goal.classes[row]
            wrong = [each for each in order[row] if each != label][: self.candidates]
            targets = [label] if goal.targeted else wrong
            return lambda ask: _nearest(
                [self._to_class(ask, images[row], int(target)) for target in targets], images[row]
            )

        def answer(rows: list[int], asked: list[tuple[Any, int]]) -> list[Any]:
            tried = np.stack([image for image, _ in asked])
            part = goal.part(np.array(rows))
            losses, gradients = part.losses_of(tried, np.array([target for _, target in asked]))
            shares = part.probabilities()
            sure = [self._is_sure(row, target) for row, (_, target) in zip(shares, asked, strict=True)]
            return list(zip(losses, gradients, sure, strict=True))

        with threadpool_limits(
            1, user_api="blas"
        ):  # its threads would wait on the cores that the kernels' run on
            return np.stack(in_lockstep([searches_of(row) for row in range(len(goal))], answer))

    def _is_sure(self, shares: Any, target: int) -> bool:
        return bool(shares.argmax() == target and shares[target] >= self.confidence)

    def _to_class(self, ask: Ask, image: Any, target: int) -> Any:
        """The smallest change found with which the picture is taken for the target, None without any."""
        best: Any = None
        start = np.zeros(image.size)

        def tried(c: float) -> bool:
            nonlocal best, start
            change = self._minimise(ask, image, target, c, start)
            shown = np.clip(image + change, 0, 1).astype(np.float32)
            if not ask((shown, target))[2]:
                return False
            change = shown - image
            if best is None or (change**2).sum() < (best**2).sum():
                best = change
                start = change.astype(np.float64).ravel()
            return True

        low, high, c = 0.0, np.inf, 1.0
        for _ in range(_TRIES):  # by factors, until one c leads there and the next does not
            if tried(c):
                low, c = c, c * _FACTOR
            else:
                high, c = c, c / _FACTOR
            if low and high < np.inf:
                break
        for _ in range(self.searches if low and high < np.inf else 0):
            c = float(np.sqrt(low * high))
            low, high = (c, high) if tried(c) else (low, c)
        return best

    def _minimise(self, ask: Ask, image: Any, target: int, c: float, start: Any) -> Any:
        from scipy.optimize import minimize

        flat = image.astype(np.float64).ravel()

        def value(change: Any) -> tuple[float, Any]:
            shown = np.clip(flat + change, 0, 1).astype(np.float32).reshape(image.shape)
            loss, gradient, _ = ask((shown, target))
            return float(loss) + c * float(change @ change), gradient.ravel() + 2 * c * change

        done = minimize(
            value,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=np.stack([-flat, 1 - flat], axis=1),
            options={"maxiter": self.steps, "maxfun": 2 * self.steps},
        )
        return done.x.reshape(image.shape).astype(np.float32)


def _nearest(changes: list[Any], image: Any) -> Any:
    """The picture with the smallest of the changes; as it was without any."""
    found = [change for change in changes if change is not None]
    return image + min(found, key=lambda change: float((change**2).sum())) if found else image
