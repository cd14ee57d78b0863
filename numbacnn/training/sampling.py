"""Which pictures each step of a run sees."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..data import Split
from .intake import Batch, Intake


def batches(split: Split, intake: Intake, size: int, seed: int, epochs: range, first: int) -> Iterator[Batch]:
    """Every batch of `size` pictures of `epochs`, prepared by `intake`; (seed, epoch) shuffles them, and `first` of the
    first epoch are left out. Raises DataError for pictures that cannot be read.
    """
    for epoch in epochs:
        order = np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, epoch, 1])).permutation(
            len(split)
        )
        for start in range(first * size, len(split), size):
            # In the order in which they are stored: a file is then read forwards.
            indices = np.sort(order[start : start + size])
            yield intake.prepare(split.read(indices), split.labels[indices], epoch, indices)
        first = 0
