"""What an attack did to a set of pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class AttackResult:
    """N pictures before and after.

    originals, images: (N,H,W,C) float32 in [0, 1]; eight_bit: the images as a PNG keeps them, uint8;
    labels, targets: (N,), None where the attack had no targets; before, after, after_eight_bit: (N, classes)
    probabilities.
    """

    epsilon: float
    originals: Any
    images: Any
    eight_bit: Any
    labels: Any
    targets: Any | None
    before: Any
    after: Any
    after_eight_bit: Any

    @property
    def changes(self) -> Any:
        """(N,H,W,C), images - originals."""
        return self.images - self.originals

    @property
    def clean_accuracy(self) -> float:
        return accuracy(self.before, self.labels)

    @property
    def adversarial_accuracy(self) -> float:
        return accuracy(self.after, self.labels)

    @property
    def adversarial_accuracy_8bit(self) -> float:
        return accuracy(self.after_eight_bit, self.labels)

    @property
    def success_rate(self) -> float:
        """`success` of the float pictures."""
        return success(self.before, self.after, self.labels, self.targets)

    @property
    def success_rate_8bit(self) -> float:
        """`success` of the rounded pictures."""
        return success(self.before, self.after_eight_bit, self.labels, self.targets)


def accuracy(probabilities: Any, labels: Any) -> float:
    """The share of pictures whose label has the largest probability."""
    return float((probabilities.argmax(axis=1) == labels).mean())


def success(before: Any, after: Any, labels: Any, targets: Any | None = None) -> float:
    """The share of rightly classified pictures that no longer are; with targets, that are taken for those.

    NaN if there is none to attack: none was right before or, with targets, none has another label.
    """
    attacked = before.argmax(axis=1) == labels
    if targets is not None:
        attacked &= targets != labels
    if not attacked.any():
        return float("nan")
    now = after[attacked].argmax(axis=1)
    fooled = now != labels[attacked] if targets is None else now == targets[attacked]
    return float(fooled.mean())
