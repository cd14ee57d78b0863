"""The Square attack (Andriushchenko et al., 2020): random search that looks at scores only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .base import Attack
from .goal import Goal
from .norms import spread
from .options import option

_HALVED_AT = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""Queries, of 10,000, after which the squares' share of the picture is halved."""


@dataclass(frozen=True)
class Square(Attack):
    """Squares of +-epsilon at random places, kept where the margin shrinks; they begin as vertical stripes."""

    name: ClassVar[str] = "square"
    formula: ClassVar[str] = "random squares of +-epsilon, kept where the margin shrinks"
    is_random: ClassVar[bool] = True
    uses_loss: ClassVar[bool] = False

    queries: int = option(1000, "Passes forward for a picture at most.", least=1, most=1_000_000)
    share: float = option(0.8, "Share of the picture that the first squares take.", most=1)

    def step(self, goal: Goal, images: Any) -> Any:
        height, width, channels = images.shape[1:]
        epsilon = np.float32(self.epsilon or 0)
        stripes, places, signs = self._drawn(goal, width, channels)
        best = goal.project(images + epsilon * stripes)
        scores = goal.scores(best)
        margin = _margin(goal, scores)
        rows, part = np.arange(len(goal)), goal
        for query in range(self.queries - 1):
            left = ~part.reached(scores)
            if not left.any():
                break
            if not left.all():
                rows, part = rows[left], part.part(left)
            side = self._side(query, height, width)
            tried = best[rows].copy()
            for place, row in enumerate(rows):
                top = int(places[row, query, 0] * (height - side + 1))
                start = int(places[row, query, 1] * (width - side + 1))
                window = slice(top, top + side), slice(start, start + side)
                tried[place][window] = images[row][window] + epsilon * signs[row, query]
            tried = part.project(tried)
            scores = part.scores(tried)
            now = _margin(part, scores)
            better = (now < margin[rows]) | part.reached(scores)
            best[rows] = np.where(spread(better, tried) > 0, tried, best[rows])
            margin[rows] = np.where(better, now, margin[rows])
        return best

    def _drawn(self, goal: Goal, width: int, channels: int) -> tuple[Any, Any, Any]:
        """Each picture's stripes (n,1,W,C), places in [0, 1) (n, queries, 2) and signs (n, queries, C)."""
        stripes, places, signs = [], [], []
        for generator in goal.generators():
            stripes.append(generator.choice((-1.0, 1.0), (1, width, channels)))
            places.append(generator.random((self.queries, 2)))
            signs.append(generator.choice((-1.0, 1.0), (self.queries, channels)))
        return np.stack(stripes).astype(np.float32), np.stack(places), np.stack(signs).astype(np.float32)

    def _side(self, query: int, height: int, width: int) -> int:
        """Pixels of a square's side."""
        of_all = query / self.queries * 10_000
        share = self.share / 2 ** sum(of_all > edge for edge in _HALVED_AT)
        return min(max(round(math.sqrt(share * height * width)), 1), height, width)


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
