"""The GPU as a `device.Device`."""

from __future__ import annotations

import math
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ...device import Array, Channel
from ...measured import MeasuredProduct
from .diagnosis import gpu
from .driver_errors import translated_errors
from .memory import copy_in, copy_out, memory_info, pinned_bytes, zeroed_bytes
from .product.precision import check_precision, computing
from .product.tuned import Choice, Shape, keep, key_of, table_in_use
from .product.tuning import compile_plans, measured, products_of
from .sending import ByteSender
from .streams import compute_stream, graph_of, new_event, new_stream, seconds_of, wait


class CUDA:
    """Numba's current GPU, in one of the precisions that its products can be computed in. What it is told to do, it does in order on one stream; only `read` waits for it."""

    name = "cuda"
    steps_between_reads = 50
    kernels_by_shape = True
    own_memory = True

    def __init__(self) -> None:
        self.precision = "float32"
        self._bytes = ByteSender()
        self._precisions = {self.precision: self}

    def with_precision(self, name: str) -> CUDA:
        check_precision(name)
        if name not in self._precisions:
            other = copy(self)
            other.precision = name
            self._precisions[name] = other
        return self._precisions[name]

    def computing(self) -> AbstractContextManager[None]:
        return computing(self.precision)

    def zeros(self, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        size = math.prod(shape) * np.dtype(dtype).itemsize
        memory = zeroed_bytes(max(size, 1))
        return memory[:size].view(np.dtype(dtype)).reshape(shape)

    def to_device(self, array: np.ndarray[Any, Any]) -> Array:
        copied = self.zeros(array.shape, array.dtype)
        self.write(copied, array)
        return copied

    def write(self, target: Array, source: np.ndarray[Any, Any]) -> None:
        if source.dtype == np.uint8 and target.dtype == np.float32 and source.shape == target.shape:
            self._bytes.send(target, source)
            return
        whole = np.broadcast_to(np.asarray(source, target.dtype), target.shape)
        copy_in(target, np.ascontiguousarray(whole))

    def read(self, array: Array) -> np.ndarray[Any, Any]:
        found: np.ndarray[Any, Any] = copy_out(array)
        return found

    def channel(self, size: int, there: Array | None = None) -> Channel:
        return _Channel(size, there)

    def recorded(self, act: Callable[[], None]) -> Callable[[], None]:
        return _Recorded(act)

    def timed(self, act: Callable[[], None], count: int, rounds: int) -> list[float]:
        def acts() -> None:
            for _ in range(count):
                act()

        graph = graph_of(acts)
        with translated_errors():
            graph()  # the first launch brings the graph to the GPU
        return [seconds_of(graph) for _ in range(rounds)]

    def tune(self, act: Callable[[], None], seconds: float) -> Iterator[MeasuredProduct]:
        calls = products_of(act, self.precision)
        compile_plans(calls, self.precision)
        return measured(calls, self.precision, self, seconds)

    def keep_tuned(self, products: Iterable[MeasuredProduct]) -> Path:
        chosen = {
            key_of(each.name, Shape(*each[2:6]), each.precision): Choice(*each.chosen[:2])
            for each in products
        }
        return keep(chosen)

    def describe(self) -> dict[str, Any]:
        file, plans = table_in_use()
        return {**gpu()._asdict(), "tuned_plans": plans, "tuned_file": None if file is None else str(file)}

    def free_bytes(self) -> int | None:
        return max(0, memory_info()[0] - self._bytes.pending_bytes)


class _Channel:
    """Page-locked memory of the host, memory of the GPU, and a stream of its own on which one is copied to the other while
    kernels run.
    """

    def __init__(self, size: int, there: Array | None) -> None:
        self.host = pinned_bytes(size)
        self._there = zeroed_bytes(size) if there is None else there
        self._stream = new_stream()
        self._sent, self._used = new_event(), new_event()
        self.release()  # the first copy waits until the memory has been set to zero

    def wait(self) -> None:
        wait(self._sent)

    def send(self) -> Array:
        compute = compute_stream()
        with translated_errors():
            self._used.wait(self._stream)
            copy_in(self._there, self.host, self._stream)
            self._sent.record(self._stream)
            self._sent.wait(compute)
        return self._there

    def release(self) -> None:
        with translated_errors():
            self._used.record(compute_stream())


class _Inside(threading.local):
    """Whether this thread is in something that is recorded whole."""

    recorded: bool = False


_inside = _Inside()
_graphs: deque[weakref.ref[_Recorded]] = deque()
"""What has a graph, the oldest first."""
_MOST_GRAPHS = 512


class _Recorded:
    """Launched one by one the first time, when kernels are still being compiled and loaded; then recorded as a CUDA graph
    and repeated as one launch. Within another's `act` it is a part of that one. Of very many the oldest graphs are given up,
    and recorded anew when they are wanted.
    """

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act
        self._repeat: Callable[[], None] | None = None
        self._has_run = False

    def __call__(self) -> None:
        if _inside.recorded:
            self._act()
        elif not self._has_run:
            self._whole()
            self._has_run = True
        else:
            if self._repeat is None:
                self._repeat = graph_of(self._whole)
                self._make_room()
            with translated_errors():
                self._repeat()

    def _whole(self) -> None:
        _inside.recorded = True
        try:
            self._act()
        finally:
            _inside.recorded = False

    def _make_room(self) -> None:
        _graphs.append(weakref.ref(self))
        if len(_graphs) > _MOST_GRAPHS:
            oldest = _graphs.popleft()()
            if oldest is not None:
                oldest._repeat = None
