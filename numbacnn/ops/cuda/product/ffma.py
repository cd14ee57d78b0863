"""The float32 core: every thread holds a rectangle of C in registers and reads of shared memory, for each depth, a
column of A and a row of B: 16 numbers for 64 multiplications where the rectangle is 8 x 8.

The threads of a warp stand in 8 rows and 4 columns, and a thread's rows and columns come in fours: what a warp reads at a
time lies in different banks, or is one number.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..instructions import beginning_at, load4
from ..toolchain import device_function
from .core import Core
from .loaders import Loader
from .registers import Store, by_registers, fill
from .tile import LANES_ACROSS, LANES_DOWN, Tile

_NEXT, _FOUR = np.uint32(1), np.uint32(4)
_ACROSS = np.uint32(LANES_ACROSS)
_RUN_DOWN, _RUN_ACROSS = np.uint32(4 * LANES_DOWN), np.uint32(4 * LANES_ACROSS)
_PADDING = 4


@device_function
def _corner(lane: Any) -> Any:
    return np.uint32((lane // _ACROSS) * _FOUR), np.uint32((lane % _ACROSS) * _FOUR)


def _store(deep: bool, depth: int, extent: int) -> Store:
    """(depth, extent), whichever way it lay, with some padding between two depths."""
    pitch = np.uint32(extent + _PADDING)

    @device_function
    def put(shared: Any, buffer: Any, place: Any, deeper: Any, numbers: Any, at: Any) -> None:
        own = beginning_at(shared, np.uint32(buffer + deeper * pitch + place))
        apart = pitch if deep else _NEXT
        for j in range(4):
            own[np.uint32(np.uint32(j) * apart)] = numbers[at + j]

    return Store(depth * (extent + _PADDING), put)


_SHARES = {
    "128x128": 0.63,
    "128x96": 0.66,
    "128x64": 0.66,
    "64x64": 0.73,
    "128x32": 0.55,
    "128x16": 0.8,
    "32x32": 0.8,
}
"""Least share of multiply-adds in a tile's loop: of the loaders that take the most instructions, convolution's of few
channels. Measured: up to 0.86 where a plain matrix is read in fours.
"""


def ffma(tile: Tile, load_a: Loader, load_b: Loader, sums_columns: bool) -> Core:
    """Exact products and sums of float32, as the CPU computes."""
    down, across, eights = tile.down, tile.across, tile.depth // 8
    width = np.uint32(tile.across)
    runs_down, runs_across = tile.down // 4, tile.across // 4
    pitch_of_a, pitch_of_b = np.uint32(tile.rows + _PADDING), np.uint32(tile.columns + _PADDING)

    @device_function
    def place_of(i: Any) -> Any:
        r, s = np.uint32(i // width), np.uint32(i % width)
        return (
            np.uint32((r // _FOUR) * _RUN_DOWN + r % _FOUR),
            np.uint32((s // _FOUR) * _RUN_ACROSS + s % _FOUR),
        )

    @device_function
    def multiply_step(
        sums: Any, of_a: Any, of_b: Any, shared_a: Any, shared_b: Any, at_a: Any, at_b: Any
    ) -> None:
        for i in range(runs_down):
            j = np.uint32(i)
            fill(of_a, np.uint32(j * _FOUR), load4(shared_a, np.uint32(at_a + j * _RUN_DOWN)))
        for i in range(runs_across):
            j = np.uint32(i)
            fill(of_b, np.uint32(j * _FOUR), load4(shared_b, np.uint32(at_b + j * _RUN_ACROSS)))
        for i in range(down):
            for k in range(across):
                sums[i * across + k] += of_a[i] * of_b[k]

    @device_function
    def multiply_eight(
        sums: Any, of_a: Any, of_b: Any, shared_a: Any, shared_b: Any, at_a: Any, at_b: Any
    ) -> None:
        # Called one by one: a loop would not be unrolled, and its counting takes instructions.
        multiply_step(sums, of_a, of_b, shared_a, shared_b, at_a, at_b)
        at_a, at_b = np.uint32(at_a + pitch_of_a), np.uint32(at_b + pitch_of_b)
        multiply_step(sums, of_a, of_b, shared_a, shared_b, at_a, at_b)
        at_a, at_b = np.uint32(at_a + pitch_of_a), np.uint32(at_b + pitch_of_b)
        multiply_step(sums, of_a, of_b, shared_a, shared_b, at_a, at_b)
        at_a, at_b = np.uint32(at_a + pitch_of_a), np.uint32(at_b + pitch_of_b)
        multiply_step(sums, of_a, of_b, shared_a, shared_b, at_a, at_b)
        at_a, at_b = np.uint32(at_a + pitch_of_a), np.uint32(at_b + pitch_of_b)
        multiply_step(sums, of_a, of_b, shared_a, shared_b, at_a, at_b)
        at_a, at_b = np.uint32(at_a + pitch_of_a), np.uint32(at_b + pitch_of_b)
        multiply_step(sums, of_a, of_b, shared_a, shared_b, at_a, at_b)
        at_a, at_b = np.uint32(at_a + pitch_of_a), np.uint32(at_b + pitch_of_b)
        multiply_step(sums, of_a, of_b, shared_a, shared_b, at_a, at_b)
        at_a, at_b = np.uint32(at_a + pitch_of_a), np.uint32(at_b + pitch_of_b)
        multiply_step(sums, of_a, of_b, shared_a, shared_b, at_a, at_b)

    @device_function
    def multiply(sums: Any, of_a: Any, of_b: Any, shared_a: Any, shared_b: Any, at_a: Any, at_b: Any) -> None:
        own_a, own_b = beginning_at(shared_a, at_a), beginning_at(shared_b, at_b)
        for i in range(eights):
            eight = np.uint32(8 * i)
            multiply_eight(
                sums, of_a, of_b, own_a, own_b, np.uint32(eight * pitch_of_a), np.uint32(eight * pitch_of_b)
            )

    @device_function
    def reads_from(row: Any, column: Any, lane: Any) -> Any:
        own_row, own_column = _corner(lane)
        return np.uint32(row + own_row), np.uint32(column + own_column)

    store_a = _store(load_a.deep, tile.depth, tile.rows)
    store_b = _store(load_b.deep, tile.depth, tile.columns)
    moved = by_registers(tile, load_a, load_b, store_a, store_b, sums_columns, reads_from, multiply)
    return Core(*moved, _corner, place_of, 168, _SHARES[tile.name])
