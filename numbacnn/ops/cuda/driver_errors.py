"""What the driver reports, as errors for people."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache

from numba.cuda.cudadrv import driver

from ...errors import DeviceError

_kept = ExitStack()
"""What keeps numba-cuda from freeing."""


@cache
def driver_errors() -> tuple[type[Exception], ...]:
    """What numba-cuda raises itself, and what cuda.core does, through which it launches."""
    try:
        from cuda.core._utils.cuda_utils import CUDAError
    except ImportError:  # a private place, that may change
        return (driver.CudaAPIError,)
    return (driver.CudaAPIError, CUDAError)


@contextmanager
def translated_errors() -> Iterator[None]:
    """What the driver says, as a DeviceError."""
    try:
        yield
    except driver_errors() as error:
        _free_nothing()
        raise DeviceError(
            f"the GPU reports: {error}; it cannot go on in this process, what was saved before is intact"
        ) from error


def _free_nothing() -> None:
    """A GPU that has failed refuses to free memory too, and numba-cuda would print a traceback for each array, at the latest
    when the process ends.
    """
    for device in driver.driver.list_devices():
        context = device.primary_context
        if context is not None:
            _kept.enter_context(context.deallocations.disable())
            _kept.enter_context(context.memory_manager.deallocations.disable())


def free_again() -> None:
    """Of a GPU that has not failed after all, memory is freed as before."""
    _kept.close()
