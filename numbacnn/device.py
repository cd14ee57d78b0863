"""Device: allocates arrays, copies them in and out, and waits.

A network's parameters live on one device (`Graph.move`), its Programs' buffers on the same one, and every op is launched by
where its output lives (`ops.kernel.Kernel`), so no other file asks which device it is on.
"""

from __future__ import annotations

import importlib
import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike

from .errors import DeviceError, NotEnoughMemory, UsageError, nearest
from .limits import free_memory, mebibytes
from .measured import MeasuredProduct

_ALIGNMENT = 64
"""Bytes: a vector that begins with a cache line is read at once."""
Array = Any
"""An array on some device: on the CPU a C-contiguous `numpy.ndarray`."""


class Channel(Protocol):
    """The way of a block of bytes to a device, again and again: fill `host`, then `send`."""

    host: np.ndarray[Any, Any]

    def wait(self) -> None:
        """Waits until `host` may be filled again."""

    def send(self) -> Array:
        """The bytes on the device; what is launched afterwards finds them there, the caller need not wait."""

    def release(self) -> None:
        """All that reads what was sent has been launched."""


class Device(Protocol):
    """The interface of a device, as networks, Programs and training use it."""

    name: str
    precision: str
    """Of products: "float32" is exact."""
    steps_between_reads: int
    """Training steps after which their metrics are read: reading makes the host wait for the device."""
    kernels_by_shape: bool
    """Whether ops choose among kernels by their arrays' shapes, the size of a batch among them."""
    own_memory: bool
    """Whether arrays lie in another memory than the host's."""

    def zeros(self, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        """Raises DeviceError if there is no memory left."""

    def to_device(self, array: np.ndarray[Any, Any]) -> Array:
        """The array's numbers there; on the CPU perhaps the array itself."""

    def write(self, target: Array, source: np.ndarray[Any, Any]) -> None:
        """Copies numbers of the host into an array there, cast to its type."""

    def read(self, array: Array) -> np.ndarray[Any, Any]:
        """The numbers on the host, when all that was launched is done; on the CPU the array itself."""

    def channel(self, size: int, there: Array | None = None) -> Channel:
        """For `size` bytes; `there` (size) uint8: where on the device they go, else the channel has memory of its own."""

    def recorded(self, act: Callable[[], None]) -> Callable[[], None]:
        """A function that repeats `act`, which always launches the same, at the least cost."""

    def timed(self, act: Callable[[], None], count: int, rounds: int) -> list[float]:
        """Seconds that the device works on `act`, which always launches the same, `count` times one after the other; of
        each round.
        """

    def with_precision(self, name: str) -> Device:
        """The same device with products in another precision: "float32", or, where there are tensor cores, "tf32" or "bf16". Raises
        DeviceError for one that it has not.
        """

    def computing(self) -> AbstractContextManager[None]:
        """Ops that this thread calls in between are computed in the device's precision, others in float32."""

    def tune(self, act: Callable[[], None], seconds: float) -> Iterator[MeasuredProduct]:
        """Measures how the products that `act` launches can be laid out, in about `seconds` beside compiling, and yields each
        one when it is done. Raises UsageError where there is nothing to choose.
        """

    def keep_tuned(self, products: Iterable[MeasuredProduct]) -> Path:
        """Takes the plans that were chosen into use, now and in later processes; returns the file that keeps them. Raises
        OSError if it cannot be written.
        """

    def describe(self) -> dict[str, Any]:
        """Facts about the device beside its name, in words."""

    def free_bytes(self) -> int | None:
        """Bytes that can still be allocated; None where that is not known."""


class CPU:
    """The host's memory. Kernels return when they are done."""

    name = "cpu"
    precision = "float32"
    steps_between_reads = 1
    kernels_by_shape = False
    own_memory = False

    def zeros(self, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        size = math.prod(shape) * np.dtype(dtype).itemsize
        try:
            memory = np.zeros(size + _ALIGNMENT, np.uint8)
        except MemoryError:
            raise NotEnoughMemory(f"{mebibytes(size)} of memory are needed, and could not be taken") from None
        first = -memory.ctypes.data % _ALIGNMENT
        return memory[first : first + size].view(dtype).reshape(shape)

    def to_device(self, array: np.ndarray[Any, Any]) -> Array:
        return np.ascontiguousarray(array)

    def write(self, target: Array, source: np.ndarray[Any, Any]) -> None:
        target[...] = source

    def read(self, array: Array) -> np.ndarray[Any, Any]:
        return np.asarray(array)

    def channel(self, size: int, there: Array | None = None) -> Channel:
        return _Memory(np.empty(size, np.uint8) if there is None else there)

    def recorded(self, act: Callable[[], None]) -> Callable[[], None]:
        return act

    def timed(self, act: Callable[[], None], count: int, rounds: int) -> list[float]:
        seconds = []
        for _ in range(rounds):
            start = time.perf_counter()
            for _ in range(count):
                act()
            seconds.append(time.perf_counter() - start)
        return seconds

    def with_precision(self, name: str) -> Device:
        if name != self.precision:
            raise DeviceError(f"precision {name} needs a GPU's tensor cores: --device cuda")
        return self

    def computing(self) -> AbstractContextManager[None]:
        return nullcontext()

    def tune(self, act: Callable[[], None], seconds: float) -> Iterator[MeasuredProduct]:
        raise UsageError("only the products of a GPU are tuned: --device cuda")

    def keep_tuned(self, products: Iterable[MeasuredProduct]) -> Path:
        raise UsageError("only the products of a GPU are tuned: --device cuda")

    def describe(self) -> dict[str, Any]:
        return {}

    def free_bytes(self) -> int | None:
        return free_memory()


class _Memory:
    """A channel whose two ends are one."""

    def __init__(self, host: np.ndarray[Any, Any]) -> None:
        self.host = host

    def wait(self) -> None:
        """Does nothing: kernels that read the block have returned already."""

    def send(self) -> Array:
        return self.host

    def release(self) -> None:
        """See `wait`."""


CPU_DEVICE: Device = CPU()
NAMES = ("cpu", "cuda", "auto")
ALIASES = {"gpu": "cuda"}
_found: dict[str, Device] = {"cpu": CPU_DEVICE}


def get_device(name: str, precision: str = "float32") -> Device:
    """The device of that name, never another one in its place; "auto": the GPU if there is a usable one, else the CPU.
    `precision` is that of its products (`Device.with_precision`).

    "gpu" is another word for "cuda". Raises UsageError for an unknown name, DeviceError if this machine has no such
    device: what is missing, and the command that installs it.
    """
    name = ALIASES.get(name, name)
    if name == "auto":
        try:
            found = get_device("cuda")
        except DeviceError:
            found = CPU_DEVICE
        return found.with_precision(precision)
    if name not in NAMES:
        raise UsageError(f"unknown device '{name}'{nearest(name, NAMES)}")
    if name not in _found:
        # Numba's packages for GPUs are an extra, and take a third of a second to import.
        _found[name] = importlib.import_module(f"{__package__}.ops.{name}.device").open_device()
    return _found[name].with_precision(precision)
