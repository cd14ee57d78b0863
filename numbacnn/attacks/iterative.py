"""Attacks of many small steps within a ball: BIM, PGD and MI-FGSM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .base import Attack
from .goal import Goal
from .norms import sizes, spread, steepest
from .options import option


@dataclass(frozen=True)
class Iterative(Attack):
    """Steps of a fixed size, each followed by the projection into the ball.

    With `early_stop` a picture is left alone as soon as the network errs; without it steps go on to the last.
    """

    remembers: ClassVar[bool] = False
    """Whether `direction` has a memory, of the pictures' shape."""

    steps: int = option(10, "Steps.", least=1, most=100_000)
    step_size: float | None = option(
        None, "Size of a step, as a fraction of full scale or in the norm; left out, it follows from epsilon."
    )
    early_stop: bool = option(True, "Leave a picture alone once the network errs.")

    def size(self) -> float:
        """The size of a step."""
        return self.step_size if self.step_size is not None else float(self.epsilon or 0) / self.steps

    def start(self, goal: Goal) -> Any:
        """The picture that the first step begins at."""
        return goal.originals.copy()

    def rise(self, goal: Goal, images: Any) -> Any:
        """The gradient that the next step follows."""
        return goal.gradient(images)

    def direction(self, gradient: Any, memory: Any) -> tuple[Any, Any]:
        """The change of size 1 to take, and what the next step is to know. `memory` is 0 at first."""
        return steepest(gradient, self.norm), memory

    def step(self, goal: Goal, images: Any) -> Any:
        found = self.start(goal)
        rows, part, current = np.arange(len(goal)), goal, found
        size, memory = np.float32(self.size()), np.zeros(1, np.float32)
        memory = np.zeros_like(found) if self.remembers else memory
        for _ in range(self.steps):
            gradient = self.rise(part, current)
            if self.early_stop:
                done = part.reached(part.last_scores())
                found[rows[done]] = current[done]
                if done.all():
                    return found
                if done.mean() >= 0.25:  # a smaller batch costs less, and as few sizes as may be are compiled
                    keep = ~done
                    rows, part, current, gradient = rows[keep], part.part(keep), current[keep], gradient[keep]
                    memory = memory[keep] if self.remembers else memory
                    done = done[keep]
            direction, memory = self.direction(gradient, memory)
            moved = part.project(current + size * direction)
            current = np.where(spread(done, moved) > 0, current, moved) if self.early_stop else moved
        found[rows] = current
        return found


@dataclass(frozen=True)
class BIM(Iterative):
    """x <- clip(x + alpha sign(dE/dx)), from the picture itself (Kurakin, Goodfellow and Bengio, 2017)."""

    name: ClassVar[str] = "bim"
    formula: ClassVar[str] = "steps along sign(d loss / d pixel), each cut to the ball"
    norms: ClassVar[tuple[str, ...]] = ("linf", "l2")

    def size(self) -> float:
        """Twice what would just lead to the ball's edge, so that the way need not be straight."""
        return super().size() if self.step_size is not None else 2 * super().size()


@dataclass(frozen=True)
class PGD(Iterative):
    """x <- project(x + alpha d), d the steepest change in the norm, from a random start (Madry et al., 2018).

    A step is 2.5 epsilon / steps where no size is given, as there.
    """

    name: ClassVar[str] = "pgd"
    formula: ClassVar[str] = "steps along the steepest change from a random start, each cut to the ball"
    norms: ClassVar[tuple[str, ...]] = ("linf", "l2", "l1", "l0")
    is_random: ClassVar[bool] = True

    steps: int = option(40, "Steps.", least=1, most=100_000)
    random_start: bool = option(True, "Begin at a random place in the ball.")

    def size(self) -> float:
        if self.step_size is not None:
            return self.step_size
        epsilon = float(self.epsilon or 0)
        # A change of so many pixels may be as large as pixels are; their values are what a step is measured in.
        return 2.5 * epsilon / self.steps if self.norm != "l0" else epsilon / 4

    def start(self, goal: Goal) -> Any:
        if not self.random_start and goal.aim.restart == 0:
            return goal.originals.copy()
        return goal.random_start()


@dataclass(frozen=True)
class MIFGSM(Iterative):
    """g <- mu g + gradient / |gradient|_1, then a step along sign(g) (Dong et al., 2018)."""

    name: ClassVar[str] = "mifgsm"
    formula: ClassVar[str] = "steps along the sign of the gradients' decaying sum, each cut to the ball"
    norms: ClassVar[tuple[str, ...]] = ("linf", "l2")
    remembers: ClassVar[bool] = True

    decay: float = option(1.0, "Share of the gradients so far that each step keeps.", most=1)

    def direction(self, gradient: Any, memory: Any) -> tuple[Any, Any]:
        length = np.maximum(sizes(gradient, "l1"), 1e-30)
        memory = np.float32(self.decay) * memory + gradient * spread(1 / length, gradient)
        return steepest(memory, self.norm), memory
