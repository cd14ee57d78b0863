"""How often an attack succeeds, as its epsilon grows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ..network import Images, Network
from .base import Attack


@dataclass(frozen=True)
class SweepPoint:
    """What an attack reaches with one epsilon, before and after rounding to 8 bits.

    The accuracies are shares of all pictures that are still classified rightly; the rates are those of `AttackResult`:
    of the pictures that were right before, the share that no longer are or, with targets, that are taken for those.
    """

    epsilon: float
    adversarial_accuracy: float
    adversarial_accuracy_8bit: float
    success_rate: float
    success_rate_8bit: float


def sweep(
    attack: Attack,
    network: Network,
    images: Images,
    labels: Any,
    epsilons: Iterable[float],
    targets: Any = None,
    *,
    batch_size: int = 64,
) -> Iterator[SweepPoint]:
    """The same attack with one epsilon after the other."""
    for epsilon in epsilons:
        result = replace(attack, epsilon=epsilon).run(network, images, labels, targets, batch_size=batch_size)
        yield SweepPoint(
            epsilon,
            result.adversarial_accuracy,
            result.adversarial_accuracy_8bit,
            result.success_rate,
            result.success_rate_8bit,
        )
