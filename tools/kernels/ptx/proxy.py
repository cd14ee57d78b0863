"""What tells apart the two ways to shared memory: of threads, and of wgmma, which is another proxy of the PTX ISA.

wgmma sees what a thread wrote once that thread has passed a fence.proxy.async and then a barrier of the block; and it may read
at any time until it is waited for. Both are held to more strictly than they need be: a barrier of a warp is not enough.
"""

from __future__ import annotations

import numpy as np

from .arrays import Array

_NEVER = -1


class Proxy:
    """Of every word: since which barrier it is published, and how many products may still read it."""

    def __init__(self, words: int) -> None:
        self._published = np.full(words, _NEVER, np.int64)
        self._readers = np.zeros(words, np.int32)

    def written(self, words: Array) -> None:
        self._published[words] = _NEVER

    def publish(self, own: Array, barriers: Array) -> None:
        """Which words were written by threads that pass a fence, after so many barriers each."""
        some = own & (self._published == _NEVER)
        self._published[some] = barriers[some]

    def begin(self, words: Array) -> None:
        """A product reads these from now on."""
        np.add.at(self._readers, words, 1)

    def end(self, words: Array) -> None:
        np.add.at(self._readers, words, -1)

    def is_read(self, words: Array) -> Array:
        found: Array = self._readers[words] > 0
        return found

    def complaint(self, words: Array, written: Array, barriers: Array) -> str | None:
        """What is wrong with reading words by a product that begins after so many barriers."""
        published = self._published[words]
        if (written & (published == _NEVER)).any():
            return "a read of what was written with no fence.proxy.async behind it"
        if (written & (published >= barriers)).any():
            return "a read of what was published with no barrier between"
        return None
