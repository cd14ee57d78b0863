"""How kernels for NVIDIA GPUs are made and launched: numba-cuda's decorators, with this project's cache of what is
compiled.

What else depends on numba-cuda is in instructions.py (intrinsics), prepared.py (launches), driver_calls.py, streams.py (order), memory.py
(arrays and copies), driver_errors.py and diagnosis.py (what is wrong), and nowhere else. numba-cuda is in maintenance and its successor
compiles the same kernels, so that a change of either is a change of these files.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import cuda
from numba.cuda.dispatcher import CUDACache

from ... import compiling
from .. import kernel_cache, launches
from ..compilation import elsewhere
from ..garbage import no_search
from .driver_errors import driver_errors
from .packages import at_odds
from .prepared import carry_out, prepared

ZERO, ONE = np.float32(0), np.float32(1)
WARP = 32
KERNELS: dict[str, Any] = {}
"""Every kernel that was made, by the name of its file and its own."""


def kernel(
    function: Callable[..., None] | None = None, *, name: str = "", shared_bytes: int = 0, **options: Any
) -> Any:
    """`cuda.jit` with this project's cache and `options` (max_registers, launch_bounds).

    `name`: of a kernel that a factory makes, "convolution.forward_128x128"; what it closes over follows from that.
    `shared_bytes`: of shared memory that its launches ask for, beyond what its own arrays take.
    """

    def decorate(function: Callable[..., None]) -> Any:
        made = cuda.jit(**options)(function)
        kernel_cache.keep(made, CUDACache)
        _watched(made)
        elsewhere.append(made)
        if name:
            _keyed_by_name(made, name)
        made.shared_bytes = shared_bytes
        made.name = name or f"{function.__module__.rsplit('.', 1)[-1]}.{function.__name__}"
        KERNELS[made.name] = made
        return made

    return decorate if function is None else decorate(function)


def _watched(made: Any) -> None:
    """Tells `compiling` what is compiled, as numba-cuda sends no events of it: what the cache has not. Where that fails,
    in NVVM, in the linker, or in Python because a package has changed, the error names the packages.
    """
    load, compiled = made._cache.load_overload, made.compile
    under_way = []

    def load_overload(*arguments: Any) -> Any:
        found = load(*arguments)
        if found is None:
            compiling.begin()
            under_way.append(True)
        return found

    def compile_(signature: Any) -> Any:
        try:
            with no_search():
                return compiled(signature)
        except Exception as error:
            if isinstance(error, (*driver_errors(), MemoryError)):
                raise
            raise at_odds(error) from error
        finally:
            if under_way:
                under_way.pop()
                compiling.end()

    made._cache.load_overload, made.compile = load_overload, compile_


def _keyed_by_name(made: Any, name: str) -> None:
    """numba-cuda would find a closure's cached code by all that it closes over, pickled: device functions among that are
    pickled with a number drawn by this process, and nothing would be found by the next.
    """
    made._cache._index_key = lambda signature, codegen: (signature, codegen.magic_tuple(), name)


def device_function(function: Callable[..., Any]) -> Any:
    """A function that kernels call, compiled into them."""
    return cuda.jit(device=True, forceinline=True)(function)


def in_turn(step: Callable[..., None], count: int) -> Any:
    """A device function that calls step(0, ...), ..., step(count - 1, ...), each with its number as a constant: what the steps keep in
    local arrays stays in registers, where a loop as long would not be unrolled.
    """
    if count == 0:
        return _no_step
    before, last = in_turn(step, count - 1), np.uint32(count - 1)

    @device_function
    def steps(*arguments: Any) -> None:
        before(*arguments)
        step(last, *arguments)

    return steps


@device_function
def _no_step(*arguments: Any) -> None:
    pass


def launch(kernel: Any, blocks: int | tuple[int, ...], threads: int, *arguments: Any) -> None:
    """Starts a kernel and does not wait for it, or, while launches are recorded, writes it down, its arguments ready for the
    driver. Arrays are passed flat, a Python int as uint32, a float as float32, a tuple element by element.

    Raises DeviceError if the GPU reports an error, be it an earlier kernel's, or if the kernel cannot be compiled.
    """
    launches.launch(carry_out, prepared(kernel, blocks, threads, tuple(map(_argument, arguments))))


def _argument(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_argument, value))
    if isinstance(value, (bool, int)):
        return np.uint32(value)
    if isinstance(value, float):
        return np.float32(value)
    return value


def grid(elements: int, threads: int) -> int:
    """Blocks for so many elements, one a thread; at least one."""
    return max(1, -(-elements // threads))
