"""A network's answers for every picture of a set, and which of them are wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from ..errors import DataError
from ..network import Network


class Answers(NamedTuple):
    """The answers for N pictures, each array (N,): the true class, the class that they are taken for and its probability, the true class's
    probability, and how many classes have scores at least as high as the true class's. `classes` are all that there are.
    """

    labels: Any
    predicted: Any
    confidence: Any
    truth: Any
    better: Any
    classes: int

    @property
    def top1_error(self) -> float:
        """The share of pictures that are taken for another class."""
        return float(np.mean(self.predicted != self.labels))

    @property
    def top5_error(self) -> float:
        """The share of pictures whose class is not among the best five; of fewer than six classes none."""
        return float(np.mean(self.better >= 5)) if self.classes > 5 else 0.0

    @property
    def confusion(self) -> Any:
        """[true class, predicted class] counts pictures."""
        counts = np.zeros((self.classes, self.classes), np.int64)
        np.add.at(counts, (self.labels, self.predicted), 1)
        return counts

    def worst(self, count: int) -> Any:
        """Indices of the mistakes that the network is surest of, the surest first."""
        wrong = np.flatnonzero(self.predicted != self.labels)
        return wrong[np.argsort(-self.confidence[wrong], kind="stable")][:count]


def answers(network: Network, batches: Iterable[tuple[Any, Any]]) -> Answers:
    """A network's answers for labelled pictures, (pictures, labels) as `Split.batches` yields them.

    Raises DataError if none comes, or for labels that are no classes of the network.
    """
    found: list[tuple[Any, ...]] = []
    for given, labels in batches:
        images = network.as_images(given)
        own = network.as_labels(labels, len(images))
        plan = network.program_for(len(images), len(images))
        for start in range(0, len(images), plan.batch_size):
            now = slice(start, start + plan.batch_size)
            probabilities = plan.forward(images[now])
            scores, classes, rows = plan.output(plan.scores), own[now], np.arange(len(own[now]))
            predicted = probabilities.argmax(axis=1)
            better = (scores >= scores[rows, classes][:, None]).sum(axis=1) - 1
            found.append(
                (classes, predicted, probabilities[rows, predicted], probabilities[rows, classes], better)
            )
    if not found:
        raise DataError("no pictures to look at")
    labels, predicted, confidence, truth, better = map(np.concatenate, zip(*found, strict=True))
    return Answers(labels, predicted, confidence, truth, better, network.classes)
