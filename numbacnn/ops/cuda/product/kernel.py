"""The matrix product C = A B, one tile of C a block; what multiplies is a core (core.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import cuda, float32

from ..budget import Budget
from ..instructions import as_word, beginning_at, place_anew, store_words
from ..toolchain import ZERO, device_function, kernel
from .core import ColumnSums, Core, MakeCore, warp_place
from .finishing import Finish
from .loaders import Loader
from .tile import Tile

BUDGETS: dict[str, Budget] = {}
"""Of every kernel that was made."""
_NONE, _ONE = np.uint32(0), np.uint32(1)
_AT_ONCE = 8
"""Sums of a thread that are stored in one loop, once it has asked for what finishes each of them."""
_FINDING = 192
"""Registers of a thread at most that does more than to read four neighbours at a time and to store sums as they are."""
_RESERVED = 1024
"""Bytes of shared memory that Hopper takes for itself in every block."""


RowOf = Callable[..., Any]
"""row_of(y, row_size, geometry) -> the element of C where its row y begins."""


def _rows_of(tile: Tile, row_of: RowOf | None) -> tuple[Any, Any]:
    """Two device functions: begin(shared, thread, first_row, row_size, geometry), which every thread of a block calls when
    nothing in `shared` is needed any more, and start(shared, first_row, row, row_size), where a row of the tile begins in C.
    What `row_of` says is worked out once for a row and kept there; None: one row lies after the other.
    """
    pairs, threads = np.uint32(tile.rows // 2), np.uint32(tile.threads)

    @device_function
    def nothing(shared: Any, thread: Any, first_row: Any, row_size: Any, geometry: Any) -> None:
        pass

    @device_function
    def row_after_row(shared: Any, first_row: Any, row: Any, row_size: Any) -> Any:
        return np.uint32((first_row + row) * row_size)

    if row_of is None:
        return nothing, row_after_row

    @device_function
    def work_out(shared: Any, thread: Any, first_row: Any, row_size: Any, geometry: Any) -> None:
        cuda.syncthreads()
        pair = np.uint32(thread)
        while pair < pairs:
            row = np.uint32(pair + pair)
            y = np.uint32(first_row + row)
            store_words(
                shared, row, row_of(y, row_size, geometry), row_of(np.uint32(y + _ONE), row_size, geometry)
            )
            pair = np.uint32(pair + threads)
        cuda.syncthreads()

    @device_function
    def look_up(shared: Any, first_row: Any, row: Any, row_size: Any) -> Any:
        return as_word(shared[row])

    return work_out, look_up


def _in_turns(store_some: Any, count: int) -> Any:
    """A device function that stores so many times `_AT_ONCE` sums. Each loop is a call of its own: a longer one would not be
    unrolled, and its sums not be found in registers.
    """
    if count == 0:
        return _no_sums
    before, first = _in_turns(store_some, count - 1), np.uint32((count - 1) * _AT_ONCE)

    @device_function
    def store(
        sums: Any, shared: Any, c: Any, part: Any, corner: Any, limits: Any, of_group: Any, part_size: Any,
        row_size: Any, start: Any, slope: Any,
    ) -> None:  # fmt: skip
        before(sums, shared, c, part, corner, limits, of_group, part_size, row_size, start, slope)
        store_some(first, sums, shared, c, part, corner, limits, of_group, part_size, row_size, start, slope)

    return store


@device_function
def _no_sums(
    sums: Any, shared: Any, c: Any, part: Any, corner: Any, limits: Any, of_group: Any, part_size: Any, row_size: Any,
    start: Any, slope: Any,
) -> None:  # fmt: skip
    pass


def _shared_memory(core: Core, columns_size: int) -> tuple[Any, int]:
    """(a device function that says where a block's parts of A and B and its sums of columns are, bytes that a launch asks
    for): arrays of a kernel's own have 48 KiB at most.
    """
    size_a, size_b = core.shared_a, core.shared_b
    all_of_b, all_of_them = size_b + columns_size, size_a + size_b + columns_size
    behind_a, behind_b = np.uint32(size_a), np.uint32(size_b)

    @device_function
    def own() -> Any:
        # 16: a copy of four numbers begins at a multiple of their bytes.
        shared_a = cuda.shared.array(size_a, float32, 16)
        shared_b = cuda.shared.array(all_of_b, float32, 16)
        return shared_a, shared_b, beginning_at(shared_b, behind_b)

    @device_function
    def asked_for() -> Any:
        shared_a = cuda.shared.array(0, float32, 128)
        shared_b = beginning_at(shared_a, behind_a)
        return shared_a, shared_b, beginning_at(shared_b, behind_b)

    return (asked_for, 4 * all_of_them) if core.asks_for_shared else (own, 0)


def _columns_of(tile: Tile, of_columns: ColumnSums | None) -> tuple[int, Any]:
    """(elements of shared memory, a device function that writes the sums of a tile's columns)."""
    if of_columns is None:
        return 0, _no_columns
    total, all_columns = of_columns.total, np.uint32(tile.columns)

    @device_function
    def store_columns(
        target: Any, first: Any, shared: Any, thread: Any, first_column: Any, count_columns: Any
    ) -> None:
        cuda.syncthreads()
        column = np.uint32(first_column + thread)
        if thread < all_columns and column < count_columns:
            target[np.uint32(first + column)] = total(shared, thread)

    return of_columns.size, store_columns


@device_function
def _no_columns(
    target: Any, first: Any, shared: Any, thread: Any, first_column: Any, count_columns: Any
) -> None:
    pass


def make_product(
    name: str,
    load_a: Loader,
    load_b: Loader,
    finish: Finish,
    tile: Tile,
    make_core: MakeCore,
    row_of: RowOf | None,
    *,
    sums_columns: bool,
) -> Any:
    """The kernel of that name, for blocks of `tile.threads` in a grid of (tiles of C, groups * parts).

    Its arguments: C, A, B, start (what finishes sums), slope, (rows, columns, depth of C = A B, elements
    between two rows of C, groups, depth of a part, elements from a part's C to the next one's, tiles of columns, whether
    columns are summed, elements between two groups' C), geometry. Part p of a sum over the depth is written so many elements behind the first.

    With `sums_columns` it can add up the columns of B too, of all groups side by side: the blocks of C's first rows do, and
    write them to `start`, parts as far apart as those of C.
    """
    core = make_core(tile, load_a, load_b, sums_columns)
    accumulate, owns, place_of = core.accumulate, core.owns, core.place_of
    own_warp = warp_place(tile)
    rows, columns = np.uint32(tile.rows), np.uint32(tile.columns)
    sums_size = tile.down * tile.across
    begin_rows, start_of = _rows_of(tile, row_of)
    columns_size, store_columns = _columns_of(tile, core.columns)
    begin_shared, asked = _shared_memory(core, columns_size)
    load_number, value_of = finish.load, finish.value

    @device_function
    def store_some(
        first: Any, sums: Any, shared: Any, c: Any, part: Any, corner: Any, limits: Any, of_group: Any, part_size: Any,
        row_size: Any, start: Any, slope: Any,
    ) -> None:  # fmt: skip
        row, first_row, column = corner
        numbers = cuda.local.array(_AT_ONCE, float32)
        for i in range(_AT_ONCE):
            beyond_row, beyond_column = place_of(np.uint32(first + np.uint32(i)))
            down, x = np.uint32(row + beyond_row), np.uint32(column + beyond_column)
            if np.uint32(first_row + down) < limits[0] and x < limits[1]:
                own = np.uint32(of_group + x)
                place = np.uint32(start_of(shared, first_row, down, row_size) + own)
                numbers[i] = load_number(start, own, place, slope)
        for i in range(_AT_ONCE):
            own = np.uint32(first + np.uint32(i))
            beyond_row, beyond_column = place_of(own)
            down, x = np.uint32(row + beyond_row), np.uint32(column + beyond_column)
            if np.uint32(first_row + down) < limits[0] and x < limits[1]:
                here = np.uint32(start_of(shared, first_row, down, row_size) + of_group + x)
                c[np.uint32(part * part_size + here)] = value_of(sums[own], numbers[i], slope)

    store = _in_turns(store_some, sums_size // _AT_ONCE)

    @device_function
    def tile_of(block: Any, layer: Any, groups: Any, tiles_across: Any) -> Any:
        """(first row, first column, group, part) of a block's tile."""
        part = np.uint32(layer // groups)
        down = np.uint32(block // tiles_across)
        across = np.uint32(block - down * tiles_across)
        return np.uint32(down * rows), np.uint32(across * columns), np.uint32(layer - part * groups), part

    def product(c: Any, a: Any, b: Any, start: Any, slope: Any, sizes: Any, geometry: Any) -> None:
        (
            count_rows,
            count_columns,
            whole_depth,
            row_size,
            groups,
            part_depth,
            part_size,
            tiles_across,
            wanted,
            group_size,
        ) = sizes
        shared_a, shared_b, shared_columns = begin_shared()
        sums = cuda.local.array(sums_size, float32)
        first_row, first_column, group, part = tile_of(
            np.uint32(cuda.blockIdx.x), np.uint32(cuda.blockIdx.y), groups, tiles_across
        )
        k = np.uint32(part * part_depth)
        end = min(np.uint32(k + part_depth), whole_depth)
        for i in range(sums_size):
            sums[i] = ZERO

        thread, corner, limits = (
            np.uint32(cuda.threadIdx.x),
            (first_row, first_column),
            (count_rows, count_columns),
        )
        adds = sums_columns and wanted != _NONE and first_row == _NONE
        accumulate(
            sums,
            shared_a,
            shared_b,
            shared_columns,
            adds,
            a,
            b,
            geometry,
            group,
            thread,
            corner,
            limits,
            k,
            end,
        )

        thread, block, layer = place_anew()
        first_row, first_column, group, part = tile_of(block, layer, groups, tiles_across)
        begin_rows(shared_a, thread, first_row, row_size, geometry)
        row, column, lane = own_warp(thread)
        own_row, own_column = owns(lane)
        of_group = np.uint32(group * group_size)
        place = np.uint32(row + own_row), first_row, np.uint32(first_column + column + own_column)
        store(sums, shared_a, c, part, place, limits, of_group, part_size, row_size, start, slope)
        if sums_columns and wanted != _NONE and first_row == _NONE:
            first = np.uint32(part * part_size + of_group)
            store_columns(start, first, shared_columns, thread, first_column, count_columns)

    # Several blocks at once on a multiprocessor: one multiplies while the other waits.
    light = load_a.light and load_b.light
    plain = light and load_a.fours and load_b.fours and finish.is_plain
    least = core.blocks or (1 if not light else 3 if plain and tile.threads == 128 else 2)
    registers = core.registers if plain else max(core.registers, _FINDING)
    BUDGETS[name] = Budget(
        128 if tile.threads * least > 384 else registers,
        4 * (core.shared_a + core.shared_b + columns_size) - asked + _RESERVED,
        core.ffma_share,
        core.hmma_share,
        core.hgmma,
    )
    return kernel(product, name=name, shared_bytes=asked, launch_bounds=(tile.threads, least))
