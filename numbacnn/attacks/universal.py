"""A universal change (Moosavi-Dezfooli et al., 2017): one for all pictures, learned by gradient steps (Shafahi et al., 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from . import norms
from .goal import Goal
from .joint import JointAttack
from .options import option


@dataclass(frozen=True)
class Universal(JointAttack):
    """v <- cut(v + step x steepest(sum of the gradients)), over the pictures that v does not fool yet.

    The change is scored on the pictures that it was learned from; `transfer` scores it on other networks.
    """

    name: ClassVar[str] = "universal"
    formula: ClassVar[str] = "one change for all pictures, by steps along the sum of their gradients"
    norms: ClassVar[tuple[str, ...]] = ("linf", "l2")

    passes: int = option(20, "Passes over all pictures.", least=1, most=100_000)

    def begin(self, goals: list[Goal]) -> Any:
        return np.zeros((1, *goals[0].originals.shape[1:]), np.float32)

    def learn(self, array: Any, goal: Goal, done: float, draw: int) -> Any:
        epsilon = float(self.epsilon or 0)
        gradient, _ = goal.rise(goal.project(goal.originals + array))
        left = ~goal.reached(goal.last_scores())
        if not left.any():
            return array
        lengths = norms.sizes(gradient, "l1")
        shares = norms.spread(left / np.maximum(lengths, 1e-30), gradient)
        summed = (gradient * shares).sum(axis=0, keepdims=True)
        size = np.float32(epsilon * (0.3 * (1 - done) + 0.02))
        return norms.cut(array + size * norms.steepest(summed, self.norm), self.norm, epsilon)

    def changed(self, array: Any, goal: Goal) -> Any:
        return goal.project(goal.originals + array)
