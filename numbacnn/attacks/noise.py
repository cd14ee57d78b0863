"""Noise: what any attack has to beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .base import Attack
from .goal import Goal
from .options import option


@dataclass(frozen=True)
class Noise(Attack):
    """Random changes of the largest size that epsilon allows: in Linf signs, in L2 a normal direction, in L0 black or white
    pixels. It draws `tries` times, as long as the network is right.
    """

    name: ClassVar[str] = "noise"
    formula: ClassVar[str] = "random changes as large as epsilon"
    norms: ClassVar[tuple[str, ...]] = ("linf", "l2", "l0")
    uses_loss: ClassVar[bool] = False

    tries: int = option(
        10, "How often noise is drawn for a picture that withstands it.", least=1, most=100_000
    )

    def step(self, goal: Goal, images: Any) -> Any:
        return goal.first_reaching(self.tries, lambda part, draw: part.project(self._drawn(part, draw)))

    def _drawn(self, goal: Goal, draw: int) -> Any:
        epsilon, shape = float(self.epsilon or 0), goal.originals.shape[1:]
        drawn = []
        for original, generator in zip(goal.originals, goal.generators(draw), strict=True):
            if self.norm == "linf":
                change = np.where(generator.random(shape) < 0.5, -epsilon, epsilon)
            elif self.norm == "l2":
                change = generator.standard_normal(shape)
                change *= epsilon / np.linalg.norm(change)
            else:
                ends = np.where(generator.random((*shape[:2], 1)) < 0.5, 0.0, 1.0)
                chosen = generator.permutation(shape[0] * shape[1]).reshape(*shape[:2], 1) < epsilon
                change = (ends - original) * chosen
            drawn.append((original + change).astype(np.float32))
        return np.stack(drawn)
