"""The matrix product C = A B, one tile of C a block; what multiplies is a core (core.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import cuda, float32

from ..budget import Budget
from ..instructions import place_anew
from ..toolchain import ZERO, device_function, kernel
from .core import MakeCore, warp_place
from .loaders import Loader
from .tile import Tile

BUDGETS: dict[str, Budget] = {}
"""Of every kernel that was made."""
_RESERVED = 1024
"""Bytes of shared memory that Hopper takes for itself in every block."""


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


def make_product(
    name: str, load_a: Loader, load_b: Loader, finish: Finish, tile: Tile, make_core: MakeCore
) -> Any:
    """The kernel of that name, for blocks of `tile.threads` in a grid of (tiles of C, groups * parts).

    Its arguments: C, A, B, start (a number a column of all groups), slope, (rows, columns, depth of C = A B, elements
    between two rows of C, groups, depth of a part, elements of all of a part's C, tiles of columns), geometry. Part p
    of a sum over the depth is written p times the elements of C behind the first.
    """
    core = make_core(tile, load_a, load_b)
    accumulate, owns, place_of = core.accumulate, core.owns, core.place_of
    own_warp = warp_place(tile)
    rows, columns = np.uint32(tile.rows), np.uint32(tile.columns)
    size_a, size_b, sums_size = core.shared_a, core.shared_b, tile.down * tile.across

    @device_function
    def tile_of(block: Any, layer: Any, groups: Any, tiles_across: Any) -> Any:
        """(first row, first column, group, part) of a block's tile."""
        part = np.uint32(layer // groups)
        down = np.uint32(block // tiles_across)
        across = np.uint32(block - down * tiles_across)
        return np.uint32(down * rows), np.uint32(across * columns), np.uint32(layer - part * groups), part

    def product(c: Any, a: Any, b: Any, start: Any, slope: Any, sizes: Any, geometry: Any) -> None:
        count_rows, count_columns, whole_depth, row_size, groups, part_depth, part_size, tiles_across = sizes
        # 16: a copy of four numbers begins at a multiple of their bytes.
        shared_a = cuda.shared.array(size_a, float32, 16)
        shared_b = cuda.shared.array(size_b, float32, 16)
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
        accumulate(sums, shared_a, shared_b, a, b, geometry, group, thread, corner, limits, k, end)

        thread, block, layer = place_anew()
        first_row, first_column, group, part = tile_of(block, layer, groups, tiles_across)
        row, column, lane = own_warp(thread)
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
        4 * (size_a + size_b) + _RESERVED,
        core.ffma_share,
        core.hmma_share,
    )
    return kernel(product, name=name, launch_bounds=(tile.threads, resident))
