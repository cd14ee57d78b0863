"""Turns and shifts (Engstrom et al., 2019): no gradient, and no pixel's value is invented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .base import Attack
from .goal import Goal
from .options import option


@dataclass(frozen=True)
class Rotate(Attack):
    """Takes the first of `tries` random turns and shifts that fools the network; the edge's pixels fill what comes in.

    It has no epsilon: `degrees` and `shift` are its bounds.
    """

    name: ClassVar[str] = "rotate"
    formula: ClassVar[str] = "turns and shifts drawn at random"
    norms: ClassVar[tuple[str, ...]] = ()
    needs_epsilon: ClassVar[bool] = False
    uses_loss: ClassVar[bool] = False

    epsilon: float | None = None
    degrees: float = option(30.0, "Largest turn to either side.", most=180)
    shift: float = option(0.1, "Largest shift, as a share of height and width.", most=0.5)
    tries: int = option(20, "Turns and shifts that are tried.", least=1, most=100_000)

    def step(self, goal: Goal, images: Any) -> Any:
        return goal.first_reaching(self.tries, self._drawn)

    def _drawn(self, goal: Goal, draw: int) -> Any:
        pairs = zip(goal.originals, goal.generators(draw), strict=True)
        return np.stack([self._moved(image, generator) for image, generator in pairs])

    def _moved(self, image: Any, generator: Any) -> Any:
        from scipy.ndimage import affine_transform

        angle = np.deg2rad(generator.uniform(-self.degrees, self.degrees))
        height, width = image.shape[:2]
        shift = generator.uniform(-self.shift, self.shift, 2) * (height, width)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        middle = np.array([(height - 1) / 2, (width - 1) / 2])
        offset = middle - turn @ (middle + shift)
        planes = [
            affine_transform(image[..., channel], turn, offset, order=1, mode="nearest")
            for channel in range(image.shape[2])
        ]
        return np.clip(np.stack(planes, axis=-1), 0, 1).astype(np.float32)
