"""An ensemble in the manner of AutoAttack (Croce and Hein, 2020): what withstands one attack is given to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .apgd import APGD, dlr
from .base import Attack
from .goal import Goal
from .options import option
from .square import Square


@dataclass(frozen=True)
class _TowardsClass(APGD):
    """APGD that raises the targeted DLR of each picture's `place`-th likeliest wrong class; any wrong class will do."""

    place: int = 0

    def rise(self, goal: Goal, images: Any) -> tuple[Any, Any, Any]:
        scores = goal.scores(images)
        value, weights = dlr(scores, self._towards(goal), targeted=True, labels=goal.classes)
        return goal.back(weights), value, scores

    def step(self, goal: Goal, images: Any) -> Any:
        order = np.argsort(-goal.scores(images), axis=1, kind="stable")
        wrong = [row[row != label] for row, label in zip(order, goal.classes, strict=True)]
        chosen = np.full(int(goal.pictures.max()) + 1, 0)
        chosen[goal.pictures] = [row[min(self.place, len(row) - 1)] for row in wrong]
        object.__setattr__(self, "_chosen", chosen)
        return super().step(goal, images)

    def _towards(self, goal: Goal) -> Any:
        return getattr(self, "_chosen")[goal.pictures]  # noqa: B009


@dataclass(frozen=True)
class Ensemble(Attack):
    """APGD on the cross-entropy, APGD on the targeted DLR of the likeliest wrong classes, then Square.

    With a target of its own: APGD on the cross-entropy and on DLR towards it, then Square.
    """

    name: ClassVar[str] = "ensemble"
    formula: ClassVar[str] = "APGD on cross-entropy and targeted DLR, then Square, on what withstood"
    is_random: ClassVar[bool] = True
    uses_loss: ClassVar[bool] = False

    steps: int = option(100, "Steps of each APGD.", least=1, most=100_000)
    wrong_classes: int = option(
        9, "Wrong classes that DLR leads to, the likeliest first.", least=1, most=1000
    )
    queries: int = option(1000, "Queries of Square; 0: leave it out.", least=0, most=1_000_000)

    def parts(self, classes: int, *, targeted: bool) -> list[Attack]:
        """The attacks, in order."""
        shared: dict[str, Any] = {"epsilon": self.epsilon, "norm": self.norm, "seed": self.seed}
        found: list[Attack] = [APGD(**shared, steps=self.steps)]
        if targeted:
            found.append(APGD(**shared, steps=self.steps, objective="dlr"))
        else:
            for place in range(min(self.wrong_classes, classes - 1)):
                found.append(_TowardsClass(**shared, steps=self.steps, place=place))
        if self.queries:
            found.append(Square(**shared, queries=self.queries))
        return found

    def step(self, goal: Goal, images: Any) -> Any:
        found = images.copy()
        scores = goal.scores(images)
        left = np.flatnonzero(~goal.reached(scores))
        for attack in self.parts(scores.shape[1], targeted=goal.targeted):
            if not len(left):
                break
            part = goal.part(left)
            tried = part.project(attack.step(part, part.originals))
            found[left] = tried
            left = left[~part.reached(part.scores(tried))]
        return found
