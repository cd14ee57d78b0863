"""How a block of threads reads its part of a matrix: four neighbours at a time.

A loader serves one matrix of a product, A (rows, depth) or B (depth, columns), and is two device functions:
    begin(state, at, geometry, group, place, limit)
        what a thread remembers of four rows (or columns) from `place` on, in state[at : at + words]; rows from `limit`
        on are none
    load(four, at, array, geometry, group, state, at_state, k, end)
        four[at : at + 4] = the numbers at depth k (where they lie along the depth: at k .. k + 3), 0 at and beyond depth
        `end` and where there is nothing
`deep`: the four lie along the depth; else along the rows of A or the columns of B. `geometry` is a tuple of uint32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..toolchain import ZERO, device_function, load4

NONE, ONE_MORE, TWO_MORE, THREE_MORE = (np.uint32(i) for i in range(4))


class Loader(NamedTuple):
    """See above; `words` is what a thread remembers. `light`: reading takes so few registers that two blocks of the largest
    tile fit a multiprocessor without spilling any.
    """

    deep: bool
    words: int
    begin: Callable[..., None]
    load: Callable[..., None]
    light: bool = False


@device_function
def fill(four: Any, at: Any, values: Any) -> None:
    a, b, c, d = values
    four[at], four[np.uint32(at + ONE_MORE)] = a, b
    four[np.uint32(at + TWO_MORE)], four[np.uint32(at + THREE_MORE)] = c, d


@device_function
def fill_zero(four: Any, at: Any) -> None:
    fill(four, at, (ZERO, ZERO, ZERO, ZERO))


@device_function
def read_four(four: Any, at: Any, array: Any, first: Any, left: Any) -> None:
    """The first `left` of four neighbours, then 0."""
    for i in range(4):
        j = np.uint32(i)
        four[np.uint32(at + j)] = array[np.uint32(first + j)] if j < left else ZERO


def along_depth(stride: int, aligned: bool) -> Loader:
    """A matrix whose depth is the fast axis, geometry[stride] elements between two rows: A of x (N,D)."""

    @device_function
    def begin(state: Any, at: Any, geometry: Any, group: Any, place: Any, limit: Any) -> None:
        state[at] = np.uint32(place * geometry[stride])
        state[np.uint32(at + ONE_MORE)] = ONE_MORE if place < limit else NONE

    @device_function
    def load(
        four: Any, at: Any, array: Any, geometry: Any, group: Any, state: Any, at_state: Any, k: Any, end: Any
    ) -> None:
        first = np.uint32(state[at_state] + k)
        if k >= end or state[np.uint32(at_state + ONE_MORE)] == NONE:
            fill_zero(four, at)
        elif aligned:
            fill(four, at, load4(array, first))
        else:
            read_four(four, at, array, first, np.uint32(end - k))

    return Loader(True, 2, begin, load, light=aligned)


def across_depth(stride: int, share: int, aligned: bool) -> Loader:
    """A matrix whose depth is the slow axis, geometry[stride] elements between two depths and geometry[share] between
    two groups: B of weights (D,K), A of x (N,D) turned round.
    """

    @device_function
    def begin(state: Any, at: Any, geometry: Any, group: Any, place: Any, limit: Any) -> None:
        state[at] = np.uint32(place + group * geometry[share])
        state[np.uint32(at + ONE_MORE)] = np.uint32(limit - place) if place < limit else NONE

    @device_function
    def load(
        four: Any, at: Any, array: Any, geometry: Any, group: Any, state: Any, at_state: Any, k: Any, end: Any
    ) -> None:
        first = np.uint32(k * geometry[stride] + state[at_state])
        left = state[np.uint32(at_state + ONE_MORE)]
        if k >= end or left == NONE:
            fill_zero(four, at)
        elif aligned:
            fill(four, at, load4(array, first))
        else:
            read_four(four, at, array, first, left)

    return Loader(False, 2, begin, load, light=aligned)
