"""The cores of tensor cores (compute capability 8.0 and newer): `mma.sync` multiplies 16 rows of A by 8 columns of B, 8
deep in tf32 and 16 deep in bf16, for a whole warp at a time; sums stay float32.

Which thread holds which element is laid down by the instruction (PTX ISA, "Matrix Fragments for mma.m16n8k8" and
"m16n8k16"): of A thread t has rows t/4 and t/4 + 8, of B column t/4, of C rows t/4 and t/4 + 8 of columns 2(t%4) and the
next; along the depth t%4 and t%4 + 4 in tf32, 2(t%4), 2(t%4) + 8 and the one after each in bf16. So sixteen columns of
B, twice what an instruction takes, lie on threads as sixteen rows of A do.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import cuda, float32, uint32

from ..instructions import (
    beginning_at,
    load_matrices,
    load_pairs,
    load_pairs_turned,
    mma_bf16,
    mma_tf32,
    packed_bf16,
    rounded_tf32,
    store4,
    store_words,
)
from ..toolchain import device_function
from .core import Core
from .loaders import Loader
from .registers import Store, by_registers
from .tile import Tile

_ROWS, _COLUMNS = 16, 8
_NONE, _ONE, _TWO, _FOUR, _EIGHT, _SIXTEEN = (np.uint32(i) for i in (0, 1, 2, 4, 8, 16))
_LOW, _HIGH = np.uint32(31), np.uint32(0xFFFFFFE0)
DEPTH = 16
"""Of a part: a row of a deep one in tf32 takes 16 of the 32 banks of shared memory."""
_DEEP = np.uint32(DEPTH)

Operand = tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]
"""How sixteen rows of A, or columns of B, are read from a part in shared memory:

    index(place, depth)             where a number is in the part: in an order that differs from row to row, for the threads of
                                    a warp to find what they read at a time in different banks
    reads(first, lane)              where a thread reads in the sixteen from row or column `first` on
    read(shared, at, step, beyond)  what it holds of those `beyond` rows from there, of instruction `step` along the
                                    depth: in the upper eight and in the lower, then further along the depth in both
"""


@device_function
def _in_deep(place: Any, depth: Any) -> Any:
    """In a deep part of float32. Fours of eight rows, two rows to the 32 banks: of rows 2, 3, 6 and 7 each half is exchanged,
    of rows 4 to 7 each four with its neighbour.
    """
    order = np.uint32((place & _TWO) | ((place >> _TWO) & _ONE))
    return np.uint32(place * _DEEP + (((depth // _FOUR) ^ order) * _FOUR) + depth % _FOUR)


def _in_flat(extent: int) -> Any:
    """In a part (depth, extent) of float32, for threads that read eight neighbours at four depths at a time."""
    width, most = np.uint32(extent), np.uint32(extent - 1)

    @device_function
    def index(place: Any, depth: Any) -> Any:
        order = np.uint32((depth % _FOUR) * _EIGHT)
        return np.uint32(depth * width + (place ^ (order & most)))

    return index


def _tf32_operand(deep: bool, extent: int) -> Operand:
    """As they lie there."""
    if deep:

        @device_function
        def reads(first: Any, lane: Any) -> Any:
            # Thread t tells where row t % 16 begins, the first sixteen of them of the nearer four.
            return _in_deep(np.uint32(first + lane % _SIXTEEN), np.uint32((lane // _SIXTEEN) * _FOUR))

        @device_function
        def read(shared: Any, at: Any, step: Any, beyond: Any) -> Any:
            own = beginning_at(shared, np.uint32(at ^ (step * _EIGHT)))
            return load_matrices(own, np.uint32(beyond * _DEEP))

        return _in_deep, reads, read

    index = _in_flat(extent)
    pitch, further = np.uint32(extent), np.uint32(4 * extent)

    @device_function
    def reads_flat(first: Any, lane: Any) -> Any:
        return index(np.uint32(first + lane // _FOUR), np.uint32(lane % _FOUR))

    @device_function
    def read_flat(shared: Any, at: Any, step: Any, beyond: Any) -> Any:
        rest = np.uint32(step * _EIGHT * pitch + (beyond & _HIGH))
        upper = beginning_at(shared, np.uint32(at ^ (beyond & _LOW)))
        lower = beginning_at(shared, np.uint32(at ^ ((beyond & _LOW) | _EIGHT)))
        deeper = np.uint32(rest + further)
        return upper[rest], lower[rest], upper[deeper], lower[deeper]

    return index, reads_flat, read_flat


def _bf16_operand(deep: bool, extent: int) -> Operand:
    """Two numbers of bf16 a word, as they were put there; eight, a chunk of 16 bytes, are what ldmatrix reads of a row. In
    the order of chunks lines differ, for eight rows of a matrix to lie in different banks.
    """
    if deep:

        @device_function
        def index(place: Any, depth: Any) -> Any:
            chunk = np.uint32((depth // _EIGHT) ^ ((place // _FOUR) & _ONE))
            return np.uint32(place * _EIGHT + chunk * _FOUR + (depth % _EIGHT) // _TWO)

        @device_function
        def reads(first: Any, lane: Any) -> Any:
            return index(np.uint32(first + lane % _SIXTEEN), np.uint32((lane // _SIXTEEN) * _EIGHT))

        @device_function
        def read(shared: Any, at: Any, step: Any, beyond: Any) -> Any:
            return load_pairs(beginning_at(shared, at), np.uint32(beyond * _EIGHT))

        return index, reads, read

    # Chunks change places among the largest power of two of them that divides all; so many rows begin in different banks.
    chunks, pitch = extent // 8, np.uint32(extent // 2)
    rows_of_a_line = np.uint32(32 // math.gcd(extent // 2, 32))
    most = np.uint32(min(chunks & -chunks, 8) - 1)
    low = np.uint32(most * _FOUR)

    @device_function
    def index_flat(place: Any, depth: Any) -> Any:
        chunk = np.uint32((place // _EIGHT) ^ ((depth // rows_of_a_line) & most))
        return np.uint32(depth * pitch + chunk * _FOUR + (place % _EIGHT) // _TWO)

    @device_function
    def reads_flat(first: Any, lane: Any) -> Any:
        depth = np.uint32(lane % _EIGHT + (lane // _SIXTEEN) * _EIGHT)
        return index_flat(np.uint32(first + ((lane // _EIGHT) % _TWO) * _EIGHT), depth)

    @device_function
    def read_flat(shared: Any, at: Any, step: Any, beyond: Any) -> Any:
        words = np.uint32(beyond // _TWO)
        return load_pairs_turned(beginning_at(shared, np.uint32(at ^ (words & low))), words & ~low)

    return index_flat, reads_flat, read_flat


def tf32(tile: Tile, load_a: Loader, load_b: Loader, sums_columns: bool) -> Core:
    """Numbers rounded to 10 bits after the point, on their way into shared memory."""
    return _core(tile, load_a, load_b, sums_columns, _tf32_operand, mma_tf32, 8, float32, _put_rounded)


def bf16(tile: Tile, load_a: Loader, load_b: Loader, sums_columns: bool) -> Core:
    """Numbers rounded to 7 bits after the point, on their way into shared memory."""
    return _core(tile, load_a, load_b, sums_columns, _bf16_operand, mma_bf16, 16, uint32, _put_packed)


def _put_rounded(index: Callable[..., Any]) -> Any:
    @device_function
    def put(shared: Any, buffer: Any, place: Any, depth: Any, numbers: Any, at: Any) -> None:
        a, b, c, d = numbers[at], numbers[at + 1], numbers[at + 2], numbers[at + 3]
        to = np.uint32(buffer + index(place, depth))
        store4(shared, to, rounded_tf32(a), rounded_tf32(b), rounded_tf32(c), rounded_tf32(d))

    return put


def _put_packed(index: Callable[..., Any]) -> Any:
    @device_function
    def put(shared: Any, buffer: Any, place: Any, depth: Any, numbers: Any, at: Any) -> None:
        near = packed_bf16(numbers[at], numbers[at + 1])
        further = packed_bf16(numbers[at + 2], numbers[at + 3])
        store_words(shared, np.uint32(buffer + index(place, depth)), near, further)

    return put


def _core(
    tile: Tile,
    load_a: Loader,
    load_b: Loader,
    sums_columns: bool,
    operand: Callable[[bool, int], Operand],
    mma: Any,
    depth: int,
    word: Any,
    put: Callable[[Callable[..., Any]], Any],
) -> Core:
    """`depth` of an instruction, whose operands are such words. `put` makes what brings numbers into shared memory."""
    index_a, reads_a, read_a = operand(load_a.deep, tile.rows)
    index_b, reads_b, read_b = operand(load_b.deep, tile.columns)
    tall, wide = tile.warp[0] // _ROWS, tile.warp[1] // _COLUMNS
    steps, sixteens, words_of_b = DEPTH // depth, wide // 2, 2 * wide
    columns = np.uint32(wide)

    @device_function
    def multiply(
        sums: Any, held_a: Any, held_b: Any, shared_a: Any, shared_b: Any, at_a: Any, at_b: Any
    ) -> None:
        of_b = cuda.local.array(words_of_b, word)
        for i in range(steps):
            step = np.uint32(i)
            for j in range(sixteens):
                at = 4 * j
                of_b[at], of_b[at + 2], of_b[at + 1], of_b[at + 3] = read_b(
                    shared_b, at_b, step, np.uint32(np.uint32(j) * _SIXTEEN)
                )
            for j in range(tall):
                upper, lower, upper_further, lower_further = read_a(
                    shared_a, at_a, step, np.uint32(np.uint32(j) * _SIXTEEN)
                )
                for m in range(wide):
                    at = 4 * (j * wide + m)
                    sums[at], sums[at + 1], sums[at + 2], sums[at + 3] = mma(
                        upper,
                        lower,
                        upper_further,
                        lower_further,
                        of_b[2 * m],
                        of_b[2 * m + 1],
                        sums[at],
                        sums[at + 1],
                        sums[at + 2],
                        sums[at + 3],
                    )

    @device_function
    def reads_from(row: Any, column: Any, lane: Any) -> Any:
        return reads_a(row, lane), reads_b(column, lane)

    @device_function
    def owns(lane: Any) -> Any:
        return np.uint32(lane // _FOUR), np.uint32((lane % _FOUR) * _TWO)

    @device_function
    def place_of(i: Any) -> Any:
        # Four sums of an instruction follow each other.
        instruction, own = np.uint32(i // _FOUR), np.uint32(i % _FOUR)
        row = np.uint32((instruction // columns) * _SIXTEEN + (own // _TWO) * _EIGHT)
        return row, np.uint32((instruction % columns) * _EIGHT + own % _TWO)

    # A row's words: two numbers of 16 bits are one.
    words = DEPTH * 8 // depth
    store_a, store_b = Store(tile.rows * words, put(index_a)), Store(tile.columns * words, put(index_b))
    moved = by_registers(tile, load_a, load_b, store_a, store_b, sums_columns, reads_from, multiply)
    # Measured: up to 0.15 where patches are read in fours; finding them one channel after the other takes most of a loop in
    # bf16, of 128x32 and 64x64 all but 0.03 of it.
    return Core(*moved, owns, place_of, 232, ffma_share=0.0, hmma_share=0.025 if tall * wide >= 16 else 0.008)
