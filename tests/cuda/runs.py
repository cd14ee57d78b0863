"""What files of CUDA tests need, and are skipped without: numba-cuda, tools that read machine code, a GPU."""

from __future__ import annotations

import importlib.util

import pytest

NO_NUMBA_CUDA = "no numba-cuda"


def needs_numba_cuda() -> None:
    """Skips the whole file without it."""
    # Its own name, as numba brings a `numba.cuda` too, an older one.
    if importlib.util.find_spec("numba_cuda") is None:
        pytest.skip(NO_NUMBA_CUDA, allow_module_level=True)


def needs_compiler() -> None:
    """Skips the whole file unless kernels can be compiled and their machine code be read."""
    needs_numba_cuda()
    from kernels.machine_code import need_tools
    from kernels.nvidia import ToolMissingError

    try:
        need_tools()
    except ToolMissingError as missing:
        pytest.skip(str(missing), allow_module_level=True)


def needs_gpu() -> None:
    """Skips the whole file unless there is a GPU to run on."""
    from numbacnn.device import get_device
    from numbacnn.errors import DeviceError

    try:
        get_device("cuda")
    except DeviceError as error:
        pytest.skip(f"no GPU: {error}", allow_module_level=True)
