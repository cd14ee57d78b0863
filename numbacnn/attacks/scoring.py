"""How often an attack succeeds, as its epsilon grows, and how sure that number is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import UsageError
from ..network import Images, Network
from . import norms
from .base import Attack
from .result import AttackResult, reached


@dataclass(frozen=True)
class SweepPoint:
    """The success of an attack with one epsilon, before and after rounding to 8 bits.

    The accuracies are shares of all pictures that are still classified rightly, `low` to `high` the 95 % confidence interval
    of the first; the rates are those of `AttackResult`: of the pictures that were right before, the share that no longer
    are or, with targets, that are taken for those.
    """

    epsilon: float
    adversarial_accuracy: float
    adversarial_accuracy_8bit: float
    success_rate: float
    success_rate_8bit: float
    low: float = float("nan")
    high: float = float("nan")


def wilson_interval(hits: int, count: int, z: float = 1.959964) -> tuple[float, float]:
    """The 95 % confidence interval of a share, from `hits` of `count` (Wilson, 1927); (nan, nan) of none."""
    if not count:
        return float("nan"), float("nan")
    share = hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * np.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return float(max(middle - half, 0)), float(min(middle + half, 1))


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
    """The same attack with one epsilon after the other.

    One that looks for the smallest change runs once: at each epsilon those count whose change is within it. Raises
    UsageError for an attack that has no epsilon.
    """
    if not attack.norms:
        raise UsageError(f"{attack.name} has no epsilon: there is nothing to sweep")
    epsilons = list(epsilons)
    if attack.needs_epsilon:
        for epsilon in epsilons:
            result = replace(attack, epsilon=epsilon).run(
                network, images, labels, targets, batch_size=batch_size
            )
            yield _point(epsilon, result)
        return
    checked = [replace(attack, epsilon=epsilon) for epsilon in epsilons]
    result = replace(attack, epsilon=None).run(network, images, labels, targets, batch_size=batch_size)
    for each in checked:
        assert each.epsilon is not None
        yield _point(each.epsilon, _within(result, each.epsilon))


def _within(result: AttackResult, epsilon: float) -> AttackResult:
    """As if the pictures whose change is larger than epsilon had been left as they were."""
    large = norms.sizes(result.changes, result.norm) > epsilon
    rounded = norms.sizes(result.eight_bit / np.float32(255) - result.originals, result.norm)
    # Rounding may lengthen a change a little: it is told by the change that was meant.
    return replace(
        result,
        after=np.where(large[:, None], result.before, result.after),
        after_eight_bit=np.where((large | (rounded == 0))[:, None], result.before, result.after_eight_bit),
    )


def _point(epsilon: float, result: AttackResult) -> SweepPoint:
    right = int((~reached(result.after, result.labels)).sum())
    low, high = wilson_interval(right, len(result.labels))
    return SweepPoint(
        epsilon,
        result.adversarial_accuracy,
        result.adversarial_accuracy_8bit,
        result.success_rate,
        result.success_rate_8bit,
        low,
        high,
    )
