"""The packages that kernels for GPUs are compiled with, and what is said where they do not work together."""

from __future__ import annotations

from ...errors import DeviceError
from ..starting import in_one_line, versions

EXTRAS = "pip install 'numbacnn[cuda13]' (for NVIDIA driver 580 or newer) or pip install 'numbacnn[cuda12]' (for an older one)"
_PACKAGES = (
    *(
        "numba-cuda",
        "numba",
        "llvmlite",
        "numpy",
        "cuda-core",
        "cuda-bindings",
        "cuda-pathfinder",
        "cuda-toolkit",
    ),
    *("nvidia-nvvm", "nvidia-nvjitlink", "nvidia-nvjitlink-cu12"),
)


def at_odds(error: Exception) -> DeviceError:
    """What numba-cuda raised while it was imported or compiled a kernel, with the packages that this can come from."""
    return DeviceError(
        f"kernels for the GPU cannot be compiled with the packages that are installed ({in_one_line(error)}): "
        f"{versions(_PACKAGES)}. Versions that work together come with {EXTRAS}"
    )
