"""Where a Plan's buffers lie: those that are never alive together share memory."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import NamedTuple, TypeVar

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
    total = 0
    for key, block in sorted(blocks.items(), key=lambda item: -item[1].size):
        size = -(-block.size // ALIGNMENT) * ALIGNMENT
        together = [other for other in offsets if _meet(blocks[other], block)]
        offset = 0
        for start, other in sorted((offsets[other], blocks[other]) for other in together):
            if start - offset >= size:
                break
            offset = max(offset, start + -(-other.size // ALIGNMENT) * ALIGNMENT)
        offsets[key] = offset
        total = max(total, offset + size)
    return offsets, total


def _meet(one: Block, other: Block) -> bool:
    return one.born <= other.dies and other.born <= one.dies
