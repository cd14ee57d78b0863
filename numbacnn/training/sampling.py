"""Which pictures each step of a run sees, and how they look to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np

from ..data import Split
from .augmentation import Augmentation


@dataclass(frozen=True)
class Batch:
    """Changed pictures (n,H,W,C), floats in [0, 255], with their labels and their indices in the split (n)."""

    pixels: Any
    labels: Any
    indices: Any


def batches(
    split: Split, augmentation: Augmentation, buffers: Any, seed: int, epochs: range, first: int
) -> Iterator[Batch]:
    """Every batch of `epochs`, whose pictures (seed, epoch) shuffles; `first` of the first epoch are left out.

    `buffers` (count, batch size, H, W, C) are filled in turns: a batch is good while fewer than `count` others follow.
    Raises DataError for pictures that cannot be read.
    """
    turns, size = cycle(buffers), buffers.shape[1]
    for epoch in epochs:
        order = np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, epoch, 1])).permutation(
            len(split)
        )
        for start in range(first * size, len(split), size):
            # In the order in which they are stored: a file is then read forwards.
            indices = np.sort(order[start : start + size])
            pixels = next(turns)[: len(indices)]
            augmentation.fill(pixels, split.read(indices), epoch, indices)
            yield Batch(pixels, split.labels[indices], indices)
        first = 0
