"""The fast gradient sign method (Goodfellow, Shlens and Szegedy, 2015, section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .base import Attack
from .goal import Goal
from .norms import steepest


@dataclass(frozen=True)
class FGSM(Attack):
    """x + epsilon sign(dE/dx); with targets t, x - epsilon sign(dE_t/dx) (Kurakin et al., 2017).

    In L2 the step is along the gradient itself.
    """

    name: ClassVar[str] = "fgsm"
    formula: ClassVar[str] = "epsilon x sign(d loss / d pixel)"
    norms: ClassVar[tuple[str, ...]] = ("linf", "l2")
    one_pass: ClassVar[bool] = True

    def step(self, goal: Goal, images: Any) -> Any:
        return images + np.float32(self.epsilon) * steepest(goal.gradient(images), self.norm)
