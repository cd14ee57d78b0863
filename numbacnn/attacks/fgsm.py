"""The fast gradient sign method (Goodfellow, Shlens and Szegedy, 2015, section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .base import Attack, Goal


@dataclass(frozen=True)
class FGSM(Attack):
    """x + epsilon sign(dE/dx); with targets t, x - epsilon sign(dE_t/dx) (Kurakin et al., 2017)."""

    name: ClassVar[str] = "fgsm"

    def step(self, goal: Goal, images: Any) -> Any:
        return images + np.float32(self.epsilon) * np.sign(goal.gradient(images))
