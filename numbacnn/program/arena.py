"""Places for a Program's arrays in one block of memory: arrays that are never in use together share it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

ALIGNMENT = 64
"""Bytes: a cache line, and the longest vector."""
Key = TypeVar("Key", bound=Hashable)


class Block(NamedTuple):
    """`size` bytes that are in use from one moment to another, both included."""

    size: int
    born: float
    dies: float


def layout(blocks: Mapping[Key, Block]) -> tuple[dict[Key, int], int]:
    """Every block's offset, and the bytes in all: the largest first, each at the lowest place that is free while it
    lives (Pisarchyk and Lee, 2020, "Efficient Memory Management for Deep Neural Net Inference": greedy by size).
    """
    offsets: dict[Key, int] = {}
    # What is placed, in the order of its offsets: thousands of layers have tens of thousands of blocks.
    placed = np.empty((4, len(blocks)))
    total = 0
    for count, (key, block) in enumerate(sorted(blocks.items(), key=lambda item: -item[1].size)):
        size = -(-block.size // ALIGNMENT) * ALIGNMENT
        starts, ends, born, dies = placed[:, :count]
        together = (born <= block.dies) & (block.born <= dies)
        offset = _lowest_gap(starts[together], ends[together], size)
        place = int(np.searchsorted(starts, offset))
        placed[:, place + 1 : count + 1] = placed[:, place:count]
        placed[:, place] = offset, offset + size, block.born, block.dies
        offsets[key] = offset
        total = max(total, offset + size)
    return offsets, total


def _lowest_gap(starts: NDArray[np.float64], ends: NDArray[np.float64], size: int) -> int:
    """The lowest place for `size` bytes between blocks in the order of their starts, or after them."""
    if not len(starts):
        return 0
    free_from = np.concatenate(([0.0], np.maximum.accumulate(ends)))
    fits = starts - free_from[:-1] >= size
    return int(free_from[int(fits.argmax())] if fits.any() else free_from[-1])
