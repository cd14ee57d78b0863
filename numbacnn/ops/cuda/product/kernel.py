"""The matrix product C = A B, one tile of C a block, the next part of A and B on its way from memory while the last is
multiplied (two buffers of shared memory). What multiplies a part is a core: ffma.py, tensor_cores.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import cuda, float32, uint32

from ..budget import Budget
from ..toolchain import ZERO, beginning_at, device_function, kernel
from .loaders import Loader
from .tile import Tile

_NONE, _ONE, _FOUR, _WARP = (np.uint32(i) for i in (0, 1, 4, 32))

BUDGETS: dict[str, Budget] = {}
"""Of every kernel that was made."""
_RESERVED = 1024
"""Bytes of shared memory that Hopper takes for itself in every block."""


class Core(NamedTuple):
    """How a warp multiplies its part of the tile, rows of A by columns of B, out of shared memory, (depth, rows) and
    (depth, columns) with `padding` elements between two depths beyond the tile's: so that what the threads of a warp read
    or write at a time lies in different banks. Its functions:

        rounded(value)                  what is kept of a number of A or B
        reads_from(lane)                elements from the warp's first in the two parts to what a thread reads first
        owns(lane)                      (row, column) of a thread's first sum in its warp's part
        place_of(i)                     (row, column) of sum i from there
        multiply(sums, of_a, of_b, shared_a, shared_b, at_a, at_b)
                                        adds a whole part to the sums; of_a and of_b are registers
    """

    padding: int
    rounded: Callable[..., Any]
    reads_from: Callable[..., Any]
    owns: Callable[..., Any]
    place_of: Callable[..., Any]
    multiply: Callable[..., None]
    registers: int
    """Of a thread, at most, where two blocks need not fit at once."""
    ffma_share: float
    """Of the instructions of the loop over the depth, at least."""


Finish = Callable[..., Any]
"""finish(sum, start, column, slope) -> what is stored."""


@device_function
def as_it_is(total: Any, start: Any, column: Any, slope: Any) -> Any:
    return total


@device_function
def biased_and_rectified(total: Any, start: Any, column: Any, slope: Any) -> Any:
    """f(total + start[column]), f(v) = v above 0, else slope v."""
    value = total + start[column]
    return value if value > ZERO else slope * value


MakeCore = Callable[[Tile], Core]


def make_product(
    name: str, load_a: Loader, load_b: Loader, finish: Finish, tile: Tile, make_core: MakeCore
) -> Any:
    """The kernel of that name, for blocks of `tile.threads` in a grid of (tiles of C, groups * parts).

    Its arguments: C, A, B, start (a number a column of all groups), slope, (rows, columns, depth of C = A B, elements
    between two rows of C, groups, depth of a part, elements of all of a part's C, tiles of columns), geometry. Part p
    of a sum over the depth is written p times the elements of C behind the first.
    """
    core = make_core(tile)
    reads_from, owns, place_of, multiply = core.reads_from, core.owns, core.place_of, core.multiply
    rows, columns, step = (np.uint32(extent) for extent in (tile.rows, tile.columns, tile.depth))
    warps_across = np.uint32(tile.warps[1])
    warp_rows, warp_columns = (np.uint32(extent) for extent in tile.warp)
    pitch_a, pitch_b = tile.rows + core.padding, tile.columns + core.padding
    begin_a, fetch_a, put_a, fours_a = _movers(load_a, core.rounded, tile.rows, pitch_a, tile)
    begin_b, fetch_b, put_b, fours_b = _movers(load_b, core.rounded, tile.columns, pitch_b, tile)
    state_a_size, state_b_size = fours_a * load_a.words, fours_b * load_b.words
    next_a, next_b = 4 * fours_a, 4 * fours_b
    down, across, sums_size = tile.down, tile.across, tile.down * tile.across
    size_a, size_b = tile.depth * pitch_a, tile.depth * pitch_b
    buffer_a, buffer_b = np.uint32(size_a), np.uint32(size_b)
    both_a, both_b = 2 * size_a, 2 * size_b

    def product(c: Any, a: Any, b: Any, start: Any, slope: Any, sizes: Any, geometry: Any) -> None:
        count_rows, count_columns, whole_depth, row_size, groups, part_depth, part_size, tiles_across = sizes
        shared_a = cuda.shared.array(both_a, float32)
        shared_b = cuda.shared.array(both_b, float32)
        sums = cuda.local.array(sums_size, float32)
        of_a, of_b = cuda.local.array(down, float32), cuda.local.array(across, float32)
        next_of_a, next_of_b = cuda.local.array(next_a, float32), cuda.local.array(next_b, float32)
        state_a, state_b = cuda.local.array(state_a_size, uint32), cuda.local.array(state_b_size, uint32)
        thread, block = np.uint32(cuda.threadIdx.x), np.uint32(cuda.blockIdx.x)
        layer = np.uint32(cuda.blockIdx.y)
        part = np.uint32(layer // groups)
        group = np.uint32(layer - part * groups)
        tile_down = np.uint32(block // tiles_across)
        first_row = np.uint32(tile_down * rows)
        first_column = np.uint32((block - tile_down * tiles_across) * columns)
        k = np.uint32(part * part_depth)
        end = min(np.uint32(k + part_depth), whole_depth)
        begin_a(state_a, geometry, group, thread, first_row, count_rows)
        begin_b(state_b, geometry, group, thread, first_column, count_columns)
        for i in range(sums_size):
            sums[i] = ZERO

        warp, lane = np.uint32(thread // _WARP), np.uint32(thread % _WARP)
        warp_down = np.uint32(warp // warps_across)
        row = np.uint32(warp_down * warp_rows)
        column = np.uint32((warp - warp_down * warps_across) * warp_columns)
        lane_a, lane_b = reads_from(lane)
        from_a, from_b = np.uint32(row + lane_a), np.uint32(column + lane_b)
        here_a, here_b = from_a, from_b

        fetch_a(next_of_a, a, geometry, group, state_a, thread, k, end)
        fetch_b(next_of_b, b, geometry, group, state_b, thread, k, end)
        put_a(shared_a, _NONE, next_of_a, thread)
        put_b(shared_b, _NONE, next_of_b, thread)
        cuda.syncthreads()
        other = _ONE
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
                here_a, here_b = np.uint32(from_a + other * buffer_a), np.uint32(from_b + other * buffer_b)
                other = np.uint32(_ONE - other)
                cuda.syncthreads()

        own_row, own_column = owns(lane)
        of_group = np.uint32(group * count_columns)
        for i in range(sums_size):
            beyond_row, beyond_column = place_of(np.uint32(i))
            y = np.uint32(first_row + row + own_row + beyond_row)
            x = np.uint32(first_column + column + own_column + beyond_column)
            if y < count_rows and x < count_columns:
                place = np.uint32(of_group + x)
                c[np.uint32(part * part_size + y * row_size + place)] = finish(sums[i], start, place, slope)

    # Two blocks at once on a multiprocessor: one multiplies while the other waits.
    resident = 2 if load_a.light and load_b.light else 1
    BUDGETS[name] = Budget(
        core.registers if tile.threads * resident <= 256 else 128,
        4 * (both_a + both_b) + _RESERVED,
        core.ffma_share,
    )
    return kernel(product, name=name, launch_bounds=(tile.threads, resident))


def _movers(
    loader: Loader, rounded: Callable[..., Any], extent: int, pitch: int, tile: Tile
) -> tuple[Any, Any, Any, int]:
    """(begin, fetch, put, fours of a thread): what every thread does for its share of a part (extent, depth) of a matrix."""
    fours_all = extent * tile.depth // 4
    count = -(-fours_all // tile.threads)
    all_fours, threads, words = (np.uint32(number) for number in (fours_all, tile.threads, loader.words))
    deep = loader.deep
    fast = np.uint32((tile.depth if deep else extent) // 4)
    pitch_of = np.uint32(pitch)
    begin_four, load_four = loader.begin, loader.load

    @device_function
    def place_of(four: Any) -> Any:
        """(row or column, depth) of the first of a four, in the part."""
        slow = np.uint32(four // fast)
        quick = np.uint32((four - slow * fast) * _FOUR)
        return (slow, quick) if deep else (quick, slow)

    @device_function
    def begin(state: Any, geometry: Any, group: Any, thread: Any, first: Any, limit: Any) -> None:
        for i in range(count):
            place, _ = place_of(np.uint32(thread + np.uint32(i) * threads))
            begin_four(
                state, np.uint32(np.uint32(i) * words), geometry, group, np.uint32(first + place), limit
            )

    @device_function
    def fetch(
        numbers: Any, array: Any, geometry: Any, group: Any, state: Any, thread: Any, k: Any, end: Any
    ) -> None:
        for i in range(count):
            four = np.uint32(thread + np.uint32(i) * threads)
            if four < all_fours:
                _, deeper = place_of(four)
                at, at_state = np.uint32(np.uint32(i) * _FOUR), np.uint32(np.uint32(i) * words)
                load_four(numbers, at, array, geometry, group, state, at_state, np.uint32(k + deeper), end)

    @device_function
    def put(shared: Any, buffer: Any, numbers: Any, thread: Any) -> None:
        for i in range(count):
            four = np.uint32(thread + np.uint32(i) * threads)
            if four < all_fours:
                place, deeper = place_of(four)
                own = beginning_at(shared, np.uint32(buffer + deeper * pitch_of + place))
                apart = pitch_of if deep else _ONE
                for j in range(4):
                    own[np.uint32(np.uint32(j) * apart)] = rounded(numbers[i * 4 + j])

    return begin, fetch, put, count
