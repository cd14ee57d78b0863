"""How the learning rate falls (lecture: decay of the learning rate)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from .settings import Settings


@dataclass
class Schedule:
    """A constant learning rate, and what the others change of it. `factor` is what is stored in a checkpoint."""

    name: ClassVar[str] = "constant"

    settings: Settings
    factor: float = 1.0
    waited: int = 0

    def rate(self, epoch: float) -> float:
        """Learning rate at a point of the run, in epochs from its start."""
        return self.settings.learning_rate * self.factor

    def ended(self, improved: bool) -> bool:
        """Hears after each epoch whether the validation error is the best so far; True: go back to the best."""
        return False

    def state(self) -> dict[str, Any]:
        return {"factor": self.factor, "waited": self.waited}


class Step(Schedule):
    """A tenth after every `step_epochs` epochs."""

    name = "step"

    def rate(self, epoch: float) -> float:
        return self.settings.learning_rate * 0.1 ** (int(epoch) // self.settings.step_epochs)


class Cosine(Schedule):
    """Half a cosine from the first rate to 0 (Loshchilov and Hutter, 2017, without restarts)."""

    name = "cosine"

    def rate(self, epoch: float) -> float:
        return self.settings.learning_rate * 0.5 * (1 + math.cos(math.pi * epoch / self.settings.epochs))


class Halve(Schedule):
    """The lecture's: hold until the validation error stops improving, then divide by 2 and go back to the best
    weights and momentum. `patience` epochs without improvement count as "stops".
    """

    name = "halve"

    def ended(self, improved: bool) -> bool:
        self.waited = 0 if improved else self.waited + 1
        if self.waited < self.settings.patience:
            return False
        self.factor, self.waited = self.factor / 2, 0
        return True


SCHEDULES: dict[str, Callable[..., Schedule]] = {
    schedule.name: schedule for schedule in (Schedule, Step, Cosine, Halve)
}
