"""The threads that run at once: those of one block or of several, in lockstep."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from .arrays import Array
from .errors import FaultError
from .memory import WARP, GlobalMemory, LocalMemory, SharedMemory

WARPGROUP = 4 * WARP


class Active:
    """Which of the threads an instruction is for; `where` is True for all."""

    def __init__(self, where: Array | bool) -> None:
        self.where = where

    @cached_property
    def lanes(self) -> Any:
        """To index an array of all threads with."""
        return slice(None) if self.where is True else np.flatnonzero(self.where)

    def those(self, predicate: Array, *, negated: bool = False) -> Active:
        own = ~predicate if negated else predicate
        return Active(own if self.where is True else own & self.where)

    def whole_warps(self, count: int, what: str) -> Array:
        """The warps that take part. Raises FaultError if of one only some threads do."""
        return self._whole(count, WARP, "warp", what)

    def whole_warpgroups(self, count: int, what: str) -> Array:
        return self._whole(count, WARPGROUP, "warpgroup", what)

    def _whole(self, count: int, size: int, kind: str, what: str) -> Array:
        if self.where is True:
            return np.arange(count // size)
        taking_part = np.asarray(self.where).reshape(-1, size).sum(axis=1)
        if ((taking_part > 0) & (taking_part < size)).any():
            some = int(taking_part[(taking_part > 0) & (taking_part < size)][0])
            raise FaultError(f"{what} by {some} of a {kind}'s {size} threads: the others are elsewhere")
        return np.flatnonzero(taking_part)


class Threads:
    """What they hold and reach."""

    def __init__(
        self,
        memory: GlobalMemory,
        shared: SharedMemory,
        local: LocalMemory,
        parameters: Array,
        blocks: Array,
        per_block: int,
    ) -> None:
        self.memory, self.shared, self.local, self.parameters = memory, shared, local, parameters
        self.count = len(blocks) * per_block
        self.block = np.repeat(np.arange(len(blocks)), per_block)
        """Of those that run at once, which one a thread is of."""
        self.thread = np.tile(np.arange(per_block), len(blocks))
        self.block_number = np.repeat(blocks, per_block).astype(np.int32)
        """Of all blocks of the launch."""
        self.stamps = self.thread.astype(np.int64)
        self.copies = Copies(self.count)
        self.per_block = per_block
        self.products = Products(self.count // WARPGROUP)
        self.values: list[Array] = []
        """By place (registers.py)."""

    def held(self, place: int) -> Array:
        """What each thread holds there, a constant included."""
        values = self.values[place]
        return values if values.ndim else np.broadcast_to(values, self.count)


class Copies:
    """Asynchronous ones that have not been waited for."""

    def __init__(self, count: int) -> None:
        self.groups = np.zeros(count, np.int64)
        """How many each thread has committed."""
        self.open: list[tuple[Array, Array, Array, Array]] = []
        """(threads, their groups, words of shared memory, what these will hold)."""


class Begun(NamedTuple):
    """A product that a warpgroup has begun, in its group so and so, and the words that it reads."""

    warpgroup: int
    group: int
    words: Array


class Sums(NamedTuple):
    """(warpgroups, 64, columns) that registers will hold: while they are in flight nobody knows what those hold. `group`: of the
    last product that adds to them.
    """

    values: Array
    in_flight: Array
    group: Array


class Products:
    """Of warpgroups, that have not been waited for."""

    def __init__(self, warpgroups: int) -> None:
        self.groups = np.zeros(warpgroups, np.int64)
        """How many each has committed."""
        self.fenced = np.zeros(warpgroups, bool)
        """Whether it has passed a wgmma.fence since it waited."""
        self.begun: list[Begun] = []
        self.sums: dict[tuple[int, ...], Sums] = {}
        """By the registers (their places) that hold them."""


Run = Callable[[Threads, Active], None]
