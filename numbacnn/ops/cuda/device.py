"""Opens the GPU, or says why it cannot be used. numba-cuda, which may be missing, is imported here first."""

from __future__ import annotations

import importlib.util

from ...device import Device
from ...errors import DeviceError
from .packages import EXTRAS, at_odds


def open_device() -> Device:
    """The GPU, if all that it needs is here. Raises DeviceError that says what is missing and how to get it."""
    if importlib.util.find_spec("numba_cuda") is None:
        raise DeviceError(f"device 'cuda' needs the package numba-cuda, which is not installed: {EXTRAS}")
    try:
        from .diagnosis import problem

        found = problem(EXTRAS)
        if found:
            raise DeviceError(f"device 'cuda' cannot be used: {found}")
        from .diagnosis import gpu
        from .gpu import CUDA
        from .product.tuned import use_table_of

        use_table_of(gpu().name)
    except DeviceError:
        raise
    except Exception as error:  # of whichever package
        raise at_odds(error) from error
    return CUDA()
