"""How often a network is wrong (lecture: top-1 and top-5 error)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data import Split
from ..errors import DataError, UsageError, cut, nearest
from ..limits import need_memory
from ..network import Network, probabilities, scores_in_views
from ..program import Loss, Program
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
    network.need_pictures()
    split = split.with_classes_of(network)
    loss = loss or Loss()
    need_memory(
        8 * network.classes**2, f"a table of {network.classes:,} by {network.classes:,} classes takes"
    )
    plan = network.program_for(len(split), batch_size)
    if len(split) and int(split.labels.max()) >= network.classes:
        raise DataError(
            f"a label is {int(split.labels.max())}, and the network has {network.classes} classes"
        )
    with ReadAhead(split.batches(plan.batch_size)) as ahead:
        batches: Iterable[Any] = ahead
        if watch is not None:
            batches = watch(batches, "evaluating", total=-(-len(split) // plan.batch_size))
        return evaluation_of(network.classes, _answers(network, plan, batches, loss, views))


def _answers(
    network: Network, plan: Program, batches: Iterable[Any], loss: Loss, views: str
) -> Iterator[tuple[Any, Any, Any, Any]]:
    for pictures, labels in batches:
        images = network.as_images(pictures)
        if views == "one":
            answers = plan.forward(images)
            yield labels, plan.output(plan.scores), answers, plan.losses(labels, loss)
        else:
            scores = scores_in_views(plan, images, views)
            yield labels, scores, probabilities(scores), plan.losses(labels, loss, scores)


def evaluation_of(classes: int, answers: Iterable[tuple[Any, Any, Any, Any]]) -> Evaluation:
    """The Evaluation of a network's answers, batch by batch: labels (n), scores and probabilities (n, classes), losses (n)."""
    confusion = np.zeros((classes, classes), np.int64)
    total, missed = 0.0, 0
    for labels, scores, probable, losses in answers:
        total += float(losses.sum(dtype=np.float64))
        np.add.at(confusion, (labels, probable.argmax(axis=1)), 1)
        missed += _outside_five(scores, probable, labels)
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
