"""Where a block of threads finds its part of a matrix: four neighbours at a time.

A loader serves one matrix of a product, A (rows, depth) or B (depth, columns), and is two device functions:
    begin(state, at, geometry, group, place, limit)
        what a thread remembers of four rows (or columns) from `place` on, in state[at : at + words]; rows from `limit`
        on are none
    find(geometry, group, state, at, k, j, end)
        (whether there is one, its index in the array): number j of the four at depth k. Where there is none, at and
        beyond depth `end` among others, the matrix is 0
`deep`: the four lie along the depth, at k .. k + 3; else at depth k along the rows of A or the columns of B. `fours`: all
four are where the first is, side by side from an index that is a multiple of 4. `geometry` is a tuple of uint32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..toolchain import device_function

NONE, ONE_MORE, TWO_MORE, THREE_MORE = (np.uint32(i) for i in range(4))


class Loader(NamedTuple):
    """See above; `words` is what a thread remembers. `light`: finding takes so few registers that two blocks of the largest
    tile fit a multiprocessor without spilling any.
    """

    deep: bool
    fours: bool
    words: int
    begin: Callable[..., None]
    find: Callable[..., Any]
    light: bool = True


def along_depth(stride: int, share: int, aligned: bool) -> Loader:
    """A matrix whose depth is the fast axis, geometry[stride] elements between two rows and geometry[share] between two
    groups: A of x (N,D).
    """

    @device_function
    def begin(state: Any, at: Any, geometry: Any, group: Any, place: Any, limit: Any) -> None:
        state[at] = np.uint32(place * geometry[stride] + group * geometry[share])
        state[np.uint32(at + ONE_MORE)] = ONE_MORE if place < limit else NONE

    @device_function
    def find(geometry: Any, group: Any, state: Any, at: Any, k: Any, j: Any, end: Any) -> Any:
        own = np.uint32(k + j)
        return (own < end) & (state[np.uint32(at + ONE_MORE)] != NONE), np.uint32(state[at] + own)

    return Loader(True, aligned, 2, begin, find)


def across_depth(stride: int, share: int, aligned: bool) -> Loader:
    """A matrix whose depth is the slow axis, geometry[stride] elements between two depths and geometry[share] between
    two groups: B of weights (D,K), A of x (N,D) turned round.
    """

    @device_function
    def begin(state: Any, at: Any, geometry: Any, group: Any, place: Any, limit: Any) -> None:
        state[at] = np.uint32(place + group * geometry[share])
        state[np.uint32(at + ONE_MORE)] = np.uint32(limit - place) if place < limit else NONE

    @device_function
    def find(geometry: Any, group: Any, state: Any, at: Any, k: Any, j: Any, end: Any) -> Any:
        first = np.uint32(k * geometry[stride] + state[at])
        return (k < end) & (j < state[np.uint32(at + ONE_MORE)]), np.uint32(first + j)

    return Loader(False, aligned, 2, begin, find)
