"""One thread an element, or a few: which ones they are, and how many threads are launched for an array.

Where a kernel does little else than wait for memory, a thread works on `EACH` elements, all of which it asks for before it
waits for the first: with one a thread, a multiprocessor does not ask for enough at a time to keep the memory busy. They
lie as many elements apart as there are threads, so that neighbouring threads still read neighbours.

By lines, a block has elements of one line only: what depends on the line is worked out once for all of its threads, and
its elements need one division less.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import cuda, float32

from .budget import Budget
from .toolchain import WARP, ZERO, device_function, grid, kernel, launch

THREADS = 256
EACH = 4
"""Elements of a thread."""
BUDGET = Budget(registers=32, shared_bytes=0)
"""Of a kernel on elements: with more registers, a multiprocessor would hold fewer threads to wait for memory."""


@device_function
def element() -> Any:
    """The element that this thread works on, uint32; it may lie beyond the last."""
    return np.uint32(np.uint32(cuda.blockIdx.x) * np.uint32(cuda.blockDim.x) + np.uint32(cuda.threadIdx.x))


@device_function
def own_elements() -> tuple[Any, Any]:
    """The first of this thread's `EACH` elements, and how far its next one is, uint32; they may lie beyond the last."""
    return element(), np.uint32(np.uint32(cuda.gridDim.x) * np.uint32(cuda.blockDim.x))


@device_function
def line_element() -> tuple[Any, Any]:
    """The line that this thread works on and its element of the line, uint32; it may lie beyond the last."""
    place = np.uint32(cuda.blockIdx.y) * np.uint32(cuda.blockDim.x) + np.uint32(cuda.threadIdx.x)
    return np.uint32(cuda.blockIdx.x), np.uint32(place)


def few_at_a_time(name: str, function: Any, arrays: int) -> Any:
    """The kernel of that name that writes target_i = function(a_i, b_i, c_i, p, q), `EACH` elements a thread. It reads so many of
    the three arrays, and has a number of no meaning for the others'.
    """
    two, three = arrays > 1, arrays > 2

    def write(target: Any, a: Any, b: Any, c: Any, p: Any, q: Any) -> None:
        (first, apart), size = own_elements(), np.uint32(target.size)
        of_a, of_b = cuda.local.array(EACH, float32), cuda.local.array(EACH, float32)
        of_c = cuda.local.array(EACH, float32)
        for j in range(EACH):
            i = np.uint32(first + np.uint32(j) * apart)
            if i < size:
                of_a[j] = a[i]
                if two:
                    of_b[j] = b[i]
                if three:
                    of_c[j] = c[i]
        for j in range(EACH):
            i = np.uint32(first + np.uint32(j) * apart)
            if i < size:
                target[i] = function(of_a[j], of_b[j], of_c[j], p, q)

    return kernel(write, name=name)


def launch_each(kernel: Any, elements: int, *arguments: Any) -> None:
    """Launches a kernel on so many elements, one a thread."""
    launch(kernel, grid(elements, THREADS), THREADS, *arguments)


def launch_few(kernel: Any, elements: int, *arguments: Any, channels: int = 1) -> None:
    """Launches a kernel on so many elements, `EACH` a thread. A thread's elements are all of one of the `channels`, which
    follow each other in memory.
    """
    together = channels // math.gcd(channels, THREADS)
    blocks = grid(grid(elements, EACH * THREADS), together) * together
    launch(kernel, blocks, THREADS, *arguments)


def write_few(kernel: Any, target: Any, *arrays: Any, p: Any = ZERO, q: Any = ZERO) -> None:
    """Launches a kernel of `few_at_a_time` on as many arrays as it reads."""
    launch_few(kernel, target.size, target, *(*arrays, *arrays[-1:] * 2)[:3], p, q)


def launch_lines(kernel: Any, lines: int, length: int, *arguments: Any) -> None:
    """Launches a kernel on so many lines of so many elements each, one a thread."""
    threads = min(THREADS, grid(length, WARP) * WARP)
    launch(kernel, (max(1, lines), grid(length, threads)), threads, *arguments)
