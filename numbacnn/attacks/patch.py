"""An adversarial patch (Brown et al., 2017): a sticker that works wherever it is put."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .goal import Goal
from .joint import JointAttack
from .options import option

_LAST = 2**32
"""The draw of the places where the finished patch is put: none of those that it learned at."""


@dataclass(frozen=True)
class Patch(JointAttack):
    """A square that replaces pixels at a random place of each picture, learned by steps along the gradients' sum.

    Nothing but [0, 1] bounds its pixels, so it has no epsilon; `side` is its bound.
    """

    name: ClassVar[str] = "patch"
    formula: ClassVar[str] = "a square sticker at random places, by steps along the sum of the gradients"
    norms: ClassVar[tuple[str, ...]] = ()
    needs_epsilon: ClassVar[bool] = False
    is_random: ClassVar[bool] = False

    epsilon: float | None = None
    passes: int = option(40, "Passes over all pictures.", least=1, most=100_000)
    side: float = option(0.3, "Side of the patch, as a share of the picture's shorter one.", most=1)

    def begin(self, goals: list[Goal]) -> Any:
        height, width, channels = goals[0].originals.shape[1:]
        pixels = max(1, round(self.side * min(height, width)))
        return np.full((pixels, pixels, channels), 0.5, np.float32)

    def learn(self, array: Any, goal: Goal, done: float, draw: int) -> Any:
        windows = self._windows(goal, array, draw)
        gradient, _ = goal.rise(self._put(array, goal, windows))
        lengths = np.maximum(np.abs(gradient).sum(axis=(1, 2, 3)), 1e-30)
        summed = sum(
            each[window] / length for each, window, length in zip(gradient, windows, lengths, strict=True)
        )
        return np.clip(array + np.float32(0.2 * (1 - done) + 0.01) * np.sign(summed), 0, 1).astype(np.float32)

    def changed(self, array: Any, goal: Goal) -> Any:
        return self._put(array, goal, self._windows(goal, array, _LAST))

    def _windows(self, goal: Goal, array: Any, draw: int) -> list[tuple[slice, slice]]:
        """The place of the patch in each picture."""
        side = array.shape[0]
        room = [size - side + 1 for size in goal.originals.shape[1:3]]
        corners = [generator.integers(room) for generator in goal.generators(draw)]
        return [(slice(top, top + side), slice(left, left + side)) for top, left in corners]

    def _put(self, array: Any, goal: Goal, windows: list[tuple[slice, slice]]) -> Any:
        images = goal.originals.copy()
        for image, window in zip(images, windows, strict=True):
            image[window] = array
        return images
