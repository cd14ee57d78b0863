"""How the learning rate falls (lecture: decay of the learning rate)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from .settings import Settings

LEAST_SHARE = 1e-6
"""A learning rate below this share of the first one moves nothing that counts: the run ends there."""
HALVINGS = 4
"""After so many halvings in a row that brought no improvement, the next ones bring hardly any (benches/RESULTS.md)."""


@dataclass
class Schedule:
    """A constant learning rate; subclasses override its methods. All fields but `settings` are stored in a checkpoint."""

    name: ClassVar[str] = "constant"

    settings: Settings
    factor: float = 1.0
    waited: int = 0
    fruitless: int = 0

    def rate(self, epoch: float) -> float:
        """Learning rate at a point of the run, in epochs from its start."""
        return self.settings.learning_rate * self.factor

    def ended(self, improved: bool) -> bool:
        """Is called after every epoch with whether its validation error is the best so far. Returns True if the best weights and
        optimizer arrays must be restored.
        """
        return False

    def spent(self, epoch: int) -> str:
        """Why no epoch from this one on can change anything any more; empty if it can."""
        rate, first = self.rate(epoch), self.settings.learning_rate
        if rate >= LEAST_SHARE * first:
            return ""
        return f"the learning rate, {rate:g}, is less than a millionth of the first, {first:g}"

    def state(self) -> dict[str, Any]:
        return {"factor": self.factor, "waited": self.waited, "fruitless": self.fruitless}


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


class Triangular(Schedule):
    """Along a line from a share of the rate up to all of it, and along another down to a last share (Smith, 2017, once)."""

    name = "triangular"

    def rate(self, epoch: float) -> float:
        settings, done = self.settings, epoch / self.settings.epochs
        if done < settings.rise:
            share = settings.first_share + (1 - settings.first_share) * done / settings.rise
        else:
            share = 1 - (1 - settings.last_share) * (done - settings.rise) / (1 - settings.rise)
        return settings.learning_rate * share

    def spent(self, epoch: int) -> str:
        """It may begin at 0, and goes on to its end."""
        return ""


class Halve(Schedule):
    """The lecture's: hold until the validation error stops improving, then divide by 2 and go back to the best
    weights. `patience` epochs without improvement count as "stops"; `fruitless` counts how often in a row it came to
    that, and after HALVINGS in vain the run is over.
    """

    name = "halve"

    def ended(self, improved: bool) -> bool:
        self.waited = 0 if improved else self.waited + 1
        if improved:
            self.fruitless = 0
        if self.waited < self.settings.patience:
            return False
        self.waited, self.fruitless = 0, self.fruitless + 1
        if self.fruitless > HALVINGS:
            return False
        self.factor /= 2
        return True

    def spent(self, epoch: int) -> str:
        if self.fruitless > HALVINGS:
            return f"the learning rate was halved {HALVINGS} times and the validation error did not improve"
        return super().spent(epoch)


SCHEDULES: dict[str, Callable[..., Schedule]] = {
    schedule.name: schedule for schedule in (Schedule, Step, Cosine, Triangular, Halve)
}
