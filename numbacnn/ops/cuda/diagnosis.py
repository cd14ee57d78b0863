"""Which GPU there is and what its software is, or why none can be used."""

from __future__ import annotations

from importlib import metadata
from typing import NamedTuple

from numba import cuda
from numba.cuda.core import config
from numba.cuda.cudadrv import driver, runtime

from .driver_errors import driver_errors
from .memory import memory_info

OLDEST = (7, 5)
"""Compute capability of the oldest GPUs that kernels are compiled for."""


class GPU(NamedTuple):
    """What is known of the GPU and its software."""

    name: str
    compute_capability: tuple[int, int]
    free_bytes: int
    total_bytes: int
    driver: str
    """The newest CUDA that it can run."""
    toolkit: str
    """The CUDA that kernels are compiled with."""
    numba_cuda: str


def gpu() -> GPU:
    """The GPU in use. Only after `problem` found none."""
    device = cuda.get_current_device()
    name = device.name.decode() if isinstance(device.name, bytes) else str(device.name)
    newest, toolkit = _dotted(_driver_version()), _dotted(_toolkit_version())
    return GPU(name, compute_capability(), *memory_info(), newest, toolkit, metadata.version("numba-cuda"))


def compute_capability() -> tuple[int, int]:
    """Of the GPU in use."""
    return tuple(cuda.get_current_device().compute_capability)


def problem(extras: str) -> str | None:
    """Why there is no usable GPU; None: there is. `extras`: the commands that install what can be missing."""
    if config.ENABLE_CUDASIM:
        return "NUMBA_ENABLE_CUDASIM makes numba-cuda simulate a GPU, which nothing here is written for: unset it"
    if getattr(cuda, "implementation", None) != "NVIDIA":
        return f"numba.cuda is not numba-cuda's, whose package is damaged or hidden; reinstall it: {extras}"
    if not cuda.is_available():
        found = " ".join(str(cuda.cuda_error() or "").split())
        reason = f" ({found})" if found else ""
        return (
            f"no NVIDIA driver or GPU was found{reason}; 'nvidia-smi' should list one. The packages beside the driver come "
            f"with {extras}"
        )
    newest, packages = _driver_version(), _packages_version()
    if newest[0] < packages:
        return (
            f"the NVIDIA driver runs CUDA {_dotted(newest)} at most, and the installed packages are for CUDA {packages}: update "
            f"the driver, or take packages that fit it: {extras}"
        )
    try:
        capability = compute_capability()  # of a context, which is made here
    except driver_errors() as error:
        return (
            f"the GPU does not open ({error}); 'nvidia-smi' shows whether another process has it to itself, or all of its "
            "memory"
        )
    if capability < OLDEST:
        return f"its compute capability is {_dotted(capability)}, and {_dotted(OLDEST)} (Turing) or newer is needed"
    return None


def _driver_version() -> tuple[int, int]:
    """The newest CUDA that the driver can run."""
    major, minor = driver.driver.get_version()
    return major, minor


def _packages_version() -> int:
    """The CUDA that numba-cuda's packages are made for; no driver older than that runs their kernels."""
    return int(metadata.version("cuda-bindings").partition(".")[0])


def _toolkit_version() -> tuple[int, int]:
    """Of the CUDA whose compiler is installed; NVVM's own number is another, that of its language."""
    major, minor = runtime.get_version()
    return major, minor


def _dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))
