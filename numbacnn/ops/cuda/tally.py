"""What a training step says of itself, on the GPU; see ops.tally."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda, float32, uint32

from .budget import Budget
from .reductions import LOWEST, NONE, stronger, team_strongest, team_sum
from .toolchain import ONE, WARP, ZERO, kernel, launch

BUDGETS = {"_write": Budget(registers=32, shared_bytes=9216)}
_THREADS = 1024
_FIRST = np.uint32(0)


@kernel
def _write(
    rows: Any,
    losses: Any,
    scores: Any,
    labels: Any,
    step: Any,
    count: Any,
    classes: Any,
    total_rows: Any,
    width: Any,
) -> None:
    values, places = cuda.shared.array(_THREADS, float32), cuda.shared.array(_THREADS, uint32)
    thread, threads = np.uint32(cuda.threadIdx.x), np.uint32(_THREADS)
    own, n = ZERO, thread
    while n < count:
        own += losses[n]
        n = np.uint32(n + threads)
    total = team_sum(values, own, threads)
    # A team of `width` threads a picture. All threads go as many rounds, since the barriers are the block's.
    team, lane = np.uint32(thread // width), np.uint32(thread % width)
    wrong, first = ZERO, _FIRST
    while first < count:
        n = np.uint32(first + team)
        largest, best = LOWEST, NONE
        if n < count:
            k = lane
            while k < classes:
                score = scores[np.uint32(n * classes + k)]
                if stronger(score, k, largest, best):
                    largest, best = score, k
                k = np.uint32(k + width)
        best, _ = team_strongest(values, places, largest, best, width)
        if n < count and lane == _FIRST and best != np.uint32(labels[n]):
            wrong += ONE
        first = np.uint32(first + threads // width)
    wrong = team_sum(values, wrong, threads)
    if thread == _FIRST:
        row = np.uint32(np.uint32(step[1] % np.uint64(total_rows)) << np.uint32(1))
        rows[row] = total
        rows[np.uint32(row + np.uint32(1))] = wrong


def write(rows: Any, losses: Any, scores: Any, labels: Any, step: Any) -> None:
    """rows_number % M = (sum_n losses_n, number of n whose largest score is not its label's). A NaN is the largest."""
    count, classes = scores.shape
    width = min(WARP, 1 << (classes - 1).bit_length())
    sizes = count, classes, rows.shape[0], width
    launch(_write, 1, _THREADS, rows, losses, scores, labels, step, *sizes)
