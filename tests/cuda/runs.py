"""Which of the three runs of the CUDA tests this is: simulated, compiled without a GPU, or on one."""

from __future__ import annotations

import importlib.util
import os

import pytest

NO_NUMBA_CUDA = "no numba-cuda"


def _installed(*packages: str) -> bool:
    return all(importlib.util.find_spec(package) for package in packages)


def needs_simulator() -> None:
    """Skips the whole file if this is another run, else puts the scheduler in place."""
    if os.environ.get("NUMBA_ENABLE_CUDASIM") != "1":
        pytest.skip("not the simulator: NUMBA_ENABLE_CUDASIM is not 1", allow_module_level=True)
    needs_numba_cuda()
    if not _installed("greenlet"):
        pytest.skip("no greenlet", allow_module_level=True)
    import scheduler

    scheduler.install()


def needs_numba_cuda() -> None:
    # Its own name, as numba brings a `numba.cuda` too, an older one.
    if not _installed("numba_cuda"):
        pytest.skip(NO_NUMBA_CUDA, allow_module_level=True)


def needs_compiler() -> None:
    """Skips the whole file unless kernels can be compiled and their machine code be read."""
    if os.environ.get("NUMBA_ENABLE_CUDASIM") == "1":
        pytest.skip("the simulator compiles nothing", allow_module_level=True)
    needs_numba_cuda()
    from kernels.machine_code import need_tools
    from kernels.nvidia import ToolMissingError

    try:
        need_tools()
    except ToolMissingError as missing:
        pytest.skip(str(missing), allow_module_level=True)


def needs_no_simulator() -> None:
    """Skips the whole file in the simulated run, and without numba-cuda."""
    if os.environ.get("NUMBA_ENABLE_CUDASIM") == "1":
        pytest.skip("the simulator has no driver", allow_module_level=True)
    needs_numba_cuda()


def needs_gpu() -> None:
    """Skips the whole file unless there is a GPU to run on."""
    if os.environ.get("NUMBA_ENABLE_CUDASIM") == "1":
        pytest.skip("the simulator is no GPU", allow_module_level=True)
    from numbacnn.device import get_device
    from numbacnn.errors import DeviceError

    try:
        get_device("cuda")
    except DeviceError as error:
        pytest.skip(f"no GPU: {error}", allow_module_level=True)
