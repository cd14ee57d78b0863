"""Launches made ready: a kernel's handle, its grid, and its arguments in one block of memory, as the driver takes them.

numba-cuda looks up a kernel and works out its arguments at every launch, which takes a hundred microseconds and more in
Python. Here that is done once; a launch that is repeated is the driver's own function, called with numbers that are there.
"""

from __future__ import annotations

from array import array
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from cuda.bindings.driver import (
    CUdevice,
    CUfunction,
    CUfunction_attribute,
    CUkernel,
    cuKernelSetAttribute,
    cuLaunchKernel,
)
from numba import cuda
from numba.cuda.typing.typeof import Purpose, typeof

from .driver_calls import called, stream_number
from .driver_errors import translated_errors
from .streams import compute_stream

_found: dict[tuple[Any, ...], Any] = {}
"""The driver's handle of a kernel, by the kernel and what its arguments are."""


class Prepared(NamedTuple):
    """What `cuLaunchKernel` takes, and what must live for as long as that: the block of arguments and the arrays."""

    name: str
    """The kernel's."""
    numbers: tuple[Any, ...]
    kept: tuple[Any, ...]


def prepared(
    kernel: Any, blocks: int | tuple[int, ...], threads: int, arguments: tuple[Any, ...]
) -> Prepared:
    """A launch of a kernel of `toolchain.kernel` on the stream of all kernels; it is compiled if it has not been. Arguments are
    arrays of the GPU, which are passed flat, numbers of NumPy's types, and tuples of them.

    Raises DeviceError if the kernel cannot be compiled or loaded, ValueError for an array with gaps.
    """
    kinds = kernel, *map(_kind, arguments)
    with translated_errors():
        if kinds not in _found:
            _found[kinds] = _handle(kernel, arguments)
        stream = stream_number(compute_stream())
    block = array("Q", chain.from_iterable(map(_words, arguments)))
    first, length = block.buffer_info()
    places = array("Q", range(first, first + 8 * length, 8))
    grid = (*blocks, 1, 1)[:3] if isinstance(blocks, tuple) else (blocks, 1, 1)
    numbers = _found[kinds], *grid, threads, 1, 1, kernel.shared_bytes, stream, places.buffer_info()[0], 0
    return Prepared(kernel.name, numbers, (block, places, arguments))


def carry_out(launch: Prepared) -> None:
    """Starts it and does not wait for it. Raises DeviceError if the GPU reports an error, be it an earlier kernel's."""
    called(cuLaunchKernel, *launch.numbers)


def _handle(kernel: Any, arguments: tuple[Any, ...]) -> Any:
    """Of the kernel for arguments of these types. Raises DeviceError if it cannot be compiled."""
    types = tuple(typeof(_flat(argument), Purpose.argument) for argument in arguments)
    compiled = kernel.compile(types)
    handle = int(compiled._codelibrary.get_cufunc().kernel.handle)
    if kernel.shared_bytes:
        most = CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
        here = CUdevice(cuda.get_current_device().id)
        called(cuKernelSetAttribute, most, kernel.shared_bytes, CUkernel(handle), here)
    return CUfunction(handle)


def _flat(value: Any) -> Any:
    if isinstance(value, (tuple, np.generic)):
        return value
    return value if value.ndim == 1 else value.reshape(value.size)


def _kind(value: Any) -> Any:
    """What tells arguments of two types apart."""
    if isinstance(value, tuple):
        return tuple(map(_kind, value))
    if isinstance(value, np.generic):
        return type(value)
    if not value.is_c_contiguous():
        raise ValueError(f"an array of shape {value.shape} with gaps is no argument of a kernel")
    return value.dtype


def _words(value: Any) -> list[int]:
    """A parameter in each word of 8 bytes, the least first. Of an array: two that are 0 on a GPU, elements, bytes of one,
    address, shape, strides.
    """
    if isinstance(value, tuple):
        return list(chain.from_iterable(map(_words, value)))
    if isinstance(value, np.generic):
        return [int.from_bytes(value.tobytes(), "little")]
    size, bytes_of_one = value.size, value.dtype.itemsize
    return [0, 0, size, bytes_of_one, value.device_ctypes_pointer.value or 0, size, bytes_of_one]
