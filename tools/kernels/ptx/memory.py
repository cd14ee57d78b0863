"""Memory of a launch and of a block, and who may touch what. Faults are what NVIDIA's compute-sanitizer looks for:

memcheck    an access outside of every array, across its end, not aligned to its width, or a write to what is only read
racecheck   two threads of a block touch a word of shared memory, one of them writes, and no barrier lies between; what
            threads of one warp do before and after a bar.warp.sync counts as ordered
and beyond it: two threads of a launch write the same element of global memory, or one reads what the other has written,
with no barrier between or in two blocks; shared memory is read where an asynchronous copy has not been waited for, or by
wgmma where it was not published, or written where wgmma may still read (proxy.py).

Reads of shared memory are kept until the next barrier and then compared with all writes since the last one. Of those
writes only the last to a word is known: that suffices, as two by different threads are a fault, unless they are of one
warp and in order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .arrays import Array
from .errors import FaultError
from .proxy import Proxy

START = 0x7F00_0000_0000
"""Address of global memory: beyond 32 bits, as on a GPU."""
CONSTANTS = START + 4096
"""Address of a program's own constants."""
_GAP = 4096
"""Bytes between two arrays that nobody may touch."""
_OFFSET = 64
"""Of an array from a multiple of 256: no array is promised to begin better, as 64 bytes is what buffers are laid out by."""
SHARED_WINDOW = 0x7E00_0000_0000
"""Where shared memory lies among generic addresses."""
_POISON = np.uint32(0x7FFFFFFF)
_READ, _WRITE = 1, 2
_NOBODY = -1
WARP = 32
_EPOCH, _WARP_EPOCH = 32, 12
"""A stamp: from these bits on, barriers of the block so far and those of the warp; below them, the thread."""
_THREAD = (1 << _WARP_EPOCH) - 1


class Allocation(NamedTuple):
    name: str
    start: int
    size: int


class GlobalMemory:
    """Arrays, and constants of the program, with gaps between them."""

    def __init__(self) -> None:
        self._allocations: list[Allocation] = []
        self._pieces: list[tuple[int, Array, bool]] = []
        self._end = CONSTANTS - START
        self.bytes = np.zeros(0, np.uint8)

    def allocate(self, name: str, size: int) -> int:
        """The address of so many bytes, of which nobody may touch any yet."""
        start = -(-(self._end + _GAP) // 256) * 256 + _OFFSET
        self._allocations.append(Allocation(name, START + start, size))
        self._end = start + size
        return START + start

    def allow(self, address: int, values: Array, *, writeable: bool) -> None:
        """The bytes at an address are those of an array (uint8), to which `written` brings back what was written."""
        self._pieces.append((address - START, values, writeable))

    def add_constants(self, values: bytes, offset: int) -> None:
        """Of the program: after all arrays are allocated, which lie behind."""
        if offset + len(values) > _GAP:
            raise ValueError("more constants than there is room for")
        self._pieces.append((CONSTANTS - START + offset, np.frombuffer(values, np.uint8), False))

    def begin(self) -> None:
        """After all that is allowed: everything has its first value."""
        size = -(-(self._end + _GAP) // 16) * 16
        self.bytes = np.frombuffer(np.full(size // 4, _POISON).tobytes(), np.uint8).copy()
        self._allowed = np.zeros(size, np.uint8)
        self._writer = np.full(size, _NOBODY, np.int32)
        self._written = np.zeros(size, np.int64)
        self._views = {kind: self.bytes.view(kind) for kind in ("u1", "u2", "u4", "u8")}
        for start, values, writeable in self._pieces:
            self.bytes[start : start + values.size] = values
            self._allowed[start : start + values.size] |= _READ | (_WRITE if writeable else 0)

    def written(self) -> None:
        """Brings what the kernel wrote back to the arrays."""
        for start, values, writeable in self._pieces:
            if writeable:
                values[:] = self.bytes[start : start + values.size]

    def _offsets(self, addresses: Array, width: int, wanted: int, what: str) -> Array:
        """Checked places of accesses (uint64 addresses) of so many bytes."""
        offsets = addresses - np.uint64(START)
        if int(np.bitwise_or.reduce(offsets)) & (width - 1):
            lane = int(np.flatnonzero(addresses & np.uint64(width - 1))[0])
            raise LaneError(lane, f"{what} of {width} bytes at an address that is not a multiple of it")
        inside = offsets < np.uint64(self.bytes.size - 16)
        places = np.where(inside, offsets, np.uint64(0)).astype(np.int64)
        fine = (self._allowed[places] & self._allowed[places + (width - 1)] & wanted) == wanted
        if not fine.all():
            lane = int(np.flatnonzero(~fine)[0])
            raise LaneError(lane, f"{what} of {width} bytes {self._where(int(addresses[lane]))}")
        return places

    def _where(self, address: int) -> str:
        nearest = min(
            self._allocations,
            key=lambda each: min(abs(address - each.start), abs(address - each.start - each.size)),
            default=None,
        )
        if nearest is None:
            return f"at {address:#x}, where nothing is"
        offset = address - nearest.start
        return f"at byte {offset} of {nearest.name}, of {nearest.size}"

    def _check_alone(self, places: Array, blocks: Array, stamps: Array, what: str) -> None:
        """That nobody else has written there, but in the same block and before a barrier."""
        writers = self._writer[places]
        if (writers == _NOBODY).all():
            return
        other = (writers != _NOBODY) & ((writers != blocks) | _conflict(self._written[places], stamps))
        if other.any():
            lane = int(np.flatnonzero(other)[0])
            raise LaneError(lane, f"{what} {self._where(START + int(places[lane]))}")

    def load(self, addresses: Array, kind: str, count: int, blocks: Array, stamps: Array) -> Array:
        """(accesses, count) numbers of a type like "f4", side by side."""
        size = np.dtype(kind).itemsize
        places = self._offsets(addresses, size * count, _READ, "a read")
        for column in range(count):
            self._check_alone(places + column * size, blocks, stamps, "a read of what another thread writes,")
        return _beside(self._views[f"u{size}"], places // size, count).view(kind)

    def copy_source(self, addresses: Array, sizes: Array, size: int) -> Array:
        """(copies, size) bytes, 0 from each one's own size on, behind which nothing is read."""
        if (addresses & np.uint64(size - 1)).any():
            raise LaneError(
                int(np.flatnonzero(addresses & np.uint64(size - 1))[0]), "a copy from an unaligned address"
            )
        result = np.zeros((len(addresses), size), np.uint8)
        for own in np.unique(sizes[sizes > 0]):
            some = np.flatnonzero(sizes == own)
            step = 4 if own % 4 == 0 else 1
            for column in range(0, int(own), step):
                try:
                    places = self._offsets(addresses[some] + np.uint64(column), step, _READ, "a copy")
                except LaneError as error:
                    raise LaneError(int(some[error.lane]), error.message) from None
                values = self._views[f"u{step}"][places // step]
                result[some, column : column + step] = values.view(np.uint8).reshape(-1, step)
        return result

    def store(self, addresses: Array, values: Array, blocks: Array, stamps: Array) -> None:
        """values (accesses, count), side by side."""
        size, count = values.dtype.itemsize, values.shape[1]
        places = self._offsets(addresses, size * count, _WRITE, "a write")
        view = self._views[f"u{size}"]
        for column in range(count):
            own = places + column * size
            self._check_alone(own, blocks, stamps, "a second thread writes,")
            self._writer[own], self._written[own] = blocks, stamps
            # Of several threads that write at once one was the last.
            self._check_alone(own, blocks, stamps, "a second thread writes,")
            view[own // size] = values[:, column].view(view.dtype)


def after_barrier(stamps: Array) -> Array:
    """Stamps of the same threads."""
    found: Array = (((stamps >> _EPOCH) + 1) << _EPOCH) | (stamps & _THREAD)
    return found


def after_warp_barrier(stamps: Array) -> Array:
    found: Array = stamps + (1 << _WARP_EPOCH)
    return found


class LaneError(Exception):
    """A fault of one of the threads that an access is for."""

    def __init__(self, lane: int, message: str) -> None:
        super().__init__(message)
        self.lane, self.message = lane, message


class _Read(NamedTuple):
    """Words that were read, and by whom."""

    text: str
    words: Array
    stamps: Array


class SharedMemory:
    """That of several blocks, one behind the other; an address counts from the beginning of a block's own."""

    def __init__(self, blocks: int, size: int) -> None:
        self.size = size
        self._stride = -(-size // 16) * 4
        self.words = np.full(blocks * self._stride, _POISON, np.uint32)
        self._views = {kind: self.words.view(kind) for kind in ("u1", "u2", "u4", "u8")}
        self._writer = np.full(self.words.size, -1, np.int64)
        self._pending = np.zeros(self.words.size, bool)
        self._proxy = Proxy(self.words.size)
        self._reads: list[_Read] = []

    def _offsets(self, addresses: Array, blocks: Array, width: int) -> Array:
        """Checked places, in bytes."""
        if addresses.size and (
            int(addresses.max()) > self.size - width or int(np.bitwise_or.reduce(addresses)) & (width - 1)
        ):
            wrong = addresses > np.uint64(max(self.size - width, 0))
            if self.size < width or wrong.any():
                lane = int(np.flatnonzero(wrong)[0]) if wrong.any() else 0
                raise LaneError(
                    lane,
                    f"{width} bytes at {int(addresses[lane]):#x} of shared memory, of which a block has {self.size}",
                )
            lane = int(np.flatnonzero(addresses & np.uint64(width - 1))[0])
            raise LaneError(
                lane, f"{width} bytes of shared memory at {int(addresses[lane])}, no multiple of that"
            )
        found: Array = addresses.astype(np.int64) + blocks * (4 * self._stride)
        return found

    def load(self, addresses: Array, kind: str, count: int, blocks: Array, stamps: Array, text: str) -> Array:
        """(accesses, count) numbers of a type like "f4", side by side."""
        size = np.dtype(kind).itemsize
        places = self._offsets(addresses, blocks, size * count)
        words = _words(places, size * count)
        if self._pending.any() and self._pending[words].any():
            lane = int(np.flatnonzero(self._pending[words].any(axis=1))[0])
            raise LaneError(lane, "a read of what an asynchronous copy, not waited for, is to write")
        self._reads.append(_Read(text, words, stamps))
        return _beside(self._views[f"u{size}"], places // size, count).view(kind)

    def store(self, addresses: Array, values: Array, blocks: Array, stamps: Array) -> None:
        """values (accesses, count), side by side."""
        size, count = values.dtype.itemsize, values.shape[1]
        places = self._offsets(addresses, blocks, size * count)
        words = _words(places, size * count)
        if self._pending.any() and self._pending[words].any():
            lane = int(np.flatnonzero(self._pending[words].any(axis=1))[0])
            raise LaneError(lane, "a write to what an asynchronous copy, not waited for, is to write")
        self._write(words, stamps)
        view = self._views[f"u{size}"]
        for column in range(count):
            view[places // size + column] = values[:, column].view(view.dtype)

    def start_copy(self, addresses: Array, size: int, blocks: Array, stamps: Array) -> Array:
        """(copies, words): until `end_copy`, nobody knows what is there."""
        words = _words(self._offsets(addresses, blocks, size), size)
        if self._pending[words].any():
            lane = int(np.flatnonzero(self._pending[words].any(axis=1))[0])
            raise LaneError(lane, "a copy to where another, not waited for, goes")
        self._write(words, stamps)
        self.words[words], self._pending[words] = _POISON, True
        return words

    def end_copy(self, words: Array, values: Array, stamps: Array) -> None:
        self._write(words, stamps)
        self.words[words], self._pending[words] = values, False

    def publish(self, passing: Array, stamps: Array) -> None:
        """fence.proxy.async of threads, (blocks, threads of one): which of them pass it."""
        writers = self._writer.reshape(len(passing), -1)
        there = writers != _NOBODY
        threads = np.where(there, writers & _THREAD, 0)
        own = there & np.take_along_axis(passing, threads, axis=1)
        barriers = np.take_along_axis(stamps.reshape(passing.shape) >> _EPOCH, threads, axis=1)
        self._proxy.publish(own.ravel(), barriers.ravel())

    def begin_products(self, addresses: Array, blocks: Array, stamps: Array) -> tuple[Array, Array]:
        """(words, what they hold) at addresses (products, words of one), each product begun by a thread of a block. Until
        `end_products` nobody may write there. Raises FaultError.
        """
        if addresses.size and int(addresses.max()) > self.size - 4:
            raise FaultError(
                f"4 bytes at {int(addresses.max()):#x} of shared memory, of which a block has {self.size}"
            )
        words = (addresses >> 2) + blocks[:, None] * self._stride
        if self._pending[words].any():
            raise FaultError("a read of what an asynchronous copy, not waited for, is to write")
        written = self._writer[words] != _NOBODY
        if complaint := self._proxy.complaint(words, written, (stamps >> _EPOCH)[:, None]):
            raise FaultError(complaint)
        self._proxy.begin(words)
        return words, self.words[words]

    def end_products(self, words: Array, stamps: Array, text: str) -> None:
        """They have been waited for, by these threads."""
        self._proxy.end(words)
        self._reads.append(_Read(text, words, stamps))

    def _write(self, words: Array, stamps: Array) -> None:
        if self._proxy.is_read(words).any():
            lane = int(np.flatnonzero(self._proxy.is_read(words).any(axis=1))[0])
            raise LaneError(lane, "a write to what a product, not waited for, may still read")
        self._proxy.written(words)
        wide = stamps[:, None]
        wrong = _conflict(self._writer[words], wide)
        self._writer[words] = wide
        wrong |= self._writer[words] != wide
        if wrong.any():
            lane = int(np.flatnonzero(wrong.any(axis=1))[0])
            raise LaneError(lane, "a write where another thread wrote since the last barrier")

    def compare_reads(self, *, forget: bool) -> None:
        """At a barrier: raises FaultError if since the last one somebody wrote what somebody else read."""
        for text, words, stamps in self._reads:
            wrong = _conflict(self._writer[words], stamps[:, None])
            if wrong.any():
                place = tuple(np.argwhere(wrong)[0])
                reader, writer = int(stamps[place[0]]), int(self._writer[words][place])
                raise FaultError(
                    f"{text}: thread {reader & _THREAD} reads word {int(words[place]) % self._stride} of shared memory, and "
                    f"thread {writer & _THREAD} writes it with no barrier between"
                )
        if forget:
            self._reads.clear()


def _conflict(one: Array, other: Array) -> Array:
    """Of two stamps: whether no barrier lies between what two threads did."""
    differs = one ^ other
    other_thread = differs & _THREAD
    found: Array = (differs >> _EPOCH == 0) & (other_thread != 0)
    if found.any():
        found &= (other_thread >= WARP) | (differs >> _WARP_EPOCH == 0)
    return found


def _words(places: Array, size: int) -> Array:
    """(accesses, words) that so many bytes at a place (in bytes) lie in."""
    first = places >> 2
    return first[:, None] if size <= 4 else first[:, None] + np.arange(size // 4)


def _beside(view: Array, places: Array, count: int) -> Array:
    return view[places][:, None] if count == 1 else view[places[:, None] + np.arange(count)]


class LocalMemory:
    """Every thread's own."""

    def __init__(self, threads: int, size: int) -> None:
        self.size = size
        self._stride = -(-size // 16) * 16
        words = np.full(threads * self._stride // 4, _POISON, np.uint32)
        self._views = {kind: words.view(kind) for kind in ("u1", "u2", "u4", "u8")}

    def _places(self, addresses: Array, threads: Array, width: int, size: int) -> Array:
        wrong = (addresses > np.uint64(max(self.size - width, 0))) | (addresses & np.uint64(width - 1) != 0)
        if wrong.any():
            raise LaneError(
                int(np.flatnonzero(wrong)[0]),
                f"{width} bytes of local memory beyond its {self.size} or unaligned",
            )
        found: Array = (addresses.astype(np.int64) + threads * self._stride) // size
        return found

    def load(self, addresses: Array, kind: str, count: int, threads: Array) -> Array:
        size = np.dtype(kind).itemsize
        places = self._places(addresses, threads, size * count, size)
        return _beside(self._views[f"u{size}"], places, count).view(kind)

    def store(self, addresses: Array, values: Array, threads: Array) -> None:
        size, count = values.dtype.itemsize, values.shape[1]
        places = self._places(addresses, threads, size * count, size)
        view = self._views[f"u{size}"]
        for column in range(count):
            view[places + column] = values[:, column].view(view.dtype)
