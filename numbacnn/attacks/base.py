"""What all attacks share: an attack writes only the step that it takes."""

from __future__ import annotations

import numbers
import warnings
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..errors import UsageError, cut
from ..fitting import as_floats
from ..network import Images, Network
from ..program import Loss, Program
from .result import AttackResult


@dataclass(frozen=True)
class Attack(ABC):
    """Pictures changed by at most `epsilon` a pixel, of a full scale of 1, until the network errs.

    It leads the network away from `labels` or, with `targets`, to those classes. `loss` is the one that the
    step looks at (`program.Loss`). Raises UsageError for an epsilon outside [0, 1] or an unknown loss.
    """

    name: ClassVar[str]

    epsilon: float = 8 / 255
    loss: str = "log-softmax"

    def __post_init__(self) -> None:
        is_number = isinstance(self.epsilon, numbers.Real)
        if not is_number or not 0 <= self.epsilon <= 1:
            raise UsageError(
                f"epsilon {cut(repr(self.epsilon))}: 0 to 1 is expected; of 255 levels, write n / 255"
            )
        Loss(self.loss)

    @abstractmethod
    def step(self, goal: Goal, images: Any) -> Any:
        """Better pictures for the attacker, (n,H,W,C) float32; they may leave `goal`'s bounds."""

    def __call__(
        self, network: Network, images: Images, labels: Any, targets: Any = None, *, batch_size: int = 64
    ) -> Any:
        """The changed pictures, (N,H,W,C) float32 in [0, 1], none further than epsilon from its original.

        Warns of pictures that have no gradient. Raises ShapeError or DataError for pictures, labels or targets that the
        network does not take.
        """
        images = network.as_images(images)
        aims = network.as_labels(labels if targets is None else targets, len(images))
        plan = network.program_for(len(images), batch_size, "input")
        moved, flat = [], 0
        for start in range(0, len(images), plan.batch_size):
            now = slice(start, start + plan.batch_size)
            goal = Goal(plan, images[now], aims[now], targets is not None, self.epsilon, Loss(self.loss))
            moved.append(goal.project(self.step(goal, goal.originals)))
            flat += int(goal.flat.sum())
        if flat and self.epsilon:
            warnings.warn(
                f"{flat} of {len(images)} pictures have no gradient of the {self.loss} loss, and the attack has nothing to go by "
                "there: that they withstand it says nothing of the network",
                RuntimeWarning,
                stacklevel=2,
            )
        return np.concatenate(moved)

    def run(
        self, network: Network, images: Images, labels: Any, targets: Any = None, *, batch_size: int = 64
    ) -> AttackResult:
        """The attack, and what the network says before it, after it, and once its pictures have 8 bits."""
        images = network.as_images(images)
        labels = network.as_labels(labels, len(images))
        targets = None if targets is None else network.as_labels(targets, len(images))
        moved = self(network, images, labels, targets, batch_size=batch_size)
        rounded = eight_bit(images, moved, self.epsilon)
        return AttackResult(
            epsilon=self.epsilon,
            originals=as_floats(images),
            images=moved,
            eight_bit=rounded,
            labels=labels,
            targets=targets,
            before=network.predict(images, batch_size),
            after=network.predict(moved, batch_size),
            after_eight_bit=network.predict(rounded, batch_size),
        )


class Goal:
    """One batch under attack: where the gradient leads, and how far pictures may go."""

    def __init__(
        self, plan: Program, images: Any, classes: Any, targeted: bool, epsilon: float, loss: Loss
    ) -> None:
        self.originals = as_floats(images)
        self._plan, self._classes, self._targeted, self._loss = plan, classes, targeted, loss
        self.flat: Any = np.zeros(len(images), np.bool_)
        """(n,), the pictures that had no gradient when it was asked for: nothing tells which way to go."""
        # Bounds hold to the last bit: around the true n/255 of an 8-bit picture and around its float32, which
        # differ, and rounded inwards to float32. An epsilon so small that nothing is left keeps the original.
        reach = _rounded(np.float64(epsilon), down=True).astype(np.float64)
        exact = images / 255 if images.dtype == np.uint8 else images.astype(np.float64)
        near = self.originals.astype(np.float64)
        low = _rounded(np.maximum(np.maximum(exact, near) - reach, 0), down=False)
        high = _rounded(np.minimum(np.minimum(exact, near) + reach, 1), down=True)
        self._low, self._high = np.minimum(low, self.originals), np.maximum(high, self.originals)

    def gradient(self, images: Any) -> Any:
        """Of what the attacker wants to rise: the loss of the labels, or minus that of the targets. (n,H,W,C), each picture's
        times a positive number of its own: a sure network's gradient is smaller than any float32, its direction is not.
        """
        self._plan.forward(images)
        gradient = np.array(self._plan.backward_loss(self._classes, self._loss, reduction="direction"))
        self.flat |= ~gradient.any(axis=(1, 2, 3))
        return -gradient if self._targeted else gradient

    def project(self, images: Any) -> Any:
        """The nearest pictures in [0, 1] and within epsilon of the originals."""
        return np.clip(images, self._low, self._high)


def eight_bit(originals: Any, moved: Any, epsilon: float) -> Any:
    """What a PNG keeps of float pictures: uint8.

    Where the originals had 8 bits, rounding does not lead out of the ball: the change is at most the whole
    levels in epsilon, so an epsilon below 1/255 leaves nothing.
    """
    levels = np.rint(moved * np.float32(255))
    if originals.dtype == np.uint8:
        whole = np.floor(epsilon * 255 + 1e-6)
        levels = np.clip(levels, originals - whole, originals + whole)
    return levels.astype(np.uint8)


def _rounded(values: Any, *, down: bool) -> Any:
    """float64 -> the nearest float32 that is not above (or not below)."""
    near = values.astype(np.float32)
    beyond = near > values if down else near < values
    return np.where(beyond, np.nextafter(near, np.float32(-np.inf if down else np.inf)), near)
