"""Parts of A and B copied from memory into shared memory by instructions of their own (cp.async, compute capability 8.0
and newer), which a thread need not wait for: while a part is multiplied, the next ones are on their way into other
buffers (stages). They arrive as they lie in memory, four numbers a copy: `deep` ones as (row or column, depth), others as
(depth, row or column).

In a row of shared memory fours stand in an order that differs from row to row, for the threads of a warp to find what
they read at a time in different banks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import cuda, uint32

from ..instructions import copies_end, copies_wait, copy_four, copy_one, load4, store4
from ..toolchain import device_function
from .core import Share, share_of, warp_place
from .loaders import NONE, ONE_MORE, TWO_MORE, Loader
from .tile import Tile

DEPTH = 16
"""Of a part: a row of a deep one takes 16 of the 32 banks."""
_MOST_STAGES, _MOST_BYTES = 4, 48 * 1024
_FOUR, _EIGHT, _DEPTH = (np.uint32(i) for i in (4, 8, DEPTH))
_FOURS_OF_EIGHT = np.uint32(3)


@device_function
def in_deep(place: Any, depth: Any) -> Any:
    """Where a number is in a deep part. Fours of eight rows, two rows to the 32 banks: of rows 2, 3, 6 and 7 each half is
    exchanged, of rows 4 to 7 each four with its neighbour.
    """
    order = np.uint32((place & TWO_MORE) | ((place >> TWO_MORE) & ONE_MORE))
    return np.uint32(place * _DEPTH + (((depth // _FOUR) ^ order) * _FOUR) + depth % _FOUR)


def in_flat(extent: int, apart: int) -> Any:
    """Where a number is in a part (depth, extent), for threads that read eight neighbours at four depths, `apart` from
    each other, at a time.
    """
    width, most = np.uint32(extent), np.uint32(extent - 1)
    each = np.uint32(apart)

    @device_function
    def index(place: Any, depth: Any) -> Any:
        order = np.uint32(((depth // each) & _FOURS_OF_EIGHT) * _EIGHT)
        return np.uint32(depth * width + (place ^ (order & most)))

    return index


def by_copies(
    tile: Tile,
    load_a: Loader,
    load_b: Loader,
    index_a: Callable[..., Any],
    index_b: Callable[..., Any],
    reads_a: Callable[..., Any],
    reads_b: Callable[..., Any],
    rounded: Callable[..., Any] | None,
    multiply: Callable[..., None],
) -> tuple[int, int, Any]:
    """(shared_a, shared_b, accumulate) of a core.

    index(place, depth)     where a number is in a part: in_deep or in_flat
    reads(first, lane)      where a thread first reads, if its warp's part begins at row or column `first`
    rounded(value)          what becomes of a number that has arrived, if anything does
    multiply(sums, shared_a, shared_b, at_a, at_b)
                            adds a whole part to the sums
    """
    share_a, share_b = share_of(load_a, tile.rows, tile), share_of(load_b, tile.columns, tile)
    begin_a, copy_a = share_a.begin, _copier(load_a, share_a, index_a)
    begin_b, copy_b = share_b.begin, _copier(load_b, share_b, index_b)
    round_a, round_b = _rounder(share_a, index_a, rounded), _rounder(share_b, index_b, rounded)
    state_a_size, state_b_size = share_a.state_size, share_b.state_size
    size_a, size_b = tile.rows * DEPTH, tile.columns * DEPTH
    stages = min(_MOST_STAGES, _MOST_BYTES // (4 * (size_a + size_b)))
    stage_a, stage_b = np.uint32(size_a), np.uint32(size_b)
    all_a, all_b = np.uint32(stages * size_a), np.uint32(stages * size_b)
    ahead = stages - 1
    wait_for_oldest = copies_wait(stages - 2)
    own_warp = warp_place(tile)

    @device_function
    def accumulate(
        sums: Any,
        shared_a: Any,
        shared_b: Any,
        a: Any,
        b: Any,
        geometry: Any,
        group: Any,
        thread: Any,
        corner: Any,
        limits: Any,
        k: Any,
        end: Any,
    ) -> None:
        state_a, state_b = cuda.local.array(state_a_size, uint32), cuda.local.array(state_b_size, uint32)
        begin_a(state_a, geometry, group, thread, corner[0], limits[0])
        begin_b(state_b, geometry, group, thread, corner[1], limits[1])
        row, column, lane = own_warp(thread)
        from_a, from_b = reads_a(row, lane), reads_b(column, lane)
        to_a, to_b, next_k = NONE, NONE, k
        for _ in range(ahead):
            copy_a(shared_a, to_a, a, geometry, group, state_a, thread, next_k, end)
            copy_b(shared_b, to_b, b, geometry, group, state_b, thread, next_k, end)
            copies_end()
            to_a, to_b = np.uint32(to_a + stage_a), np.uint32(to_b + stage_b)
            next_k = np.uint32(next_k + _DEPTH)
        at_a, at_b = NONE, NONE
        while k < end:
            wait_for_oldest()
            round_a(shared_a, at_a, thread)
            round_b(shared_b, at_b, thread)
            # Of all threads what they copied is there, and none reads any more what is overwritten next.
            cuda.syncthreads()
            copy_a(shared_a, to_a, a, geometry, group, state_a, thread, next_k, end)
            copy_b(shared_b, to_b, b, geometry, group, state_b, thread, next_k, end)
            copies_end()
            multiply(sums, shared_a, shared_b, np.uint32(at_a + from_a), np.uint32(at_b + from_b))
            to_a, to_b = at_a, at_b
            at_a, at_b = np.uint32(at_a + stage_a), np.uint32(at_b + stage_b)
            if at_a == all_a:
                at_a, at_b = NONE, NONE
            k, next_k = np.uint32(k + _DEPTH), np.uint32(next_k + _DEPTH)

    return int(all_a), int(all_b), accumulate


def _copier(loader: Loader, share: Share, index: Callable[..., Any]) -> Any:
    """What every thread starts for its share of a part, if that begins before `end`."""
    count, threads, words = share.fours, share.threads, share.words
    is_one, place_of, find, fours = share.is_one, share.place_of, loader.find, loader.fours

    @device_function
    def copy(
        shared: Any,
        stage: Any,
        array: Any,
        geometry: Any,
        group: Any,
        state: Any,
        thread: Any,
        k: Any,
        end: Any,
    ) -> None:
        if k < end:
            for i in range(count):
                four = np.uint32(thread + np.uint32(i) * threads)
                if is_one(four):
                    place, deeper = place_of(four)
                    at_state, depth = np.uint32(np.uint32(i) * words), np.uint32(k + deeper)
                    to = np.uint32(stage + index(place, deeper))
                    if fours:
                        is_there, first = find(geometry, group, state, at_state, depth, NONE, end)
                        copy_four(shared, to, array, first, is_there)
                    else:
                        for j in range(4):
                            own = np.uint32(j)
                            is_there, first = find(geometry, group, state, at_state, depth, own, end)
                            copy_one(shared, np.uint32(to + own), array, first, is_there)

    return copy


def _rounder(share: Share, index: Callable[..., Any], rounded: Callable[..., Any] | None) -> Any:
    """What every thread does to the numbers that it copied, once they have arrived: to each of them once, where each is
    then read by several warps.
    """
    count, threads, is_one, place_of = share.fours, share.threads, share.is_one, share.place_of

    @device_function
    def leave(shared: Any, stage: Any, thread: Any) -> None:
        pass

    if rounded is None:
        return leave

    @device_function
    def round_own(shared: Any, stage: Any, thread: Any) -> None:
        for i in range(count):
            four = np.uint32(thread + np.uint32(i) * threads)
            if is_one(four):
                place, deeper = place_of(four)
                at = np.uint32(stage + index(place, deeper))
                a, b, c, d = load4(shared, at)
                store4(shared, at, rounded(a), rounded(b), rounded(c), rounded(d))

    return round_own
