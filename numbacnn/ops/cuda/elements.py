"""One thread an element: which one it is, and how many threads are launched for an array."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda

from .toolchain import device_function, grid, launch

THREADS = 256


@device_function
def element() -> Any:
    """The element that this thread works on, uint32; it may lie beyond the last."""
    return np.uint32(np.uint32(cuda.blockIdx.x) * np.uint32(cuda.blockDim.x) + np.uint32(cuda.threadIdx.x))


def launch_each(kernel: Any, elements: int, *arguments: Any) -> None:
    """Launches a kernel on so many elements, one a thread."""
    launch(kernel, grid(elements, THREADS), THREADS, *arguments)
