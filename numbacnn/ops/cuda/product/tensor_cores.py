"""The cores of tensor cores (compute capability 8.0 and newer): `mma.sync` multiplies 16 rows of A by 8 columns of B, 8
deep in tf32 and 16 deep in bf16, for a whole warp at a time; sums stay float32.

Which thread holds which element is laid down by the instruction (PTX ISA, "Matrix Fragments for mma.m16n8k8" and
"m16n8k16"): of A thread t has rows t/4 and t/4 + 8, of B column t/4, of C rows t/4 and t/4 + 8 of columns 2(t%4) and the
next; along the depth t%4 and t%4 + 4 in tf32, 2(t%4), 2(t%4) + 8 and the one after each in bf16.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..toolchain import beginning_at, device_function, mma_bf16, mma_tf32, packed_bf16, rounded_tf32
from .kernel import Core
from .tile import Tile

_ROWS, _COLUMNS = 16, 8
_ONE, _TWO, _FOUR, _EIGHT = (np.uint32(i) for i in (1, 2, 4, 8))


@device_function
def _as_it_is(value: Any) -> Any:
    return value


@device_function
def _owns(lane: Any) -> Any:
    return np.uint32(lane // _FOUR), np.uint32((lane % _FOUR) * _TWO)


def _reads_from(pitch_a: Any, pitch_b: Any, apart: Any) -> Any:
    """Where a thread begins to read, if the four that share rows begin so many depths apart."""

    @device_function
    def reads_from(lane: Any) -> Any:
        depth, place = np.uint32((lane % _FOUR) * apart), np.uint32(lane // _FOUR)
        return np.uint32(depth * pitch_a + place), np.uint32(depth * pitch_b + place)

    return reads_from


def tf32(tile: Tile) -> Core:
    """Numbers rounded to 10 bits after the point."""
    padding = 8
    pitch_a, pitch_b = np.uint32(tile.rows + padding), np.uint32(tile.columns + padding)
    # The four threads that share rows are a depth apart: 8 banks.
    reads_from = _reads_from(pitch_a, pitch_b, _ONE)
    further_a, further_b = np.uint32(4 * (tile.rows + padding)), np.uint32(4 * (tile.columns + padding))
    tall, wide, place_of = _places(tile)
    steps, steps_of = tile.depth // 8, _EIGHT

    @device_function
    def multiply(sums: Any, of_a: Any, of_b: Any, shared_a: Any, shared_b: Any, at_a: Any, at_b: Any) -> None:
        own_a, own_b = beginning_at(shared_a, at_a), beginning_at(shared_b, at_b)
        for step in range(steps):
            deeper = np.uint32(np.uint32(step) * steps_of)
            first_a, first_b = np.uint32(deeper * pitch_a), np.uint32(deeper * pitch_b)
            for j in range(wide):
                b = np.uint32(first_b + np.uint32(j) * _EIGHT)
                of_b[2 * j], of_b[2 * j + 1] = own_b[b], own_b[np.uint32(b + further_b)]
            for i in range(tall):
                a = np.uint32(first_a + np.uint32(16 * i))
                upper, lower = own_a[a], own_a[np.uint32(a + _EIGHT)]
                upper_further = own_a[np.uint32(a + further_a)]
                lower_further = own_a[np.uint32(a + further_a + _EIGHT)]
                for j in range(wide):
                    at = 4 * (i * wide + j)
                    sums[at], sums[at + 1], sums[at + 2], sums[at + 3] = mma_tf32(
                        upper,
                        lower,
                        upper_further,
                        lower_further,
                        of_b[2 * j],
                        of_b[2 * j + 1],
                        sums[at],
                        sums[at + 1],
                        sums[at + 2],
                        sums[at + 3],
                    )

    return Core(padding, rounded_tf32, reads_from, _owns, place_of, multiply, 216, 0.0)


def bf16(tile: Tile) -> Core:
    """Numbers rounded to 7 bits after the point; they lie in shared memory as float32 and are paired when they are read."""
    padding = 4
    pitch_a, pitch_b = np.uint32(tile.rows + padding), np.uint32(tile.columns + padding)
    # The four threads that share rows are two depths apart: 8 banks.
    reads_from = _reads_from(pitch_a, pitch_b, _TWO)
    further_a, further_b = np.uint32(8 * (tile.rows + padding)), np.uint32(8 * (tile.columns + padding))
    tall, wide, place_of = _places(tile)
    steps, steps_of = tile.depth // 16, np.uint32(16)

    @device_function
    def pair(shared: Any, at: Any, pitch: Any) -> Any:
        return packed_bf16(shared[at], shared[np.uint32(at + pitch)])

    @device_function
    def multiply(sums: Any, of_a: Any, of_b: Any, shared_a: Any, shared_b: Any, at_a: Any, at_b: Any) -> None:
        own_a, own_b = beginning_at(shared_a, at_a), beginning_at(shared_b, at_b)
        for step in range(steps):
            deeper = np.uint32(np.uint32(step) * steps_of)
            first_a, first_b = np.uint32(deeper * pitch_a), np.uint32(deeper * pitch_b)
            for i in range(tall):
                a = np.uint32(first_a + np.uint32(16 * i))
                upper, lower = pair(own_a, a, pitch_a), pair(own_a, np.uint32(a + _EIGHT), pitch_a)
                a = np.uint32(a + further_a)
                upper_further = pair(own_a, a, pitch_a)
                lower_further = pair(own_a, np.uint32(a + _EIGHT), pitch_a)
                for j in range(wide):
                    b = np.uint32(first_b + np.uint32(j) * _EIGHT)
                    at = 4 * (i * wide + j)
                    sums[at], sums[at + 1], sums[at + 2], sums[at + 3] = mma_bf16(
                        upper,
                        lower,
                        upper_further,
                        lower_further,
                        pair(own_b, b, pitch_b),
                        pair(own_b, np.uint32(b + further_b), pitch_b),
                        sums[at],
                        sums[at + 1],
                        sums[at + 2],
                        sums[at + 3],
                    )

    return Core(padding, _as_it_is, reads_from, _owns, place_of, multiply, 216, 0.0)


def _places(tile: Tile) -> tuple[int, int, Any]:
    """(instructions down a warp's part, across it, place_of): four sums of an instruction follow each other."""
    tall, wide = tile.warp[0] // _ROWS, tile.warp[1] // _COLUMNS
    columns = np.uint32(wide)

    @device_function
    def place_of(i: Any) -> Any:
        instruction, own = np.uint32(i // _FOUR), np.uint32(i % _FOUR)
        row = np.uint32((instruction // columns) * np.uint32(16) + (own // _TWO) * _EIGHT)
        return row, np.uint32((instruction % columns) * _EIGHT + own % _TWO)

    return tall, wide, place_of
