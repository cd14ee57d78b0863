"""One batch under attack: where the gradient leads, what the network says, how far pictures may go, and what that cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..fitting import as_floats
from ..program import Loss, Program
from . import norms

LEVELS = 255
"""A Program's gradients are with respect to values from 0 to so many; an attack's pictures go from 0 to 1."""


@dataclass
class Counts:
    """Passes through the network, a number a picture: back (`gradients`) and forward (`scores`)."""

    gradients: Any
    scores: Any
    flat: Any
    """Pictures that had no gradient when it was asked for: nothing tells which way to go."""

    @classmethod
    def of(cls, count: int) -> Counts:
        return cls(np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros(count, np.bool_))


@dataclass(frozen=True)
class Aim:
    """A batch under attack: the goal of the attack, and the bounds it keeps to.

    `classes` (n,): those that it leads to where it is `targeted`, else the right ones, which it leads away from.
    `epsilon` None: changes may be of any size. `seed` and `restart` are what randomness is drawn from.
    """

    classes: Any
    targeted: bool
    epsilon: float | None
    norm: str
    loss: Loss
    seed: int = 0
    restart: int = 0

    def part(self, rows: Any) -> Aim:
        return Aim(
            self.classes[rows], self.targeted, self.epsilon, self.norm, self.loss, self.seed, self.restart
        )


@dataclass
class Goal:
    """One batch under attack. `pictures` (n,) are its pictures' indices among all that are attacked.

    originals: (n,H,W,C) float32 in [0, 1].
    """

    plan: Program
    originals: Any
    aim: Aim
    pictures: Any
    counts: Counts
    low: Any
    high: Any
    """Bounds of every value: [0, 1] and, in Linf, epsilon around the original."""
    path: list[Any] = field(default_factory=list)
    """(n, classes) probabilities after each step, of an attack that shows its way."""
    compared: Any = None
    """(n, classes), what an attack that leads away from it compares with; its `start` writes it down."""

    @classmethod
    def of(cls, plan: Program, images: Any, aim: Aim, pictures: Any, counts: Counts) -> Goal:
        """Bounds hold to the last bit: around the true n/255 of an 8-bit picture and around its float32, which differ, and
        rounded inwards to float32. An epsilon so small that nothing is left keeps the original.
        """
        originals = as_floats(images)
        if aim.epsilon is None or aim.norm != "linf":
            return cls(
                plan, originals, aim, pictures, counts, np.zeros_like(originals), np.ones_like(originals)
            )
        reach = _rounded(np.float64(aim.epsilon), down=True).astype(np.float64)
        exact = images / 255 if images.dtype == np.uint8 else images.astype(np.float64)
        near = originals.astype(np.float64)
        low = _rounded(np.maximum(np.maximum(exact, near) - reach, 0), down=False)
        high = _rounded(np.minimum(np.minimum(exact, near) + reach, 1), down=True)
        return cls(
            plan, originals, aim, pictures, counts, np.minimum(low, originals), np.maximum(high, originals)
        )

    def __len__(self) -> int:
        return len(self.pictures)

    def part(self, rows: Any) -> Goal:
        """The same for some of its pictures; what it costs is counted with the whole."""
        return Goal(
            self.plan,
            self.originals[rows],
            self.aim.part(rows),
            self.pictures[rows],
            self.counts,
            self.low[rows],
            self.high[rows],
            compared=None if self.compared is None else self.compared[rows],
        )

    @property
    def classes(self) -> Any:
        return self.aim.classes

    @property
    def targeted(self) -> bool:
        return self.aim.targeted

    # What the network says

    def scores(self, images: Any) -> Any:
        """(n, classes) scores before the softmax, after a pass forward."""
        self.counts.scores[self.pictures] += 1
        self.plan.forward(images)
        return self.last_scores()

    def probabilities(self) -> Any:
        """(n, classes), of the last pass forward."""
        return self.plan.output().copy()

    def gradient(self, images: Any) -> Any:
        """The gradient of the objective that the attacker raises: the loss of the labels, or minus that of the targets. (n,H,W,C), each picture's
        times a positive number of its own: a sure network's gradient is smaller than any float32, its direction is not.
        """
        return self.rise(images)[0]

    def rise(self, images: Any, *, exact: bool = False) -> tuple[Any, Any]:
        """`gradient`, and what it is the gradient of (n,). `exact`: not times a number of the picture's own."""
        self.counts.scores[self.pictures] += 1
        self.plan.forward(images)
        self.counts.gradients[self.pictures] += 1
        gradient = np.array(
            self.plan.backward_loss(self.classes, self.aim.loss, reduction="sum" if exact else "direction")
        )
        if exact:
            gradient *= np.float32(LEVELS)
        value = self.plan.loss_values.astype(np.float64)
        self.counts.flat[self.pictures] |= ~gradient.any(axis=(1, 2, 3))
        return (-gradient, -value) if self.targeted else (gradient, value)

    def losses_of(self, images: Any, classes: Any) -> tuple[Any, Any]:
        """The losses (n,) of other classes (n,) than the goal's, and their sum's gradient (n,H,W,C)."""
        self.counts.scores[self.pictures] += 1
        self.counts.gradients[self.pictures] += 1
        self.plan.forward(images)
        gradient = self.plan.backward_loss(classes, self.aim.loss, reduction="sum")
        return self.plan.loss_values.astype(np.float64), np.array(gradient, np.float64) * LEVELS

    def last_scores(self) -> Any:
        """(n, classes), of the last pass forward."""
        return self.plan.output(self.plan.scores).copy()

    def back(self, d_scores: Any) -> Any:
        """The gradient (n,H,W,C) of the sum of d_scores times the scores, after a pass forward of the same pictures."""
        self.counts.gradients[self.pictures] += 1
        weights = np.ascontiguousarray(d_scores, np.float32)
        return np.array(self.plan.backward(self.plan.scores, weights)) * np.float32(LEVELS)

    def reached(self, scores: Any) -> Any:
        """(n,), whether the scores are what the attacker wants: another class than the label's, or the target."""
        now = scores.argmax(axis=1)
        return now == self.classes if self.targeted else now != self.classes

    def first_reaching(self, tries: int, drawn: Callable[[Goal, int], Any]) -> Any:
        """The first picture that reaches the goal, out of those that `drawn(part, draw)` makes for draws 0 to tries - 1, or
        its last; `part` is of the pictures that withstood so far.
        """
        found = self.originals.copy()
        rows, part = np.arange(len(self)), self
        for draw in range(tries):
            tried = drawn(part, draw)
            found[rows] = tried
            left = ~part.reached(part.scores(tried))
            if not left.any():
                break
            rows, part = rows[left], part.part(left)
        return found

    # How far pictures may go

    def project(self, images: Any) -> Any:
        """Pictures in [0, 1] and within epsilon of the originals: the nearest such in Linf and of a change in L2, L1, L0."""
        aim = self.aim
        if aim.epsilon is not None and aim.norm != "linf":
            images = self.originals + norms.cut(images - self.originals, aim.norm, aim.epsilon)
        return np.clip(images, self.low, self.high)

    def generators(self, draw: int = 0) -> list[Any]:
        """Random numbers for each picture: a function of the seed, the picture, the restart and `draw` alone (Philox)."""
        return [
            np.random.Generator(
                np.random.Philox(key=[self.aim.seed, int(picture)], counter=[0, 0, self.aim.restart, draw])
            )
            for picture in self.pictures
        ]

    def random_start(self, draw: int = 0) -> Any:
        """Pictures drawn from the ball around the originals."""
        if self.aim.epsilon is None:
            return self.originals.copy()
        shape = self.originals.shape[1:]
        changes = [
            norms.random_change(generator, shape, self.aim.norm, self.aim.epsilon)
            for generator in self.generators(draw)
        ]
        return self.project(self.originals + np.stack(changes))


def _rounded(values: Any, *, down: bool) -> Any:
    """float64 -> the nearest float32 that is not above (or not below)."""
    near = values.astype(np.float32)
    beyond = near > values if down else near < values
    return np.where(beyond, np.nextafter(near, np.float32(-np.inf if down else np.inf)), near)
