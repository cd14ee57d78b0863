"""Attacks that look at all pictures together: one change, or one sticker, for all of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .base import Attack, Watch
from .goal import Goal
from .options import option


@dataclass(frozen=True)
class JointAttack(Attack):
    """Learns one array of numbers from all pictures, `passes` times over; then each picture is changed by it."""

    passes: int = option(10, "Passes over all pictures.", least=1, most=100_000)

    @abstractmethod
    def begin(self, goals: list[Goal]) -> Any:
        """The array before the first pass."""

    @abstractmethod
    def learn(self, array: Any, goal: Goal, done: float, draw: int) -> Any:
        """The array after a look at one batch; `done` is the share of all looks that lie behind, `draw` their number."""

    @abstractmethod
    def changed(self, array: Any, goal: Goal) -> Any:
        """A batch's pictures, changed."""

    def pursue_all(self, goals: list[Goal], watch: Watch | None) -> Iterable[Any]:
        array, looks = self.begin(goals), self.passes * len(goals)
        shown: Iterable[int] = range(looks)
        for look in shown if watch is None else watch(shown, self.name, looks):
            array = self.learn(array, goals[look % len(goals)], look / looks, look)
        for goal in goals:
            yield np.clip(self.changed(array, goal), goal.low, goal.high)

    def step(self, goal: Goal, images: Any) -> Any:
        """One batch by itself."""
        return next(iter(self.pursue_all([goal], None)))
