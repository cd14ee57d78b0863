"""One thread an element: which one it is, and how many threads are launched for an array.

By lines, a block has elements of one line only: what depends on the line is worked out once for all of its threads, and
its elements need one division less.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda

from .budget import Budget
from .toolchain import WARP, device_function, grid, launch

THREADS = 256
BUDGET = Budget(registers=32, shared_bytes=0)
"""Of a kernel on elements: with more registers, a multiprocessor would hold fewer threads to wait for memory."""


@device_function
def element() -> Any:
    """The element that this thread works on, uint32; it may lie beyond the last."""
    return np.uint32(np.uint32(cuda.blockIdx.x) * np.uint32(cuda.blockDim.x) + np.uint32(cuda.threadIdx.x))


@device_function
def line_element() -> tuple[Any, Any]:
    """The line that this thread works on and its element of the line, uint32; it may lie beyond the last."""
    place = np.uint32(cuda.blockIdx.y) * np.uint32(cuda.blockDim.x) + np.uint32(cuda.threadIdx.x)
    return np.uint32(cuda.blockIdx.x), np.uint32(place)


def launch_each(kernel: Any, elements: int, *arguments: Any) -> None:
    """Launches a kernel on so many elements, one a thread."""
    launch(kernel, grid(elements, THREADS), THREADS, *arguments)


def launch_lines(kernel: Any, lines: int, length: int, *arguments: Any) -> None:
    """Launches a kernel on so many lines of so many elements each, one a thread."""
    threads = min(THREADS, grid(length, WARP) * WARP)
    launch(kernel, (max(1, lines), grid(length, threads)), threads, *arguments)
