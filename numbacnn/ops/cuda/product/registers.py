"""Parts of A and B by way of registers: the next one is on its way from memory while the last is multiplied, and then put
into the other of two buffers of shared memory, in whatever order and type a core reads it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import cuda, float32, uint32

from ..instructions import load4
from ..toolchain import ZERO, device_function
from .core import ColumnSums, column_sums, warp_place
from .loaders import NONE, ONE_MORE, THREE_MORE, TWO_MORE, Loader
from .share import Share, share_of
from .tile import Tile

_FOUR = np.uint32(4)


@device_function
def fill(four: Any, at: Any, values: Any) -> None:
    a, b, c, d = values
    four[at], four[np.uint32(at + ONE_MORE)] = a, b
    four[np.uint32(at + TWO_MORE)], four[np.uint32(at + THREE_MORE)] = c, d


@device_function
def _no_columns(shared: Any, thread: Any) -> None:
    pass


@device_function
def _no_numbers(shared: Any, numbers: Any, thread: Any) -> None:
    pass


def adding(columns: ColumnSums | None) -> tuple[Any, Any]:
    """(begin, add) of sums of columns, which do nothing where there are none."""
    return (_no_columns, _no_numbers) if columns is None else (columns.begin, columns.add)


class Store(NamedTuple):
    """How a part of A or B lies in shared memory: `size` elements of float32, and

    put(shared, buffer, place, depth, numbers, at)  puts numbers[at : at + 4] there, the first of which is of row or column
                                                    `place`; `buffer` is where the part begins. The four follow each other
                                                    along the depth if the loader is deep, else side by side.
    """

    size: int
    put: Callable[..., None]


def by_registers(
    tile: Tile,
    load_a: Loader,
    load_b: Loader,
    store_a: Store,
    store_b: Store,
    sums_columns: bool,
    reads_from: Callable[..., Any],
    multiply: Callable[..., None],
) -> tuple[int, int, Any, ColumnSums | None]:
    """(shared_a, shared_b, accumulate, columns) of a core.

    reads_from(row, column, lane)
                        elements from the beginning of the two parts to what a thread reads first, whose warp's part of C
                        begins at that row and column of the tile
    multiply(sums, of_a, of_b, shared_a, shared_b, at_a, at_b)
                        adds a whole part to the sums; of_a and of_b are registers, tile.down and tile.across
    """
    share_a, share_b = share_of(load_a, tile.rows, tile), share_of(load_b, tile.columns, tile)
    begin_a, fetch_a, put_a = share_a.begin, fetching(load_a, share_a), _putting(share_a, store_a)
    begin_b, fetch_b, put_b = share_b.begin, fetching(load_b, share_b), _putting(share_b, store_b)
    state_a_size, state_b_size = share_a.state_size, share_b.state_size
    next_a, next_b = 4 * share_a.fours, 4 * share_b.fours
    size_a, size_b = store_a.size, store_b.size
    buffer_a, buffer_b = np.uint32(size_a), np.uint32(size_b)
    step, down, across = np.uint32(tile.depth), tile.down, tile.across
    own_warp = warp_place(tile)
    columns = column_sums(share_b, tile.columns) if sums_columns else None
    begin_columns, add_columns = adding(columns)

    @device_function
    def accumulate(
        sums: Any,
        shared_a: Any,
        shared_b: Any,
        of_columns: Any,
        adds: Any,
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
        of_a, of_b = cuda.local.array(down, float32), cuda.local.array(across, float32)
        next_of_a, next_of_b = cuda.local.array(next_a, float32), cuda.local.array(next_b, float32)
        state_a, state_b = cuda.local.array(state_a_size, uint32), cuda.local.array(state_b_size, uint32)
        begin_a(state_a, geometry, group, thread, corner[0], limits[0])
        begin_b(state_b, geometry, group, thread, corner[1], limits[1])
        row, column, lane = own_warp(thread)
        from_a, from_b = reads_from(row, column, lane)
        here_a, here_b = from_a, from_b

        fetch_a(next_of_a, a, geometry, group, state_a, thread, k, end)
        fetch_b(next_of_b, b, geometry, group, state_b, thread, k, end)
        put_a(shared_a, NONE, next_of_a, thread)
        put_b(shared_b, NONE, next_of_b, thread)
        if adds:
            begin_columns(of_columns, thread)
            add_columns(of_columns, next_of_b, thread)
        cuda.syncthreads()
        other = ONE_MORE
        while k < end:
            k = np.uint32(k + step)
            more = k < end
            if more:
                fetch_a(next_of_a, a, geometry, group, state_a, thread, k, end)
                fetch_b(next_of_b, b, geometry, group, state_b, thread, k, end)
            multiply(sums, of_a, of_b, shared_a, shared_b, here_a, here_b)
            if more:
                put_a(shared_a, np.uint32(other * buffer_a), next_of_a, thread)
                put_b(shared_b, np.uint32(other * buffer_b), next_of_b, thread)
                if adds:
                    add_columns(of_columns, next_of_b, thread)
                here_a, here_b = np.uint32(from_a + other * buffer_a), np.uint32(from_b + other * buffer_b)
                other = np.uint32(ONE_MORE - other)
                cuda.syncthreads()

    return 2 * size_a, 2 * size_b, accumulate, columns


def fetching(loader: Loader, share: Share) -> Any:
    """A device function that asks memory for a thread's share of a part."""
    count, words, is_one, place_of = share.fours, share.words, share.is_one, share.place_of
    fours, find = loader.fours, loader.find

    @device_function
    def fetch(
        numbers: Any, array: Any, geometry: Any, group: Any, state: Any, thread: Any, k: Any, end: Any
    ) -> None:
        for i in range(count):
            if is_one(thread, i):
                _, deeper = place_of(thread, i)
                depth = np.uint32(k + deeper)
                at, at_state = np.uint32(np.uint32(i) * _FOUR), np.uint32(np.uint32(i) * words)
                if fours:
                    is_there, first = find(geometry, group, state, at_state, depth, NONE, end)
                    if is_there:
                        fill(numbers, at, load4(array, first))
                    else:
                        fill(numbers, at, (ZERO, ZERO, ZERO, ZERO))
                else:
                    for j in range(4):
                        own = np.uint32(j)
                        is_there, place = find(geometry, group, state, at_state, depth, own, end)
                        numbers[np.uint32(at + own)] = array[place] if is_there else ZERO

    return fetch


def _putting(share: Share, store: Store) -> Any:
    """A device function that puts a thread's share of a part into shared memory."""
    count, is_one, place_of, put_four = share.fours, share.is_one, share.place_of, store.put

    @device_function
    def put(shared: Any, buffer: Any, numbers: Any, thread: Any) -> None:
        for i in range(count):
            if is_one(thread, i):
                place, deeper = place_of(thread, i)
                put_four(shared, buffer, place, deeper, numbers, 4 * i)

    return put
