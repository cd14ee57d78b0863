"""What a training step sees, taken on the GPU from what lies there for a whole epoch; see ops.batches."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda

from .budget import Budget
from .elements import BUDGET, launch_lines, line_element
from .toolchain import kernel, launch

BUDGETS = {"_take": Budget(registers=32, shared_bytes=0), "_gather": BUDGET}
_THREADS = 1024


@kernel
def _take(row: Any, place: Any, numbers: Any, width: Any) -> None:
    thread, threads = np.uint32(cuda.threadIdx.x), np.uint32(_THREADS)
    first = np.uint64(place[0]) * np.uint64(width)
    i = thread
    while i < width:
        row[i] = numbers[np.uint64(first + np.uint64(i))]
        i = np.uint32(i + threads)
    cuda.syncthreads()  # all have read where they are
    if thread == np.uint32(0):
        place[0] = np.uint32(place[0] + np.uint32(1))


@kernel
def _gather(chosen: Any, rows: Any, indices: Any, length: Any) -> None:
    n, place = line_element()
    if place < length:
        source = np.uint64(np.uint64(indices[n]) * np.uint64(length) + np.uint64(place))
        chosen[np.uint32(n * length + place)] = rows[source]


def take(row: Any, place: Any, numbers: Any) -> None:
    """row = numbers_place;  place = place + 1. By one block, whose threads wait for each other before it goes on."""
    launch(_take, 1, _THREADS, row, place, numbers, row.size)


def gather(chosen: Any, rows: Any, indices: Any) -> None:
    """chosen_n = rows_indices_n."""
    count = chosen.shape[0]
    length = chosen.size // count
    launch_lines(_gather, count, length, chosen, rows, indices, length)
