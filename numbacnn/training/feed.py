"""Feeds: they bring batches to training steps, one at a time from a thread that reads, or from where the whole set lies."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np

from ..data import Split
from ..device import Array
from ..limits import need_memory
from ..program import Program
from . import sampling
from .augmentation import Augmentation
from .input_pipeline import PIPELINES, Batch
from .prefetch import PLACES, ReadAhead
from .resident import EpochFeed
from .settings import Settings
from .state import State
from .step import TrainingStep

_SPARE = 8
"""A part of a GPU's free memory, one in so many, is left for what is compiled and recorded; of the host's, a training set's pictures
take no more than that.
"""


class Feed(Protocol):
    """The batches of a run, and a training step on each."""

    bytes: int
    """Bytes that the feed takes beside the program."""

    def take(self) -> None:
        """Allocates its `bytes`. Raises NotEnoughMemory."""

    def batches(self, epochs: range, first: int) -> AbstractContextManager[Iterator[Batch]]:
        """All that the epochs have yet to see; `first` batches of the first one have been seen. Raises DataError for pictures
        that cannot be read.
        """

    def step(
        self, batch: Batch, state: State, rate: Callable[[int], float], metrics: Array, *, last: bool
    ) -> None:
        """A step on the next batch, or its `steps`, of which the epoch has `state.batch` behind it; `rate`: the learning rate of
        a batch of this epoch. `last`: of the epoch.
        """


class BatchFeed:
    """A thread of the host reads batches ahead; each goes to the device in its turn (training.input_pipeline)."""

    def __init__(
        self, program: Program, step: TrainingStep, split: Split, changes: Augmentation, settings: Settings
    ) -> None:
        self._program, self._step, self._split, self._changes = program, step, split, changes
        self._seed = settings.seed
        self.bytes = (
            PLACES
            * program.batch_size
            * math.prod(program.graph.input_shape)
            * np.dtype(program.graph.dtype).itemsize
        )

    def take(self) -> None:
        need_memory(self.bytes, f"{PLACES} batches of pictures that are read ahead take", by_pictures=True)
        self._pipeline = PIPELINES[self._program.device.name](self._program, self._changes, PLACES)

    def batches(self, epochs: range, first: int) -> AbstractContextManager[Iterator[Batch]]:
        size = self._program.batch_size
        return ReadAhead(sampling.batches(self._split, self._pipeline, size, self._seed, epochs, first))

    def step(
        self, batch: Batch, state: State, rate: Callable[[int], float], metrics: Array, *, last: bool
    ) -> None:
        self._pipeline.load(batch)
        self._program.set_random(self._seed, state.step)
        self._step(rate(state.batch), metrics, last=last)


def feed_for(
    program: Program,
    step: TrainingStep,
    split: Split,
    changes: Augmentation,
    settings: Settings,
    beside: Program | None,
) -> Feed:
    """From the device, if that has memory of its own: the whole split if there is room for it beside the program and another
    one, else a part of it at a time. On the CPU from memory, if the split lies there.
    """
    parts: tuple[Any, ...] = program, step, split, changes, settings
    free = program.device.free_bytes()
    if settings.adversarial != "none" or free is None:  # such steps change what the host can see
        return BatchFeed(*parts)
    if not program.device.own_memory:
        feed = EpochFeed(*parts) if split.in_memory else None
        return BatchFeed(*parts) if feed is None or feed.bytes > free // _SPARE else feed
    room = free - free // _SPARE - program.bytes - (0 if beside is None else beside.bytes)
    for ring in (None, room // 2):
        feed = EpochFeed(*parts, ring=ring)
        if feed.bytes <= room:
            return feed
    return BatchFeed(*parts)
