"""Memory of the GPU and page-locked memory of the host, and copies between them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda
from numba.cuda.cudadrv import driver

from ...errors import DeviceError
from .driver_errors import translated_errors
from .streams import compute_stream

_OUT_OF_MEMORY = 2


def zeroed_bytes(size: int) -> Any:
    """Memory of the GPU, uint8 (size). Raises DeviceError if there is not so much left."""
    with translated_errors():
        try:
            memory = cuda.device_array(size, np.uint8)
        except driver.CudaAPIError as error:
            if error.code != _OUT_OF_MEMORY:
                raise
            free, total = (amount / 2**20 for amount in memory_info())
            raise DeviceError(
                f"{size / 2**20:,.0f} MiB more are needed, and of the GPU's {total:,.0f} MiB {free:,.0f} are free: take a "
                "smaller batch size, or end what else uses the GPU"
            ) from error
        driver.device_memset(memory, 0, size, compute_stream())
    return memory


def pinned_bytes(size: int) -> Any:
    """Memory of the host that is never paged out, uint8 (size): copies from it run beside kernels."""
    with translated_errors():
        return cuda.pinned_array(size, np.uint8)


def copy_in(target: Any, source: Any, stream: Any = None) -> None:
    """source (host, of the target's type and shape) -> target, after what was launched on the stream before."""
    if target.size:
        # Flat, as a side of one element may have any stride.
        flat, numbers = target.reshape(target.size), source.reshape(source.size)
        with translated_errors():
            flat.copy_to_device(numbers, stream=compute_stream() if stream is None else stream)


def copy_out(array: Any) -> Any:
    """The numbers of an array on the host, once all that was launched before is done."""
    if not array.size:
        return np.empty(array.shape, array.dtype)
    with translated_errors():
        stream = compute_stream()
        host = array.copy_to_host(stream=stream)
        stream.synchronize()
        return host


def memory_info() -> tuple[int, int]:
    """(free, total) bytes of the GPU."""
    with translated_errors():
        context = cuda.current_context()
        context.memory_manager.deallocations.clear()  # it keeps what it is to free, up to a fifth of all
        free, total = context.get_memory_info()
    return int(free), int(total)
