"""One block a picture: the threads share its classes out, thread t taking classes t, t + T, t + 2T and so on."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda

from .budget import Budget
from .toolchain import WARP, device_function, launch

MOST_THREADS = 256
BUDGET = Budget(registers=32, shared_bytes=3072)
"""Of a kernel on rows: a number and a place a thread, and the 1024 bytes that Hopper's system takes of each block."""


@device_function
def row_thread() -> tuple[Any, Any, Any]:
    """The row of this thread's block, the thread's number, and how many threads share the row, uint32."""
    return np.uint32(cuda.blockIdx.x), np.uint32(cuda.threadIdx.x), np.uint32(cuda.blockDim.x)


def launch_rows(kernel: Any, rows: int, classes: int, *arguments: Any) -> None:
    """Launches a kernel with a block a row, of so many threads (a power of two) as its classes keep at work."""
    threads = WARP
    while threads < min(classes, MOST_THREADS):
        threads *= 2
    launch(kernel, rows, threads, *arguments)
