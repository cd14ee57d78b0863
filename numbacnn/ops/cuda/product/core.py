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
from .share import Share
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
    columns: ColumnSums | None
    """None where they are not summed."""
    owns: Callable[..., Any]
    place_of: Callable[..., Any]
    registers: int
    """Of a thread, at most, where two blocks need not fit at once."""
    ffma_share: float = 0.0
    """Of the instructions of the loop over the depth, at least."""
    hmma_share: float = 0.0
    """Likewise of what tensor cores execute."""
    hgmma: int = 0
    """How many of a warpgroup's products are in the loop, at least."""
    blocks: int | None = None
    """That fit a multiprocessor by their registers; None: as many as the loaders and the tile allow (kernel.py)."""
    asks_for_shared: bool = False
    """Whether shared memory is more than a kernel has without asking for it at its launch."""


MakeCore = Callable[[Tile, Loader, Loader, bool], Core]
"""make(tile, load_a, load_b, whether the columns of B are summed)."""


class ColumnSums(NamedTuple):
    """Sums of the columns of B, taken of what a block reads of it anyway: every thread adds, in shared memory of its own, the
    numbers that it fetches, before they are rounded.

    begin(shared, thread)           sets a thread's own sums to 0
    add(shared, numbers, thread)    adds its share of a part of B, four numbers each
    total(shared, column)           a column's sum, in the order of the threads, once all of them have added all
    """

    size: int
    """Elements of shared memory."""
    begin: Callable[..., None]
    add: Callable[..., None]
    total: Callable[..., Any]


def column_sums(share: Share, columns: int) -> ColumnSums:
    """Of the parts of B, so many columns wide, that threads read in these shares."""
    count, lines, is_one = share.fours, share.lines, share.is_one
    slot_of, slot_at = share.slot_of, share.slot_at

    @device_function
    def begin(shared: Any, thread: Any) -> None:
        for i in range(count):
            if is_one(thread, i):
                store4(shared, np.uint32(slot_of(thread, i) * _FOUR), ZERO, ZERO, ZERO, ZERO)

    @device_function
    def add(shared: Any, numbers: Any, thread: Any) -> None:
        for i in range(count):
            if is_one(thread, i):
                place, at = np.uint32(slot_of(thread, i) * _FOUR), 4 * i
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
            own += shared[np.uint32(slot_at(four, i) * _FOUR + column % _FOUR)]
        return own

    return ColumnSums(columns * lines, begin, add, total)


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
