"""The smallest epsilon with which an attack fools a network, picture by picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import UsageError, need_whole
from ..network import Images, Network
from . import norms
from .base import Attack, Watch
from .result import attacked, reached


@dataclass(frozen=True)
class SmallestEpsilons:
    """epsilons: (N,) in `norm`, inf where the attack did not succeed within `most`, nan of pictures that are not counted
    (`result.attacked`). images: (N,H,W,C) the pictures changed so much.
    """

    epsilons: Any
    images: Any
    norm: str
    most: float

    @property
    def median(self) -> float:
        """The median over the pictures that are counted; inf where most withstood."""
        counted = self.epsilons[~np.isnan(self.epsilons)]
        return float(np.median(counted)) if len(counted) else float("nan")


def smallest_epsilons(
    attack: Attack,
    network: Network,
    images: Images,
    labels: Any,
    targets: Any = None,
    *,
    most: float | None = None,
    halvings: int = 7,
    batch_size: int = 64,
    watch: Watch | None = None,
) -> SmallestEpsilons:
    """The size of the smallest change that an attack finds; for an attack with an epsilon, the smallest epsilon of a grid that
    succeeds, found by bisection: 2**halvings steps up to `most` (the attack's own epsilon times 4, if None).

    Raises UsageError for an attack without epsilon.
    """
    need_whole("halvings", halvings, 1, 20)
    if not attack.norms:
        raise UsageError(f"{attack.name} has no epsilon: there is no smallest one")
    images = network.as_images(images)
    labels = network.as_labels(labels, len(images))
    targets = attack.targets_of(network, images, labels, targets, batch_size)
    before = network.predict(images, batch_size)
    counted = attacked(before, labels, targets)
    found = np.full(len(images), np.nan)
    if not attack.needs_epsilon:
        result = replace(attack, epsilon=most).run(
            network, images, labels, targets, batch_size=batch_size, watch=watch
        )
        size = norms.sizes(result.changes, attack.norm)
        found[counted] = np.where(result.fooled, size, np.inf)[counted]
        return SmallestEpsilons(found, result.images, attack.norm, np.inf if most is None else most)
    if most is None:
        most = 4 * float(attack.epsilon or 0)
        most = min(most, 1.0) if attack.norm == "linf" else most
    steps = 2**halvings
    best = np.asarray(replace(attack, epsilon=0.0)(network, images, labels, targets, batch_size=batch_size))
    low, high = np.zeros(len(images), np.int64), np.full(len(images), steps + 1)
    rounds: Any = range(halvings + 1)
    for turn in rounds if watch is None else watch(rounds, attack.name, halvings + 1):
        middle = np.full(len(images), steps) if turn == 0 else (low + high) // 2
        open_ = counted & (high - low > 1) if turn else counted
        for step in np.unique(middle[open_]):
            rows = np.flatnonzero(open_ & (middle == step))
            tried = replace(attack, epsilon=float(most * step / steps))(
                network, images[rows], labels[rows], None if targets is None else targets[rows],
                batch_size=batch_size,
            )  # fmt: skip
            after = network.predict(tried, batch_size)
            ok = reached(after, labels[rows], None if targets is None else targets[rows])
            best[rows[ok]] = tried[ok]
            high[rows[ok]] = step
            low[rows[~ok]] = step
    found[counted] = np.where(high <= steps, most * high / steps, np.inf)[counted]
    return SmallestEpsilons(found, best, attack.norm, most)
