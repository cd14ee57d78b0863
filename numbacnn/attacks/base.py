"""Attack, the base class with everything that attacks share: an attack writes only its step.

The template owns bounds, norms, clipping, goals, batches, restarts, randomness, counting and scoring.
"""

from __future__ import annotations

import dataclasses
import numbers
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..errors import DataError, UsageError, cut, need_whole
from ..fitting import as_floats
from ..network import Images, Network
from ..program import Loss
from . import norms, options
from .goal import Aim, Counts, Goal
from .result import AttackResult, eight_bit

Watch = Callable[..., Iterable[Any]]
"""Given the batches, a description and their number, gives the batches back: a progress bar."""

DRAWN_TARGETS = ("random", "least-likely")
"""Targets by name: a class other than the label drawn for each picture, or the one that the network thinks least of."""


@dataclass(frozen=True)
class Attack(ABC):
    """Pictures changed by at most `epsilon`, measured in `norm`, until the network errs.

    It leads the network away from `labels` or, with `targets`, to those classes. In Linf epsilon is the largest change of a
    pixel's value, of a full scale of 1; None: of any size, for attacks that look for the smallest change themselves.
    `loss` is the one that gradients are of (`program.Loss`). `restarts`: how often an attack that begins at random tries,
    on the pictures that withstood so far. Raises UsageError for an option that cannot be meant.
    """

    name: ClassVar[str]
    formula: ClassVar[str] = ""
    """The formula of its step, as figures show it."""
    norms: ClassVar[tuple[str, ...]] = ("linf",)
    """The norms in which its epsilon can be measured; none: it has no epsilon."""
    is_random: ClassVar[bool] = False
    """Whether it draws numbers, so that it may be tried again."""
    uses_loss: ClassVar[bool] = True
    needs_epsilon: ClassVar[bool] = True
    """False: without one the smallest change is looked for, or the attack has another bound."""
    one_pass: ClassVar[bool] = False
    """Whether it takes one pass back a picture, so that several epsilons cost little."""

    epsilon: float | None = 8 / 255
    loss: str = "log-softmax"
    norm: str = "linf"
    restarts: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        self._check_epsilon()
        Loss(self.loss)
        need_whole("restarts", self.restarts)
        need_whole("seed", self.seed, 0, 2**64 - 1)
        if self.restarts > 1 and not self.is_random:
            raise UsageError(f"{self.restarts} restarts: {self.name} draws nothing, one is expected")
        options.check(self)

    def _check_epsilon(self) -> None:
        if self.norms:
            options.one_of("norm", self.norm, self.norms)
        if self.epsilon is None:
            if self.needs_epsilon:
                raise UsageError(f"{self.name} without an epsilon: a number is expected")
            return
        if not self.norms:
            raise UsageError(
                f"{self.name} has no epsilon: its changes are bounded in another way; leave it out"
            )
        most = 1 if self.norm == "linf" else np.inf
        shown = cut(repr(self.epsilon))
        is_number = isinstance(self.epsilon, numbers.Real) and not isinstance(self.epsilon, bool)
        if not is_number or not 0 <= self.epsilon <= most or self.epsilon == np.inf:
            if self.norm != "linf":
                raise UsageError(
                    f"epsilon {shown}: a number of at least 0 is expected, in {norms.TITLES[self.norm]}"
                )
            hint = ""
            if is_number and 1 < self.epsilon <= 255 and self.epsilon == int(self.epsilon):
                hint = f"; did you mean {int(self.epsilon)}/255?"
            raise UsageError(f"epsilon {shown}: 0 to 1 is expected; of 255 levels, write n / 255{hint}")

    @abstractmethod
    def step(self, goal: Goal, images: Any) -> Any:
        """Better pictures for the attacker, (n,H,W,C) float32; they may leave `goal`'s bounds."""

    def __call__(
        self, network: Network, images: Images, labels: Any, targets: Any = None, *, batch_size: int = 64
    ) -> Any:
        """The changed pictures, (N,H,W,C) float32 in [0, 1], none further than epsilon from its original.

        `targets`: class indices, one for all or one a picture, or one of DRAWN_TARGETS. Warns of pictures that have no
        gradient. Raises ShapeError or DataError for pictures, labels or targets that the network does not take.
        """
        images = network.as_images(images)
        targets = self.targets_of(network, images, labels, targets, batch_size)
        moved, counts, _ = self.attacked(network, images, labels, targets, batch_size)
        self._warn(counts)
        return moved

    def run(
        self,
        network: Network,
        images: Images,
        labels: Any,
        targets: Any = None,
        *,
        batch_size: int = 64,
        watch: Watch | None = None,
    ) -> AttackResult:
        """The attack, what the network says before it, after it, and once its pictures have 8 bits, and what it cost."""
        images = network.as_images(images)
        labels = network.as_labels(labels, len(images))
        targets = self.targets_of(network, images, labels, targets, batch_size)
        moved, counts, path = self.attacked(network, images, labels, targets, batch_size, watch)
        self._warn(counts)
        rounded = eight_bit(images, moved, self.epsilon if self.norm == "linf" else None)
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
            norm=self.norm,
            gradients=counts.gradients,
            scores=counts.scores,
            flat=counts.flat,
            path=path,
        )

    def targets_of(
        self, network: Network, images: Any, labels: Any, targets: Any, batch_size: int = 64
    ) -> Any:
        """Targets as class indices (N,), None without any. Raises DataError for what names no class."""
        if targets is None:
            return None
        if not isinstance(targets, str):
            return network.as_labels(targets, len(images))
        labels = network.as_labels(labels, len(images))
        if targets not in DRAWN_TARGETS:
            raise DataError(
                f"targets '{cut(targets)}': class indices, or {' or '.join(DRAWN_TARGETS)}, are expected"
            )
        if targets == "random":
            drawn = [
                np.random.Generator(np.random.Philox(key=[self.seed, row], counter=[1, 0, 0, 0])).integers(
                    network.classes - 1
                )
                for row in range(len(images))
            ]
            return (labels + 1 + np.asarray(drawn)) % network.classes
        shares = network.predict(images, batch_size)
        shares[np.arange(len(labels)), labels] = (
            np.inf
        )  # never the right class, if it is the least likely one
        return shares.argmin(axis=1)

    def attacked(
        self,
        network: Network,
        images: Any,
        labels: Any,
        targets: Any = None,
        batch_size: int = 64,
        watch: Watch | None = None,
    ) -> tuple[Any, Counts, Any]:
        """The changed pictures, what they cost, and the way there of attacks that show it; images, labels and targets are
        checked already, and nothing is said of pictures without a gradient.
        """
        aims = network.as_labels(labels if targets is None else targets, len(images))
        plan = network.program_for(len(images), batch_size, "input")
        counts = Counts.of(len(images))
        goals = []
        for start in range(0, len(images), plan.batch_size):
            rows = np.arange(start, min(start + plan.batch_size, len(images)))
            aim = Aim(aims[rows], targets is not None, self.epsilon, self.norm, Loss(self.loss), self.seed)
            goals.append(Goal.of(plan, images[rows], aim, rows, counts))
        parts = list(self.pursue_all(goals, watch))
        path = _joined_paths([goal.path for goal in goals])
        return np.concatenate(parts), counts, path

    def _warn(self, counts: Counts) -> None:
        flat = int(counts.flat.sum())
        if flat and self.epsilon != 0:
            warnings.warn(
                f"{flat} of {len(counts.flat)} pictures have no gradient of the {self.loss} loss, and the attack has nothing to "
                "go by there: that they withstand it says nothing of the network",
                RuntimeWarning,
                stacklevel=3,
            )

    def pursue_all(self, goals: list[Goal], watch: Watch | None) -> Iterable[Any]:
        """The changed pictures of each batch. An attack that looks at all pictures together has one of its own."""
        shown: Iterable[Goal] = goals if watch is None else watch(goals, self.name, len(goals))
        for goal in shown:
            yield self.pursue(goal)

    def pursue(self, goal: Goal) -> Any:
        """One batch: the step, tried again on the pictures that withstood it."""
        best = goal.project(self.step(goal, goal.originals))
        for restart in range(1, self.restarts):
            left = np.flatnonzero(~goal.reached(goal.scores(best)))
            if not len(left):
                break
            again = goal.part(left)
            again.aim = dataclasses.replace(again.aim, restart=restart)
            best[left] = again.project(self.step(again, again.originals))
        return best


@dataclass(frozen=True)
class MinimalAttack(Attack):
    """An attack that looks for the smallest change by which the network errs.

    Pictures that it does not lead there stay as they were. With an `epsilon`, larger changes are cut to it, and the
    network may then be right again.
    """

    norms: ClassVar[tuple[str, ...]] = ("l2",)
    needs_epsilon: ClassVar[bool] = False
    uses_loss: ClassVar[bool] = False

    epsilon: float | None = None
    norm: str = "l2"

    def pursue(self, goal: Goal) -> Any:
        """One batch: of several tries the nearest pictures that reach the goal."""
        best, size = goal.originals.copy(), np.full(len(goal), np.inf)
        already = goal.reached(goal.scores(goal.originals))
        size[already] = 0
        rows = np.flatnonzero(~already)
        for restart in range(self.restarts if len(rows) else 0):
            part = goal.part(rows)
            part.aim = dataclasses.replace(part.aim, restart=restart)
            tried = np.clip(self.step(part, part.originals), 0, 1).astype(np.float32)
            found = norms.sizes(tried - part.originals, self.norm)
            better = part.reached(part.scores(tried)) & (found < size[rows])
            best[rows[better]], size[rows[better]] = tried[better], found[better]
        return goal.project(best)


def _joined_paths(paths: list[list[Any]]) -> Any:
    """(N, steps + 1, classes); batches that ended early stay where they were."""
    if not any(paths):
        return None
    longest = max(map(len, paths))
    return np.concatenate([np.stack([*path, *[path[-1]] * (longest - len(path))], axis=1) for path in paths])
