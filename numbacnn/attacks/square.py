"""The Square attack (Andriushchenko et al., 2020): random search that looks at scores only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .base import Attack
from .goal import Goal
from .norms import spread
from .options import option
from .square_windows import WINDOWS

_HALVED_AT = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""Queries, of 10,000, after which the squares' share of the picture is halved."""


@dataclass(frozen=True)
class Square(Attack):
    """Squares of +-epsilon at random places, kept where the margin shrinks; they begin as vertical stripes.

    In L2 the squares hold two bumps of opposite sign each, and one grows by what another gives up.
    """

    name: ClassVar[str] = "square"
    formula: ClassVar[str] = "random squares, kept where the margin shrinks"
    norms: ClassVar[tuple[str, ...]] = ("linf", "l2")
    is_random: ClassVar[bool] = True
    uses_loss: ClassVar[bool] = False

    queries: int = option(1000, "Passes forward for a picture at most.", least=1, most=1_000_000)
    share: float = option(0.8, "Share of the picture that the first squares take.", most=1)

    def step(self, goal: Goal, images: Any) -> Any:
        height, width, channels = images.shape[1:]
        epsilon = np.float32(self.epsilon or 0)
        kind = WINDOWS[self.norm]
        drawn = [kind(each, self.queries, (height, width, channels)) for each in goal.generators()]
        best = goal.project(images + epsilon * np.stack([windows.first for windows in drawn]))
        scores = goal.scores(best)
        margin = _margin(goal, scores)
        rows, part = np.arange(len(goal)), goal
        for query in range(self.queries - 1):
            left = ~part.reached(scores)
            if not left.any():
                break
            if not left.all():
                rows, part = rows[left], part.part(left)
            area = self._share(query) * height * width
            tried = np.empty_like(part.originals)
            for place, row in enumerate(rows):
                windows = drawn[row]
                tried[place] = windows.tried(query, windows.side(area), images[row], best[row], epsilon)
            tried = part.project(tried)
            scores = part.scores(tried)
            now = _margin(part, scores)
            better = (now < margin[rows]) | part.reached(scores)
            best[rows] = np.where(spread(better, tried) > 0, tried, best[rows])
            margin[rows] = np.where(better, now, margin[rows])
        return best

    def _share(self, query: int) -> float:
        """The share of the picture that a square takes."""
        of_all = query / self.queries * 10_000
        return float(self.share / 2 ** sum(of_all > edge for edge in _HALVED_AT))


def _margin(goal: Goal, scores: Any) -> Any:
    """How far the goal is away, in scores; with a target its cross-entropy, which looks at all classes."""
    at = np.arange(len(goal))
    own = scores[at, goal.classes]
    if goal.targeted:
        largest = scores.max(axis=1)
        return np.log(np.exp(scores - largest[:, None]).sum(axis=1)) + largest - own
    others = scores.copy()
    others[at, goal.classes] = -np.inf
    return own - others.max(axis=1)
