"""The GPU as a `device.Device`."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ...device import Array, Channel, Device
from ...errors import DeviceError
from .packages import EXTRAS, at_odds


def open_device() -> Device:
    """The GPU, if all that it needs is here. Raises DeviceError that says what is missing and how to get it."""
    if importlib.util.find_spec("numba_cuda") is None:
        raise DeviceError(f"device 'cuda' needs the package numba-cuda, which is not installed: {EXTRAS}")
    try:
        from . import toolchain

        problem = toolchain.problem(EXTRAS)
    except DeviceError:
        raise
    except Exception as error:  # of whichever package
        raise at_odds(error) from error
    if problem:
        raise DeviceError(f"device 'cuda' cannot be used: {problem}")
    return CUDA(toolchain)


class CUDA:
    """Numba's current GPU. What it is told to do, it does in order on one stream; only `read` waits for it."""

    name = "cuda"
    steps_between_reads = 50
    kernels_by_shape = True

    def __init__(self, toolchain: Any) -> None:
        self._toolchain = toolchain

    def zeros(self, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        size = math.prod(shape) * np.dtype(dtype).itemsize
        memory = self._toolchain.zeroed_bytes(max(size, 1))
        return memory[:size].view(np.dtype(dtype)).reshape(shape)

    def to_device(self, array: np.ndarray[Any, Any]) -> Array:
        copied = self.zeros(array.shape, array.dtype)
        self.write(copied, array)
        return copied

    def write(self, target: Array, source: np.ndarray[Any, Any]) -> None:
        whole = np.broadcast_to(np.asarray(source, target.dtype), target.shape)
        self._toolchain.copy_in(target, np.ascontiguousarray(whole))

    def read(self, array: Array) -> np.ndarray[Any, Any]:
        found: np.ndarray[Any, Any] = self._toolchain.copy_out(array)
        return found

    def channel(self, size: int) -> Channel:
        return _Channel(self._toolchain, size)

    def recorded(self, act: Callable[[], None]) -> Callable[[], None]:
        return _Recorded(self._toolchain, act)

    def set_precision(self, name: str) -> None:
        from .product.precision import set_precision

        set_precision(name)

    def describe(self) -> dict[str, Any]:
        return dict(self._toolchain.gpu()._asdict())

    def free_bytes(self) -> int | None:
        free: int = self._toolchain.memory_info()[0]
        return free


class _Channel:
    """Page-locked memory of the host, memory of the GPU, and a stream of its own on which one is copied to the other while
    kernels run.
    """

    def __init__(self, toolchain: Any, size: int) -> None:
        self._toolchain = toolchain
        self.host = toolchain.pinned_bytes(size)
        self._there = toolchain.zeroed_bytes(size)
        self._stream = toolchain.new_stream()
        self._sent, self._used = toolchain.new_event(), toolchain.new_event()
        self.release()  # the first copy waits until the memory has been set to zero

    def wait(self) -> None:
        self._toolchain.wait(self._sent)

    def send(self) -> Array:
        toolchain, compute = self._toolchain, self._toolchain.compute_stream()
        with toolchain.translated_errors():
            self._used.wait(self._stream)
            toolchain.copy_in(self._there, self.host, self._stream)
            self._sent.record(self._stream)
            self._sent.wait(compute)
        return self._there

    def release(self) -> None:
        with self._toolchain.translated_errors():
            self._used.record(self._toolchain.compute_stream())


class _Recorded:
    """Launched one by one the first time, when kernels are still being compiled and loaded; then recorded as a CUDA graph
    and repeated as one launch.
    """

    def __init__(self, toolchain: Any, act: Callable[[], None]) -> None:
        self._toolchain, self._act = toolchain, act
        self._repeat: Callable[[], None] | None = None
        self._has_run = False

    def __call__(self) -> None:
        if not self._has_run:
            self._act()
            self._has_run = True
            return
        if self._repeat is None:
            self._repeat = self._toolchain.graph_of(self._act)
        with self._toolchain.translated_errors():
            self._repeat()
