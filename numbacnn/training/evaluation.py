"""How often a network is wrong (lecture: top-1 and top-5 error)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data import Split
from ..errors import DataError, UsageError, cut, nearest
from ..limits import need_memory
from ..network import Network, probabilities, scores_in_views
from ..program import Loss
from ..views import VIEWS
from .prefetch import ReadAhead

EVALUATION_BATCH = 256
"""Pictures at a time."""
Watch = Callable[..., Iterable[Any]]
"""Given the batches, a description and their number, gives the batches back: a progress bar."""


@dataclass(frozen=True)
class Evaluation:
    """Errors are shares, 0 to 1. `confusion[t, p]` counts pictures of class t taken for class p."""

    top1_error: float
    top5_error: float
    loss: float
    images: int
    confusion: Any

    @property
    def per_class_error(self) -> list[float | None]:
        """Top-1 error of each class; None of one without pictures."""
        counts = self.confusion.sum(axis=1)
        right = np.diag(self.confusion)
        return [
            int(count - hit) / int(count) if count else None for hit, count in zip(right, counts, strict=True)
        ]


def evaluate(
    network: Network,
    split: Split,
    *,
    loss: Loss | None = None,
    batch_size: int = EVALUATION_BATCH,
    watch: Watch | None = None,
    views: str = "one",
) -> Evaluation:
    """The network's errors and mean loss over a split, whose pictures are brought to its size (`Network.as_images`).

    Its classes are the network's of the same names (`Split.with_classes_of`). With fewer than six classes top-5 error is
    0; a class that is among the best five only by luck, as scores are equal, is not. `views`: how often each picture is
    seen (`Network.predict`). Raises DataError for classes that the network does not know, UsageError for unknown views.
    """
    if views not in VIEWS:
        raise UsageError(f"unknown views '{cut(views)}'{nearest(views, VIEWS)}")
    split = split.with_classes_of(network)
    loss = loss or Loss()
    need_memory(
        8 * network.classes**2, f"a table of {network.classes:,} by {network.classes:,} classes takes"
    )
    plan = network.program_for(len(split), batch_size)
    confusion = np.zeros((network.classes, network.classes), np.int64)
    total, missed = 0.0, 0
    if len(split) and int(split.labels.max()) >= network.classes:
        raise DataError(
            f"a label is {int(split.labels.max())}, and the network has {network.classes} classes"
        )
    with ReadAhead(split.batches(plan.batch_size)) as ahead:
        batches: Iterable[Any] = ahead
        if watch is not None:
            batches = watch(batches, "evaluating", total=-(-len(split) // plan.batch_size))
        for pictures, labels in batches:
            images, averaged = network.as_images(pictures), None
            if views == "one":
                answers = plan.forward(images)
            else:
                averaged = scores_in_views(plan, images, views)
                answers = probabilities(averaged)
            total += float(plan.losses(labels, loss, averaged).sum(dtype=np.float64))
            np.add.at(confusion, (labels, answers.argmax(axis=1)), 1)
            scores = plan.output(plan.scores) if averaged is None else averaged
            missed += _outside_five(scores, answers, labels)
    images = int(confusion.sum())
    return Evaluation(
        top1_error=(images - int(np.trace(confusion))) / images,
        top5_error=missed / images,
        loss=total / images,
        images=images,
        confusion=confusion,
    )


def _outside_five(scores: Any, probabilities: Any, labels: Any) -> int:
    """How many labels are not among their picture's five best classes.

    Scores are compared, as the probabilities of a network that is very sure are all 0 but one. Of classes with equal
    scores, or scores that are no numbers, those that might be the sixth do not count, unless it is the class that the
    network names first.
    """
    own = scores[np.arange(len(labels)), labels]
    as_good = np.sum(~(scores < own[:, None]), axis=1)
    return int(((as_good > 5) & (probabilities.argmax(axis=1) != labels)).sum())
