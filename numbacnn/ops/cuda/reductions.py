"""Sums and maxima over the threads of a block, in an order that their number alone decides.

The threads stand in teams of `width`, a power of two; each team has its own result. Every thread of the block calls,
and the arrays in shared memory hold a number for each.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda

from .toolchain import device_function

NONE = np.uint32(0xFFFFFFFF)
"""The place of a candidate that is none."""
LOWEST = np.float32(-np.inf)
_ONE = np.uint32(1)
_NOTHING = np.uint32(0)


@device_function
def team_sum(values: Any, own: Any, width: Any) -> Any:
    """The sum of the team's `own`, the same bits for each thread of it."""
    thread = np.uint32(cuda.threadIdx.x)
    lane = np.uint32(thread & np.uint32(width - _ONE))
    values[thread] = own
    cuda.syncthreads()
    half = np.uint32(width >> _ONE)
    while half > _NOTHING:
        if lane < half:
            values[thread] += values[np.uint32(thread + half)]
        cuda.syncthreads()
        half = np.uint32(half >> _ONE)
    result = values[np.uint32(thread - lane)]
    # Nobody writes the next numbers before all have read these.
    cuda.syncthreads()
    return result


@device_function
def stronger(value: Any, place: Any, other: Any, others: Any) -> Any:
    """Whether a candidate beats another: a NaN beats every number, and the NaN behind it; of equals the first wins."""
    if value != value:
        return other == other or place > others
    return value > other or (value == other and place < others)


@device_function
def team_strongest(values: Any, places: Any, own: Any, place: Any, width: Any) -> Any:
    """The place of the team's strongest candidate, and its value."""
    thread = np.uint32(cuda.threadIdx.x)
    lane = np.uint32(thread & np.uint32(width - _ONE))
    values[thread], places[thread] = own, place
    cuda.syncthreads()
    half = np.uint32(width >> _ONE)
    while half > _NOTHING:
        if lane < half:
            other = np.uint32(thread + half)
            if stronger(values[other], places[other], values[thread], places[thread]):
                values[thread], places[thread] = values[other], places[other]
        cuda.syncthreads()
        half = np.uint32(half >> _ONE)
    first = np.uint32(thread - lane)
    result = places[first], values[first]
    cuda.syncthreads()
    return result
