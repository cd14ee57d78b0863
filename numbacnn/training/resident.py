"""Training where the pictures lie in the device's memory: a step is what is recorded there, and nothing comes from Python.

On a GPU the host launches a step at a time. On the CPU several steps are one call of machine code, as many as take no time
that anybody would notice.

All that differs from step to step is a row of numbers: the key and number of the step for what is random, the learning rate,
and, of each picture, where it lies, its label and the changes drawn for it. The rows of an epoch are written on the host, while
the epoch before runs, and go over in one copy. Every step takes its row by a counter on the device, which it raises.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..data import Split
from ..device import Array, Channel
from ..limits import need_memory
from ..ops import augmentation, batches
from ..program import Program
from . import sampling
from .augmentation import Augmentation
from .held import Held, Ring, WholeSplit
from .input_pipeline import Batch, room_to_distort
from .prefetch import PLACES, ReadAhead
from .settings import Settings
from .state import State
from .step import TrainingStep

_AT_ONCE = 0.02
"""Seconds that steps may take which follow each other without Python."""
_MOST = 64
"""The most such steps, fewer than `training.step_metrics` has rows for."""
_WORD = 8
"""Bytes: a field begins at a multiple of them."""


class _Field(NamedTuple):
    """Some numbers of a row: where they lie, in bytes."""

    first: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def last(self) -> int:
        return self.first + math.prod(self.shape) * self.dtype.itemsize


class Layout:
    """The fields of a row, by name; arrays of a batch have room for a full batch."""

    def __init__(self, fields: dict[str, tuple[tuple[int, ...], Any]]) -> None:
        self._fields: dict[str, _Field] = {}
        end = 0
        for name, (shape, dtype) in fields.items():
            self._fields[name] = field = _Field(end, shape, np.dtype(dtype))
            end = -(-field.last // _WORD) * _WORD
        self.bytes = end

    def columns(self, rows: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """Name -> (R, …), views of rows (R, bytes) of the host."""
        return {
            name: rows[:, field.first : field.last].view(field.dtype).reshape(len(rows), *field.shape)
            for name, field in self._fields.items()
        }

    def arrays(self, row: Array) -> dict[str, Array]:
        """Name -> array, views of one row (bytes,) uint8 of the device."""
        return {
            name: row[field.first : field.last].view(field.dtype).reshape(field.shape)
            for name, field in self._fields.items()
        }


class _News(NamedTuple):
    """What the host has for the device before a step."""

    table: NDArray[np.uint8] | None
    """Of an epoch, before the first step of it."""
    pictures: Channel | None


class EpochFeed:
    """See `training.feed.Feed`. All pictures of the split lie on the device or, in a ring of at most so many bytes, those of the
    next batches.
    """

    def __init__(
        self,
        program: Program,
        step: TrainingStep,
        split: Split,
        changes: Augmentation,
        settings: Settings,
        *,
        ring: int | None = None,
    ) -> None:
        self._program, self._step, self._split, self._changes = program, step, split, changes
        self._seed, self._device = settings.seed, program.device
        size = program.batch_size
        self._batches = -(-len(split) // size)
        drawn = (*changes.drawn(0, np.arange(1)), *self._distortions(0, np.arange(1)))
        self._drawn = [f"drawn {i}" for i in range(len(drawn))]
        self._layout = Layout(
            {
                "random": ((2,), np.uint64),
                "rates": ((max(len(step.optimizer.layout.groups), 1), 3), program.graph.dtype),
                "labels": ((size,), np.int64),
                "indices": ((size,), np.int64),
                **{
                    name: ((size, *array.shape[1:]), array.dtype)
                    for name, array in zip(self._drawn, drawn, strict=True)
                },
            }
        )
        self._table_bytes = (1 + self._batches) * self._layout.bytes
        shape = changes.picture_shape
        self._held: Held = (
            Ring(self._device, split, shape, size, self._batches, self._seed, ring)
            if ring is not None
            else WholeSplit(self._device, split, shape, self._batches)
        )
        self._steps = 1
        """How many of the next steps take `_AT_ONCE` seconds, as far as is known."""
        self._channel: Channel | None = None
        at_once = size * (2 if changes.distorts else 1) * math.prod(shape)
        self.bytes = self._held.bytes + at_once + self._table_bytes + self._layout.bytes

    def take(self) -> None:
        need_memory(PLACES * self._table_bytes, f"the numbers of {PLACES} epochs take")
        device, changes, width = self._device, self._changes, self._layout.bytes // 4
        self._held.take()
        self._chosen = device.zeros((self._program.batch_size, *changes.picture_shape), np.uint8)
        self._distorted = room_to_distort(self._program, changes)
        self._fill = device.to_device(changes.fill)
        self._ground = device.to_device(np.rint(changes.fill).astype(np.uint8))
        self._table = device.zeros((1 + self._batches, width), np.uint32)
        row = device.zeros((self._layout.bytes,), np.uint8)
        self._row, self._here = row.view(np.uint32), self._layout.arrays(row)

    @contextmanager
    def batches(self, epochs: range, first: int) -> Iterator[Iterator[Batch]]:
        """See `training.feed.Feed`."""
        here, groups = self._here, range(len(self._step.optimizer.layout.groups))
        self._program.lay(here["random"], here["labels"])
        self._step.optimizer.lay([here["rates"][group] for group in groups])
        with self._held.brought(epochs, first) as parts, ReadAhead(map(self._prepared, epochs)) as tables:
            yield self._from(tables, parts, first)

    def _from(
        self, tables: Iterator[NDArray[np.uint8]], parts: Iterator[Channel | None], first: int
    ) -> Iterator[Batch]:
        """Batches, with what the host has for the device before them in place of pictures."""
        for table in tables:
            columns = self._layout.columns(table[1:])
            place, size = first, self._program.batch_size
            whole = len(self._split) // size
            while place < self._batches:
                left = self._held.batches_a_part - place % self._held.batches_a_part
                steps = max(1, min(self._steps, whole - place, left))
                count = size if place < whole else len(self._split) % size
                rows = slice(place, place + steps)
                labels, indices = (columns[name][rows, :count].reshape(-1) for name in ("labels", "indices"))
                begins = place == first or place % self._held.batches_a_part == 0
                news = _News(table if place == first else None, next(parts) if begins else None)
                yield Batch(news, labels, indices, steps)
                place += steps
            first = 0

    def _prepared(self, epoch: int) -> NDArray[np.uint8]:
        """The table of an epoch (1 + B, bytes): a row in which its first batch is told, and one for each batch, without what
        is random in it and its rates.
        """
        table = np.zeros((1 + self._batches, self._layout.bytes), np.uint8)
        columns = self._layout.columns(table[1:])
        count, size = len(self._split), self._program.batch_size
        order = sampling.order_of(count, size, self._seed, epoch)
        drawn = (*self._changes.drawn(epoch, order), *self._distortions(epoch, order))
        values = dict(zip(self._drawn, drawn, strict=True))
        values |= {"labels": self._split.labels[order], "indices": self._held.places(epoch, order)}
        whole = count // size
        for name, value in values.items():
            columns[name][:whole] = value[: whole * size].reshape(whole, size, *value.shape[1:])
            columns[name][whole:, : count % size] = value[whole * size :]
        return table

    def _distortions(self, epoch: int, indices: Any) -> tuple[Any, ...]:
        return self._changes.distortions(epoch, indices) if self._changes.distorts else ()

    def step(
        self, batch: Batch, state: State, rate: Callable[[int], float], metrics: Array, *, last: bool
    ) -> None:
        """See `training.feed.Feed`."""
        news: _News = batch.pictures
        if news.table is not None:
            self._begin(news.table, state, rate)
        if news.pictures is not None:
            self._channel = news.pictures
            self._channel.send()
        self._program.count = len(batch.labels) // batch.steps
        if not self._device.own_memory and self._step.in_a_row:
            begun = time.perf_counter()
            rates = [rate(state.batch + place) for place in range(batch.steps)]
            self._step.several(rates, metrics, self._bring)
            seconds = (time.perf_counter() - begun) / batch.steps
            self._steps = max(1, min(int(_AT_ONCE / seconds), _MOST))
        else:
            self._step(rate(state.batch), metrics, last=last, bring=self._bring)
        ended = (state.batch + batch.steps) % self._held.batches_a_part == 0
        if self._channel is not None and (last or ended):
            self._channel.release()
            self._channel = None

    def _begin(self, table: NDArray[np.uint8], state: State, rate: Callable[[int], float]) -> None:
        """Brings an epoch's numbers to the device, once it is known how fast it learns."""
        left = range(state.batch, self._batches)
        columns = self._layout.columns(table[1:])
        columns["random"][left.start :, 0] = self._seed
        columns["random"][left.start :, 1] = state.step + np.arange(len(left), dtype=np.uint64)
        ahead = self._step.ahead([rate(place) for place in left])
        columns["rates"][left.start :, : ahead.shape[1]] = ahead
        words = table.view(np.uint32)
        words[0, 0] = left.start
        self._device.write(self._table, words)

    def _bring(self) -> None:
        """Launches what puts the next batch into the program's input and labels, and its numbers where the step reads them."""
        count, here = self._program.count, self._here
        batches.take(self._row, self._table[0, :1], self._table[1:])
        if self._changes.leaves_as_they_are and not self._device.own_memory:
            batches.gather(self._program.input, self._held.pictures, here["indices"][:count])
            return
        pictures = self._chosen[:count]
        batches.gather(pictures, self._held.pictures, here["indices"][:count])
        drawn = [here[name][:count] for name in self._drawn]
        if self._distorted is not None:
            *drawn, points, thickness = drawn
            distorted = self._distorted[:count]
            augmentation.distort(distorted, pictures, points, thickness, self._ground)
            pictures = distorted
        augmentation.augment(self._program.input, pictures, *drawn, self._fill)
