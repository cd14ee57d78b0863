"""Where the pictures of a training set lie on a device with memory of its own: all of them there, or the next batches only."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..data import Split
from ..device import Array, Channel, Device
from ..limits import need_memory
from . import sampling
from .prefetch import PLACES, ReadAhead

_AT_A_TIME = 16 << 20
"""Bytes of pictures that are read and brought to the device at a time."""


class Held(Protocol):
    """The pictures that steps on the device read."""

    bytes: int
    """What they take there."""
    pictures: Array
    """(N,H,W,C) uint8, on the device."""
    batches_a_part: int
    """After so many batches of an epoch others are needed."""

    def take(self) -> None:
        """Allocates that."""

    def places(self, epoch: int, order: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where in `pictures` those of an epoch lie, which come in this order (n,), when their batch's turn comes."""

    @contextmanager
    def brought(self, epochs: range, first: int) -> Iterator[Iterator[Channel | None]]:
        """What to send before the steps of each part of the epochs, and to release after them; `first` batches of the first
        epoch have been seen. Raises DataError for pictures that cannot be read.
        """


class WholeSplit:
    """All pictures of a split; they are brought before the first step."""

    def __init__(self, device: Device, split: Split, shape: tuple[int, ...], batches: int) -> None:
        self._device, self._split, self._shape = device, split, shape
        self.batches_a_part = batches
        self.bytes = len(split) * math.prod(shape)

    def take(self) -> None:
        self.pictures = self._device.zeros((len(self._split), *self._shape), np.uint8)

    def places(self, epoch: int, order: NDArray[np.int64]) -> NDArray[np.int64]:
        return order

    @contextmanager
    def brought(self, epochs: range, first: int) -> Iterator[Iterator[None]]:
        at_once = max(1, _AT_A_TIME // math.prod(self._shape))
        starts = range(0, len(self._split), at_once)
        for start, (pictures, _) in zip(starts, self._split.batches(at_once), strict=True):
            self._device.write(self.pictures[start : start + len(pictures)], pictures)
        yield iter([None] * len(epochs))


class Ring:
    """The pictures of some batches, in the order in which steps want them. While the steps of one part run, a thread reads those
    of the next ones, and they are copied into places that nothing reads any more. It takes `room` bytes at most, but three
    batches at least.
    """

    def __init__(
        self,
        device: Device,
        split: Split,
        shape: tuple[int, ...],
        size: int,
        batches: int,
        seed: int,
        room: int,
    ) -> None:
        self._device, self._split, self._shape = device, split, shape
        self._size, self._batches, self._seed = size, batches, seed
        self._picture_bytes = math.prod(shape)
        batch_bytes = size * self._picture_bytes
        self.batches_a_part = max(1, min(batches, min(_AT_A_TIME, room // PLACES) // batch_bytes))
        self._room = self.batches_a_part * size
        self._parts = -(-batches // self.batches_a_part)
        self.bytes = PLACES * self._room * self._picture_bytes

    def take(self) -> None:
        need_memory(self.bytes, f"{PLACES} parts of the pictures that are read ahead take")
        self.pictures = self._device.zeros((PLACES * self._room, *self._shape), np.uint8)
        size = self._room * self._picture_bytes
        rows = self.pictures.reshape(PLACES, size)
        self._channels = [self._device.channel(size, rows[place]) for place in range(PLACES)]

    def places(self, epoch: int, order: NDArray[np.int64]) -> NDArray[np.int64]:
        part, within = np.divmod(np.arange(len(order)), self._room)
        return (epoch * self._parts + part) % PLACES * self._room + within

    @contextmanager
    def brought(self, epochs: range, first: int) -> Iterator[Iterator[Channel]]:
        with ReadAhead(self._filled(epochs, first)) as channels:
            yield channels

    def _filled(self, epochs: range, first: int) -> Iterator[Channel]:
        begin = first // self.batches_a_part
        turns = cycle(self._channels)
        for _ in range((epochs.start * self._parts + begin) % PLACES):
            next(turns)
        for epoch in epochs:
            order = sampling.order_of(len(self._split), self._size, self._seed, epoch)
            for part in range(begin, self._parts):
                channel = next(turns)
                channel.wait()
                self._fill(channel, order[part * self._room : (part + 1) * self._room])
                yield channel
            begin = 0

    def _fill(self, channel: Channel, indices: NDArray[np.int64]) -> None:
        """A batch at a time: its indices ascend, as a file is read forwards."""
        for start in range(0, len(indices), self._size):
            pictures = self._split.read(indices[start : start + self._size])
            place = start * self._picture_bytes
            channel.host[place : place + pictures.size] = pictures.reshape(-1)
