"""Everything that depends on numba-cuda: its decorators, its launches, its streams and its errors.

numba-cuda is in maintenance and its successor compiles the same kernels, so that a change of either is a change of
this file. With NUMBA_ENABLE_CUDASIM=1, set before Numba is imported, kernels run as Python, thread by thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numba import cuda
from numba.cuda.core import config as cuda_config

from ...errors import DeviceError
from ..compilation import cache_folder

SIMULATED = bool(cuda_config.ENABLE_CUDASIM)
ZERO, ONE = np.float32(0), np.float32(1)
WARP = 32


def kernel(function: Callable[..., None] | None = None, **options: Any) -> Any:
    """`cuda.jit` with this project's cache. `options` (max_registers, launch_bounds) mean nothing to the simulator."""

    def decorate(function: Callable[..., None]) -> Any:
        if SIMULATED:
            return cuda.jit(function)
        before = cuda_config.CACHE_DIR
        cuda_config.CACHE_DIR = str(cache_folder())
        try:
            return cuda.jit(cache=True, **options)(function)
        finally:
            cuda_config.CACHE_DIR = before

    return decorate if function is None else decorate(function)


def device_function(function: Callable[..., Any]) -> Any:
    """A function that kernels call, compiled into them."""
    return cuda.jit(device=True)(function)


class _Streams:
    """The stream that kernels are launched on: made at the first launch, as it needs a GPU."""

    compute: Any = 0 if SIMULATED else None


def compute_stream() -> Any:
    """Where all kernels run, one after the other."""
    if _Streams.compute is None:
        _Streams.compute = new_stream()
    return _Streams.compute


def new_stream() -> Any:
    return 0 if SIMULATED else cuda.stream()


def launch(
    kernel: Any,
    blocks: int | tuple[int, ...],
    threads: int | tuple[int, ...],
    *arguments: Any,
    shared: int = 0,
) -> None:
    """Starts a kernel and does not wait for it. Arrays are passed flat, a Python int as uint32, a float as float32.

    `shared`: bytes of dynamic shared memory. Raises DeviceError if the GPU reports an error, be it an earlier kernel's.
    """
    with translated_errors():
        kernel[blocks, threads, compute_stream(), shared](*map(_argument, arguments))


def _argument(value: Any) -> Any:
    if isinstance(value, (bool, int)):
        return np.uint32(value)
    if isinstance(value, float):
        return np.float32(value)
    if isinstance(value, np.generic) or value.ndim == 1:
        return value
    return value.reshape(value.size)


def grid(elements: int, threads: int) -> int:
    """Blocks for so many elements, one a thread; at least one."""
    return max(1, -(-elements // threads))


@contextmanager
def translated_errors() -> Iterator[None]:
    """What the driver says, as a DeviceError."""
    if SIMULATED:
        yield
        return
    from numba.cuda.cudadrv.driver import CudaAPIError

    try:
        yield
    except CudaAPIError as error:
        raise DeviceError(
            f"the GPU reports: {error}; it cannot go on in this process, what was saved before is intact"
        ) from error
