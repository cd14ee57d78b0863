"""A thread's share of a part of A or B, (extent, depth), that a block brings into shared memory: in fours, four neighbours of
the matrix each, as its loader reads them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..toolchain import device_function
from .loaders import Loader
from .tile import Tile

_FOUR = np.uint32(4)


class Share(NamedTuple):
    """Of each thread `fours` of them at most; i is a constant.

    is_one(thread, i)       whether there is a four number i
    place_of(thread, i)     (row or column, depth) of its first number, in the part
    begin(state, geometry, group, thread, first, limit)
                            the loader's, for all of them; the part begins at row or column `first` of the matrix
    slot_of(thread, i)      where a thread adds up, apart from all others, what it has of four columns; of two fours in
                            one slot the columns are the same
    slot_at(four, line)     the slots of those four columns, `lines` of them
    """

    fours: int
    words: Any
    state_size: int
    is_one: Callable[..., Any]
    place_of: Callable[..., Any]
    begin: Callable[..., None]
    lines: int
    slot_of: Callable[..., Any]
    slot_at: Callable[..., Any]


MakeShare = Callable[[Loader, int, Tile], Share]


def share_of(loader: Loader, extent: int, tile: Tile) -> Share:
    """Fours in the order in which they lie in the matrix, one a thread and then the next ones."""
    fours = extent * tile.depth // 4
    count = -(-fours // tile.threads)
    threads, deep = np.uint32(tile.threads), loader.deep
    fast = np.uint32((tile.depth if deep else extent) // 4)
    even, all_fours = fours % tile.threads == 0, np.uint32(fours)
    across = extent // 4
    # Where all fours of a thread are of the same columns, one slot is enough for them.
    slots = count if tile.threads % across else 1
    apart = np.uint32(across)

    @device_function
    def is_one(thread: Any, i: Any) -> Any:
        return even or np.uint32(thread + np.uint32(i) * threads) < all_fours

    @device_function
    def place_of(thread: Any, i: Any) -> Any:
        four = np.uint32(thread + np.uint32(i) * threads)
        slow = np.uint32(four // fast)
        quick = np.uint32((four - slow * fast) * _FOUR)
        return (slow, quick) if deep else (quick, slow)

    @device_function
    def slot_of(thread: Any, i: Any) -> Any:
        return np.uint32(thread + np.uint32(i) * threads) if slots > 1 else thread

    @device_function
    def slot_at(four: Any, line: Any) -> Any:
        return np.uint32(four + np.uint32(line) * apart)

    lines = min(tile.depth, slots * tile.threads // across)
    return _share(loader, count, is_one, place_of, lines, slot_of, slot_at)


def blocks_of(chunk: int) -> MakeShare:
    """Where the fours lie side by side: blocks of four such neighbours at four depths, one block a thread and then the next
    ones, so that a thread has four neighbours along the depth too. Of the threads of a warp so many as `chunk` says
    follow each other along the depth, the others are neighbours.
    """
    return lambda loader, extent, tile: _blocks(loader, extent, tile, chunk)


def _blocks(loader: Loader, extent: int, tile: Tile, chunk: int) -> Share:
    across, deep = extent // 4, tile.depth // 4
    blocks = across * deep
    each = -(-blocks // tile.threads)
    even, all_blocks, threads = blocks % tile.threads == 0, np.uint32(blocks), np.uint32(tile.threads)
    low, places, whole = np.uint32(chunk), np.uint32(across), np.uint32(chunk * across)
    # Where all blocks of a thread are of the same columns, one slot is enough for them.
    spread = each > 1 and tile.threads % (chunk * across) != 0

    @device_function
    def block_of(thread: Any, i: Any) -> Any:
        return np.uint32(thread + np.uint32(i // 4) * threads)

    @device_function
    def is_one(thread: Any, i: Any) -> Any:
        return even or block_of(thread, i) < all_blocks

    @device_function
    def place_of(thread: Any, i: Any) -> Any:
        block = block_of(thread, i)
        four = np.uint32((block // low) % places)
        depth = np.uint32(block % low + (block // whole) * low)
        return np.uint32(four * _FOUR), np.uint32(depth * _FOUR + np.uint32(i % 4))

    @device_function
    def slot_of(thread: Any, i: Any) -> Any:
        return block_of(thread, i) if spread else thread

    @device_function
    def slot_at(four: Any, line: Any) -> Any:
        own = np.uint32(line)
        return np.uint32(own % low + low * (four + places * (own // low)))

    lines = (blocks if spread else min(blocks, tile.threads)) // across
    return _share(loader, 4 * each, is_one, place_of, lines, slot_of, slot_at)


def _share(
    loader: Loader,
    count: int,
    is_one: Callable[..., Any],
    place_of: Callable[..., Any],
    lines: int,
    slot_of: Callable[..., Any],
    slot_at: Callable[..., Any],
) -> Share:
    words, begin_four = np.uint32(loader.words), loader.begin

    @device_function
    def begin(state: Any, geometry: Any, group: Any, thread: Any, first: Any, limit: Any) -> None:
        for i in range(count):
            place, _ = place_of(thread, i)
            at = np.uint32(np.uint32(i) * words)
            begin_four(state, at, geometry, group, np.uint32(first + place), limit)

    return Share(count, words, count * loader.words, is_one, place_of, begin, lines, slot_of, slot_at)
