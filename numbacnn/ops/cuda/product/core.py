"""What multiplies in a product: a core fills shared memory with parts of A and B, as deep as its tile says, and adds what
they contribute to the sums that each thread holds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..instructions import load4, store4
from ..toolchain import ZERO, device_function
from .loaders import Loader
from .tile import Tile

_FOUR, _WARP = np.uint32(4), np.uint32(32)


class Core(NamedTuple):
    """Its functions:

    accumulate(sums, shared_a, shared_b, columns, adds, a, b, geometry, group, thread, corner, limits, k, end)
                    adds the product of A and B over the depths k up to `end` to the sums; corner is the (row, column)
                    of C where the block's tile begins, limits the (rows, columns) of C; `columns` is a ColumnSums' shared
                    memory, and `adds` whether this block is to fill it
    owns(lane)      (row, column) of a thread's first sum in its warp's part of the tile
    place_of(i)     (row, column) of sum i from there
    """

    shared_a: int
    """Elements of shared memory for parts of A."""
    shared_b: int
    accumulate: Callable[..., None]
    owns: Callable[..., Any]
    place_of: Callable[..., Any]
    registers: int
    """Of a thread, at most, where two blocks need not fit at once."""
    ffma_share: float
    """Of the instructions of the loop over the depth, at least."""
    hmma_share: float = 0.0
    """Likewise of what tensor cores execute."""


MakeCore = Callable[[Tile, Loader, Loader, "ColumnSums | None"], Core]


class Share(NamedTuple):
    """A thread's share of a part (extent, depth) of a matrix, in fours: number i of its `fours` is four
    thread + i * threads of the part, if there is one.

    is_one(four)                                            whether there is
    begin(state, geometry, group, thread, first, limit)     the loader's, for all of them; the part begins at row or
                                                            column `first` of the matrix
    place_of(four)                                          (row or column, depth) of its first number, in the part
    """

    fours: int
    threads: Any
    words: Any
    state_size: int
    is_one: Callable[..., Any]
    begin: Callable[..., None]
    place_of: Callable[..., Any]


def share_of(loader: Loader, extent: int, tile: Tile) -> Share:
    fours = extent * tile.depth // 4
    count = -(-fours // tile.threads)
    threads, words = np.uint32(tile.threads), np.uint32(loader.words)
    deep = loader.deep
    fast = np.uint32((tile.depth if deep else extent) // 4)
    begin_four = loader.begin
    even, all_fours = fours % tile.threads == 0, np.uint32(fours)

    @device_function
    def is_one(four: Any) -> Any:
        return even or four < all_fours

    @device_function
    def place_of(four: Any) -> Any:
        slow = np.uint32(four // fast)
        quick = np.uint32((four - slow * fast) * _FOUR)
        return (slow, quick) if deep else (quick, slow)

    @device_function
    def begin(state: Any, geometry: Any, group: Any, thread: Any, first: Any, limit: Any) -> None:
        for i in range(count):
            place, _ = place_of(np.uint32(thread + np.uint32(i) * threads))
            at = np.uint32(np.uint32(i) * words)
            begin_four(state, at, geometry, group, np.uint32(first + place), limit)

    return Share(count, threads, words, count * loader.words, is_one, begin, place_of)


class ColumnSums(NamedTuple):
    """Sums of the columns of B, taken of what a block reads of it anyway: every thread adds, in shared memory of its own, the
    numbers that it fetches, before they are rounded.

    begin(shared, thread)           sets a thread's own sums to 0
    add(shared, numbers, thread)    adds its share of a part of B, four numbers each (`share_of`)
    total(shared, column)           a column's sum, in the order of the threads, once all of them have added all
    """

    size: int
    """Elements of shared memory."""
    begin: Callable[..., None]
    add: Callable[..., None]
    total: Callable[..., Any]


def column_sums(load_b: Loader, tile: Tile) -> ColumnSums:
    """Of the parts of B that `load_b`, whose fours lie side by side, reads for a tile."""
    share = share_of(load_b, tile.columns, tile)
    count, threads, is_one = share.fours, share.threads, share.is_one
    across = tile.columns // 4
    # Where all fours of a thread are of the same columns, one place is enough for them.
    places = count if tile.threads % across else 1
    lines = min(tile.depth, places * tile.threads // across)
    apart = np.uint32(across)

    @device_function
    def place_of(thread: Any, i: Any) -> Any:
        return (
            np.uint32((thread + np.uint32(i) * threads) * _FOUR) if places > 1 else np.uint32(thread * _FOUR)
        )

    @device_function
    def begin(shared: Any, thread: Any) -> None:
        for i in range(places):
            if is_one(np.uint32(thread + np.uint32(i) * threads)):
                store4(shared, place_of(thread, i), ZERO, ZERO, ZERO, ZERO)

    @device_function
    def add(shared: Any, numbers: Any, thread: Any) -> None:
        for i in range(count):
            if is_one(np.uint32(thread + np.uint32(i) * threads)):
                place, at = place_of(thread, i), 4 * i
                a, b, c, d = load4(shared, place)
                store4(
                    shared,
                    place,
                    a + numbers[at],
                    b + numbers[at + 1],
                    c + numbers[at + 2],
                    d + numbers[at + 3],
                )

    @device_function
    def total(shared: Any, column: Any) -> Any:
        four = np.uint32(column // _FOUR)
        own = ZERO
        for i in range(lines):
            own += shared[np.uint32((four + np.uint32(i) * apart) * _FOUR + column % _FOUR)]
        return own

    return ColumnSums(4 * lines * across, begin, add, total)


def warp_place(tile: Tile) -> Any:
    """A device function: thread -> (row, column) in the tile where its warp's part begins, and its lane."""
    across = np.uint32(tile.warps[1])
    rows, columns = (np.uint32(extent) for extent in tile.warp)

    @device_function
    def place(thread: Any) -> Any:
        warp, lane = np.uint32(thread // _WARP), np.uint32(thread % _WARP)
        down = np.uint32(warp // across)
        return np.uint32(down * rows), np.uint32((warp - down * across) * columns), lane

    return place
