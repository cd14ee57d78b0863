"""Which pictures each step of a run sees."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..data import Split
from .input_pipeline import Batch, InputPipeline


def batches(
    split: Split, pipeline: InputPipeline, size: int, seed: int, epochs: range, first: int
) -> Iterator[Batch]:
    """Every batch of `size` pictures of `epochs`, prepared by `pipeline`; (seed, epoch) shuffles them, and `first` of the
    first epoch are left out. Raises DataError for pictures that cannot be read.
    """
    for epoch in epochs:
        order = order_of(len(split), size, seed, epoch)
        for start in range(first * size, len(split), size):
            indices = order[start : start + size]
            yield pipeline.prepare(split.read(indices), split.labels[indices], epoch, indices)
        first = 0


def order_of(count: int, size: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """The indices (count,) of an epoch's pictures, batch after batch, each in the order in which its pictures are stored: a
    file is then read forwards.
    """
    order = np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, epoch, 1])).permutation(count)
    whole = count - count % size
    order[:whole].reshape(-1, size).sort(axis=1)
    order[whole:].sort()
    return order
