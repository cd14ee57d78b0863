"""Training the last layers of a network on what the layers before them, which do not learn, put out: it is computed once.

A file holds it (storage.features): a row a training picture, then, where pictures are flipped, a row a training picture
mirrored, then a row a validation picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from ..data import Dataset, Split
from ..device import Array
from ..errors import DataError
from ..network import Network
from ..program import Loss, Program
from ..storage.features import StoredFeatures, write_features
from ..tails import tail
from .evaluation import Evaluation, Watch, evaluation_of
from .input_pipeline import Batch
from .prefetch import ReadAhead
from .sampling import order_of
from .settings import Settings
from .state import State
from .step import TrainingStep

AT_A_TIME = 32
"""Pictures whose features are computed together."""


class FixedFeatures:
    """The features of a data set's pictures at a node of a network, from a file.

    Raises DataError if the file is damaged, or of other pictures or another layer.
    """

    def __init__(self, path: Path, network: Network, node: str, dataset: Dataset, *, mirrored: bool) -> None:
        self.node, self.mirrored = node, mirrored
        self._stored = StoredFeatures(path)
        self.count = len(dataset.train)
        self.validation = None if dataset.validation is None else len(dataset.validation)
        self.labels = dataset.train.labels
        shape = network.graph.shapes[node]
        expected = _record(node, dataset, mirrored)
        if self._stored.record != expected or self._stored.shape[1] != math.prod(shape):
            raise DataError(
                f"{path} holds features of other pictures or another layer: {self._stored.record}"
            )
        self.graph, self.given = tail(network.graph, node)
        self._shape = self.graph.shapes[self.given]

    def read(self, indices: Any, flipped: Any) -> Any:
        """The features (n,H,W,C) of training pictures, or of their mirror images where `flipped`."""
        return self._rows(np.asarray(indices) + np.where(flipped, self.count, 0))

    def _rows(self, places: Any) -> Any:
        return self._stored.read(places).reshape(-1, *self._shape)

    def evaluate(self, program: Program, loss: Loss, labels: Any) -> Evaluation:
        """Errors and mean loss over the validation pictures, whose labels are given."""
        first = self.count * (2 if self.mirrored else 1)

        def answers() -> Iterator[tuple[Any, Any, Any, Any]]:
            for start in range(0, len(labels), program.batch_size):
                own = labels[start : start + program.batch_size]
                rows = self._rows(np.arange(first + start, first + start + len(own)))
                found = program.forward(others={self.given: rows})
                yield own, program.output(program.scores), found, program.losses(own, loss)

        return evaluation_of(self.graph.shapes[self.graph.output.name][0], answers())


def write_fixed_features(
    path: Path, network: Network, node: str, dataset: Dataset, *, mirrored: bool, watch: Watch
) -> None:
    """Computes and writes the features of a data set's pictures at a node, for `FixedFeatures`."""
    parts = [(dataset.train, False), *([(dataset.train, True)] if mirrored else [])]
    if dataset.validation is not None:
        parts.append((dataset.validation, False))
    labels = np.concatenate([split.labels for split, _ in parts])
    batches = sum(-(-len(split) // AT_A_TIME) for split, _ in parts)
    rows = watch(_computed(network, node, parts), "computing features", total=batches)
    shape = (len(labels), math.prod(network.graph.shapes[node]))
    write_features(path, rows, shape, labels, _record(node, dataset, mirrored))


def _computed(network: Network, node: str, parts: list[tuple[Split, bool]]) -> Iterator[Any]:
    for split, flipped in parts:
        with ReadAhead(split.batches(AT_A_TIME)) as batches:
            for pictures, _ in batches:
                images = network.as_images(pictures)
                images = np.ascontiguousarray(images[:, :, ::-1]) if flipped else images
                yield network.activations(images, node, AT_A_TIME).reshape(len(images), -1)


def _record(node: str, dataset: Dataset, mirrored: bool) -> dict[str, Any]:
    counts = {name: len(split) for name, split in dataset.splits.items() if name != "test"}
    return {"layer": node, "pictures": counts, "mirrored": mirrored, "data": dataset.name}


class FeatureFeed:
    """See `training.feed.Feed`: a thread reads the features of the next batches."""

    def __init__(
        self, program: Program, step: TrainingStep, features: FixedFeatures, settings: Settings
    ) -> None:
        self._program, self._step, self._features, self._settings = program, step, features, settings
        self.bytes = 0

    def take(self) -> None:
        """There is nothing to allocate."""

    def batches(self, epochs: range, first: int) -> AbstractContextManager[Iterator[Batch]]:
        return ReadAhead(self._prepared(epochs, first))

    def _prepared(self, epochs: range, first: int) -> Iterator[Batch]:
        size, count, seed = self._program.batch_size, self._features.count, self._settings.seed
        for epoch in epochs:
            order = order_of(count, size, seed, epoch)
            generator = np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, epoch, 2]))
            flipped = (generator.random(count) < 0.5) & self._features.mirrored
            for start in range(first * size, count, size):
                indices = order[start : start + size]
                rows = self._features.read(indices, flipped[indices])
                yield Batch(rows, self._features.labels[indices], indices)
            first = 0

    def step(
        self, batch: Batch, state: State, rate: Callable[[int], float], metrics: Array, *, last: bool
    ) -> None:
        program = self._program
        program.load(others={self._features.given: batch.pictures})
        program.device.write(program.labels, batch.labels)
        program.set_random(self._settings.seed, state.step)
        self._step(rate(state.batch), metrics, last=last)
