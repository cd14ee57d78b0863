"""Memory of the GPU and page-locked memory of the host, and copies between them."""

from __future__ import annotations

from typing import Any

import numpy as np
from cuda.bindings.driver import cuMemcpyDtoHAsync, cuMemcpyHtoDAsync, cuStreamSynchronize
from numba import cuda
from numba.cuda.cudadrv import driver

from ...errors import DeviceError
from .driver_calls import called, stream_number
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
    """source (host, of the target's type and shape) -> target, after what was launched on the stream before. Raises ValueError for
    arrays with gaps.
    """
    if target.size:
        if not (target.is_c_contiguous() and source.flags.c_contiguous and source.nbytes == target.nbytes):
            raise ValueError(f"arrays with gaps, or of two sizes: {source.shape} and {target.shape}")
        there, here = target.device_ctypes_pointer.value, source.ctypes.data
        on = stream_number(compute_stream() if stream is None else stream)
        called(cuMemcpyHtoDAsync, there, here, source.nbytes, on)


def copy_out(array: Any) -> Any:
    """The numbers of an array on the host, once all that was launched before is done. Raises ValueError for one with gaps."""
    host = np.empty(array.shape, array.dtype)
    if array.size:
        if not array.is_c_contiguous():
            raise ValueError(f"an array of shape {array.shape} with gaps")
        on = stream_number(compute_stream())
        called(cuMemcpyDtoHAsync, host.ctypes.data, array.device_ctypes_pointer.value, host.nbytes, on)
        called(cuStreamSynchronize, on)
    return host


def memory_info() -> tuple[int, int]:
    """(free, total) bytes of the GPU."""
    with translated_errors():
        context = cuda.current_context()
        context.memory_manager.deallocations.clear()  # it keeps what it is to free, up to a fifth of all
        free, total = context.get_memory_info()
    return int(free), int(total)
