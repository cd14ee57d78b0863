"""Where arrays live: allocate, copy in, copy out, wait.

A device is chosen once, when a Plan is made; every op is then launched by where its output lives
(`ops.kernel.Kernel`), so no other file asks which device it is on.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike

from .errors import DeviceError, nearest

_ALIGNMENT = 64
"""Bytes: a vector that begins with a cache line is read at once."""
Array = Any
"""An array on some device: on the CPU a C-contiguous `numpy.ndarray`."""


class Device(Protocol):
    """What a Plan needs of a device."""

    name: str

    def zeros(self, shape: tuple[int, ...], dtype: DTypeLike) -> Array: ...

    def to_device(self, array: np.ndarray[Any, Any]) -> Array: ...

    def to_host(self, array: Array) -> np.ndarray[Any, Any]: ...

    def synchronise(self) -> None: ...


class CPU:
    """The host's memory."""

    name = "cpu"

    def zeros(self, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        size = math.prod(shape) * np.dtype(dtype).itemsize
        memory = np.zeros(size + _ALIGNMENT, np.uint8)
        first = -memory.ctypes.data % _ALIGNMENT
        return memory[first : first + size].view(dtype).reshape(shape)

    def to_device(self, array: np.ndarray[Any, Any]) -> Array:
        return np.ascontiguousarray(array)

    def to_host(self, array: Array) -> np.ndarray[Any, Any]:
        return np.asarray(array)

    def synchronise(self) -> None:
        """CPU kernels return when they are done."""


DEVICES: dict[str, Device] = {"cpu": CPU()}
"""The usable devices by name, the best one last."""


def get_device(name: str) -> Device:
    """The device of that name, never another one in its place; "auto": the best that this machine has.

    Raises DeviceError if this version or this machine has no such device.
    """
    if name == "auto":
        return list(DEVICES.values())[-1]
    if name not in DEVICES:
        if name.startswith("cuda"):
            raise DeviceError(
                f"device '{name}' is not available: this version of numbacnn computes on the CPU only; use --device cpu"
            )
        raise DeviceError(f"unknown device '{name}'{nearest(name, DEVICES)}")
    return DEVICES[name]
