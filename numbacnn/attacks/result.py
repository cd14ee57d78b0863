"""The result of an attack on a set of pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import norms


@dataclass(frozen=True)
class AttackResult:
    """N pictures before and after.

    originals, images: (N,H,W,C) float32 in [0, 1]; eight_bit: the images as a PNG keeps them, uint8;
    labels, targets: (N,), None where the attack had no targets; before, after, after_eight_bit: (N, classes)
    probabilities. epsilon None: the attack looked for the smallest change. gradients, scores: (N,) passes back and
    forward that the attack took; flat: (N,) whether a picture had no gradient; path: (N, steps + 1, classes)
    probabilities along the way, of attacks that show it.
    """

    epsilon: float | None
    originals: Any
    images: Any
    eight_bit: Any
    labels: Any
    targets: Any | None
    before: Any
    after: Any
    after_eight_bit: Any
    norm: str = "linf"
    gradients: Any = None
    scores: Any = None
    flat: Any = None
    path: Any = None

    @property
    def changes(self) -> Any:
        """(N,H,W,C), images - originals."""
        return self.images - self.originals

    @property
    def attacked(self) -> Any:
        """(N,), the pictures that rates are counted on (`success`)."""
        return attacked(self.before, self.labels, self.targets)

    @property
    def fooled(self) -> Any:
        """(N,), those of them with which the attack succeeded, as floats."""
        return self.attacked & reached(self.after, self.labels, self.targets)

    @property
    def norms(self) -> dict[str, float]:
        """The median change in L0, L1, L2 and Linf (`attacks.norms`) of the pictures that were changed; NaN if none was."""
        changed = self.changes[norms.sizes(self.changes, "linf") > 0]
        return {
            norm: float(np.median(norms.sizes(changed, norm))) if len(changed) else float("nan")
            for norm in ("l0", "l1", "l2", "linf")
        }

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
    chosen = attacked(before, labels, targets)
    if not chosen.any():
        return float("nan")
    return float(reached(after, labels, targets)[chosen].mean())


def attacked(before: Any, labels: Any, targets: Any | None = None) -> Any:
    """(N,), the pictures that were classified rightly and, with targets, have another label than the target."""
    chosen = before.argmax(axis=1) == labels
    return chosen if targets is None else chosen & (targets != labels)


def reached(after: Any, labels: Any, targets: Any | None = None) -> Any:
    """(N,), the pictures that are taken for another class than their label's; with targets, for those."""
    now = after.argmax(axis=1)
    return now != labels if targets is None else now == targets


def eight_bit(originals: Any, moved: Any, epsilon: float | None) -> Any:
    """Float pictures rounded as a PNG keeps them: uint8.

    Where the originals had 8 bits, rounding does not lead out of the Linf ball of an `epsilon`: the change is at most the
    whole levels in it, so an epsilon below 1/255 leaves nothing.
    """
    levels = np.rint(moved * np.float32(255))
    if originals.dtype == np.uint8 and epsilon is not None:
        whole = np.floor(epsilon * 255 + 1e-6)
        levels = np.clip(levels, originals - whole, originals + whole)
    return levels.astype(np.uint8)
