"""Functions of the driver called as they are: numba-cuda's own ways to them take twenty times as long on the host."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from cuda.bindings.driver import CUresult, CUstream
from numba import cuda
from numba.cuda.cudadrv import driver

from .driver_errors import translated_errors


def called(function: Callable[..., tuple[Any, ...]], *numbers: Any) -> None:
    """Raises DeviceError if the GPU reports an error, be it of what was launched before."""
    result = function(*numbers)[0]
    if result == CUresult.CUDA_ERROR_INVALID_CONTEXT:
        with translated_errors():
            cuda.current_context()  # a thread that has none yet gets it
        result = function(*numbers)[0]
    if result != CUresult.CUDA_SUCCESS:
        with translated_errors():
            raise driver.CudaAPIError(int(result), f"{function.__name__} failed: {result.name}")


def stream_number(stream: Any) -> Any:
    """A stream as the driver's functions take it."""
    return _stream(int(stream.handle))


@cache
def _stream(handle: int) -> Any:
    return CUstream(handle)
