"""Kernels that the stand-in is to run, executed from their PTX on its memory."""

from __future__ import annotations

import atexit
import ctypes
import gc
import traceback
from functools import cache
from typing import Any, NamedTuple

from . import LIBRARY

_LAUNCH_FAILED = 719
_MEMBERS = 7
"""Of a flat array among a kernel's parameters: two that are 0 on a GPU, elements, bytes of one, address, shape, strides."""
_driver = ctypes.CDLL(LIBRARY)
_SIZES = ctypes.POINTER(ctypes.c_size_t)
_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.POINTER(ctypes.c_uint * 3),
    ctypes.c_uint,
    ctypes.c_uint,
    ctypes.c_void_p,
)


class _Array(NamedTuple):
    start: int
    size: int
    offset: int
    """Of its address among the parameters."""

    @property
    def end(self) -> int:
        return self.start + self.size


def begin() -> None:
    """From now on what is launched is executed. Garbage is collected only where somebody asks for it: Python would do it in the
    midst of a kernel too, and what is collected calls a driver that is at work.
    """
    gc.disable()
    callback = _CALLBACK(_launched)
    _driver.standin_set_callback(callback)
    # What is still queued when the interpreter ends cannot call it any more.
    atexit.register(lambda: _driver.standin_set_callback(_CALLBACK()) or callback)


def _launched(function: int, grid: Any, threads: int, shared: int, parameters: int) -> int:
    try:
        _execute(function, tuple(grid.contents), threads, shared, parameters)
    except BaseException:  # nobody above could catch it
        traceback.print_exc()
        return _LAUNCH_FAILED
    return 0


def _execute(function: int, grid: tuple[int, int, int], threads: int, shared: int, parameters: int) -> None:
    import numpy as np
    from kernels.ptx.memory import GlobalMemory

    values = bytearray(
        ctypes.string_at(parameters, _driver.standin_parameter_bytes(ctypes.c_void_p(function)))
    )
    arrays = _arrays(function, values)
    memory = GlobalMemory()
    places = _places(arrays, memory)
    for array in arrays:
        begin, there = next((begin, there) for begin, end, there in places if begin <= array.start <= end)
        address = there + array.start - begin
        values[array.offset : array.offset + 8] = address.to_bytes(8, "little")
        if array.size:
            content = np.ctypeslib.as_array((ctypes.c_uint8 * array.size).from_address(array.start))
            memory.allow(address, content, writeable=True)
    _executable(function).launch(grid, threads, bytes(values), memory, shared)


def _arrays(function: int, values: bytearray) -> list[_Array]:
    """Those among a kernel's parameters: seven numbers, of which one is an address of the device's."""
    offsets, sizes = _SIZES(), _SIZES()
    count = _driver.standin_parameters(ctypes.c_void_p(function), ctypes.byref(offsets), ctypes.byref(sizes))
    start, size = ctypes.c_void_p(), ctypes.c_size_t()
    _driver.standin_arena(ctypes.byref(start), ctypes.byref(size))
    device = range(start.value or 0, (start.value or 0) + size.value)

    found, place = [], 0
    while place + _MEMBERS <= count:
        members = range(place, place + _MEMBERS)
        words = [int.from_bytes(values[offsets[i] : offsets[i] + 8], "little") for i in members]
        if all(sizes[i] == 8 for i in members) and words[:2] == [0, 0] and words[4] in device:
            found.append(_Array(words[4], words[2] * words[3], offsets[place + 4]))
            place += _MEMBERS
        else:
            place += 1
    return found


def _places(arrays: list[_Array], memory: Any) -> list[tuple[int, int, int]]:
    """(begin, end, begin in the executor's memory): arrays that share bytes do so there too, and lie as far from a multiple
    of 256 as here.
    """
    groups: list[list[int]] = []
    for array in sorted(arrays):
        if groups and array.start < groups[-1][1]:
            groups[-1][1] = max(groups[-1][1], array.end)
        else:
            groups.append([array.start, array.end])
    places = []
    for begin, end in groups:
        ahead = (begin - 64) % 256
        places.append((begin, end, memory.allocate("an array", end - begin + ahead) + ahead))
    return places


@cache
def _executable(function: int) -> Any:
    """The kernel of this machine code, made from the PTX of the same kernel and types."""
    from kernels.executed import executable

    size = ctypes.c_size_t()
    _driver.standin_image.restype = _driver.standin_name.restype = ctypes.c_void_p
    image = ctypes.string_at(_driver.standin_image(ctypes.c_void_p(function), ctypes.byref(size)), size.value)
    name = ctypes.string_at(_driver.standin_name(ctypes.c_void_p(function))).decode()
    return executable(*_compiled(name, image))


def _compiled(name: str, image: bytes) -> tuple[Any, tuple[Any, ...]]:
    """The kernel, and its types of arguments, that numba-cuda made this machine code of."""
    from numbacnn.ops.cuda.toolchain import KERNELS

    for kernel in KERNELS.values():
        for overload in kernel.overloads.values():
            cubins = overload._codelibrary._cubin_cache.values()
            if overload.entry_name == name and any(
                bytes(each.code)[: len(image)] == image for each in cubins
            ):
                return kernel, tuple(overload.argument_types)
    raise LookupError(f"no kernel has the code of {name}")
