"""The cores of a warpgroup's products (`wgmma`, compute capability 9.0 alone): two warpgroups multiply 64 rows of A each by all
columns of a tile, and read both in shared memory, where all threads put them.

Three parts of the depth are in shared memory: one that is being multiplied, the one behind it, which may still be, and the one
that is written meanwhile. The one after that is on its way from memory into registers.

A part lies there as (depth / 16 bytes, rows of A or columns of B, 16 bytes), which is what a descriptor calls "K-major, no
swizzling". What a quarter of a warp writes at a time, or half of one, lies in different banks, as a pitch is so many
times 16 bytes more than a multiple of all banks as it needs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import cuda, float32, uint32

from .. import warpgroups
from ..instructions import beginning_at, packed_bf16, rounded_tf32, store4, store_words
from ..toolchain import device_function
from .core import Core, column_sums
from .loaders import Loader
from .registers import adding, fetching
from .share import Share, blocks_of, share_of
from .tile import Tile

_STAGES = 3
_GROUP = 128
"""Threads of a warpgroup."""
_ROWS = 64
_NONE, _ONE, _TWO, _FOUR, _EIGHT = (np.uint32(i) for i in (0, 1, 2, 4, 8))
_BY_GROUP, _GROUPS_ROWS, _ALL_STAGES = np.uint32(_GROUP), np.uint32(4 * _ROWS), np.uint32(_STAGES)


class _Kind(NamedTuple):
    """Of numbers: how many are 16 bytes, how many fours along the depth threads side by side put there (a quarter of a warp
    writes 16 bytes a thread at a time, half of one 8), and by how many times 16 bytes the pitch is odd, of deep parts and
    of others.
    """

    numbers: warpgroups.Numbers
    chunk: int
    fours: int
    odd_deep: int
    odd_flat: int
    put: Callable[..., Any]


@device_function
def _put_rounded(shared: Any, at: Any, a: Any, b: Any, c: Any, d: Any) -> None:
    store4(shared, at, rounded_tf32(a), rounded_tf32(b), rounded_tf32(c), rounded_tf32(d))


@device_function
def _put_packed(shared: Any, at: Any, a: Any, b: Any, c: Any, d: Any) -> None:
    store_words(shared, at, packed_bf16(a, b), packed_bf16(c, d))


_TF32 = _Kind(warpgroups.TF32, 4, 4, 1, 1, _put_rounded)
_BF16 = _Kind(warpgroups.BF16, 8, 8, 2, 1, _put_packed)


def tf32(tile: Tile, load_a: Loader, load_b: Loader, sums_columns: bool) -> Core:
    """Numbers rounded to 10 bits after the point, on their way into shared memory."""
    return _core(tile, load_a, load_b, sums_columns, _TF32)


def bf16(tile: Tile, load_a: Loader, load_b: Loader, sums_columns: bool) -> Core:
    """Numbers rounded to 7 bits after the point, on their way into shared memory."""
    return _core(tile, load_a, load_b, sums_columns, _BF16)


class _Part(NamedTuple):
    """A and B alike: elements of a part in shared memory, bytes from one chunk along the depth to the next, and how threads
    bring it there.
    """

    size: int
    pitch: int
    share: Share
    fetch: Callable[..., None]
    put: Callable[..., None]


def _part(loader: Loader, extent: int, tile: Tile, kind: _Kind) -> _Part:
    pitch = 4 * (extent + (kind.odd_deep if loader.deep else kind.odd_flat))
    share = (share_of if loader.deep else blocks_of(kind.fours))(loader, extent, tile)
    count, is_one, place_of, put_four = share.fours, share.is_one, share.place_of, kind.put
    chunk, apart, words = np.uint32(kind.chunk), np.uint32(pitch), np.uint32(kind.chunk // 4)

    @device_function
    def index(place: Any, depth: Any) -> Any:
        own = np.uint32(depth // chunk)
        return np.uint32(place * _FOUR + own * apart + (depth % chunk) // words)

    @device_function
    def put_deep(shared: Any, numbers: Any, thread: Any) -> None:
        for i in range(count):
            if is_one(thread, i):
                place, depth = place_of(thread, i)
                at = 4 * i
                put_four(
                    shared,
                    index(place, depth),
                    numbers[at],
                    numbers[at + 1],
                    numbers[at + 2],
                    numbers[at + 3],
                )

    @device_function
    def put_flat(shared: Any, numbers: Any, thread: Any) -> None:
        for i in range(0, count, 4):
            if is_one(thread, i):
                place, depth = place_of(thread, i)
                to = index(place, depth)
                for j in range(4):
                    at = 4 * i + j
                    put_four(
                        shared,
                        np.uint32(to + np.uint32(j) * _FOUR),
                        numbers[at],
                        numbers[at + 4],
                        numbers[at + 8],
                        numbers[at + 12],
                    )

    size = tile.depth // kind.chunk * pitch
    put = put_deep if loader.deep else put_flat
    return _Part(size, 4 * pitch, share, fetching(loader, share), put)


def _core(tile: Tile, load_a: Loader, load_b: Loader, sums_columns: bool, kind: _Kind) -> Core:
    part_a, part_b = _part(load_a, tile.rows, tile, kind), _part(load_b, tile.columns, tile, kind)
    begin_a, fetch_a, put_a = part_a.share.begin, part_a.fetch, part_a.put
    begin_b, fetch_b, put_b = part_b.share.begin, part_b.fetch, part_b.put
    words_a, words_b = part_a.share.state_size, part_b.share.state_size
    next_a, next_b = 4 * part_a.share.fours, 4 * part_b.share.fours
    size_a, size_b = np.uint32(part_a.size), np.uint32(part_b.size)
    columns = column_sums(part_b.share, tile.columns) if sums_columns else None
    begin_columns, add_columns = adding(columns)
    describe_a, describe_b = warpgroups.descriptor(part_a.pitch), warpgroups.descriptor(part_b.pitch)
    steps, step = tile.depth // kind.numbers.depth, np.uint32(tile.depth)
    multiply = warpgroups.multiplication(kind.numbers, tile.columns, steps, (part_a.pitch, part_b.pitch))
    wait_for_one, wait_for_all = (warpgroups.waiting(tile.columns, pending) for pending in (1, 0))
    publish = warpgroups.publish

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
        next_of_a, next_of_b = cuda.local.array(next_a, float32), cuda.local.array(next_b, float32)
        state_a, state_b = cuda.local.array(words_a, uint32), cuda.local.array(words_b, uint32)
        begin_a(state_a, geometry, group, thread, corner[0], limits[0])
        begin_b(state_b, geometry, group, thread, corner[1], limits[1])
        own_rows = np.uint32((thread // _BY_GROUP) * _GROUPS_ROWS)

        fetch_a(next_of_a, a, geometry, group, state_a, thread, k, end)
        fetch_b(next_of_b, b, geometry, group, state_b, thread, k, end)
        if adds:
            begin_columns(of_columns, thread)
        stage = _NONE
        while k < end:
            here_a, here_b = np.uint32(stage * size_a), np.uint32(stage * size_b)
            put_a(beginning_at(shared_a, here_a), next_of_a, thread)
            put_b(beginning_at(shared_b, here_b), next_of_b, thread)
            if adds:
                add_columns(of_columns, next_of_b, thread)
            publish()
            k = np.uint32(k + step)
            fetch_a(next_of_a, a, geometry, group, state_a, thread, k, end)
            fetch_b(next_of_b, b, geometry, group, state_b, thread, k, end)
            # After this barrier nobody multiplies what was put there two parts before: the next part goes there.
            wait_for_one(sums)
            cuda.syncthreads()
            multiply(sums, describe_a(shared_a, np.uint32(here_a + own_rows)), describe_b(shared_b, here_b))
            stage = np.uint32(stage + _ONE)
            if stage == _ALL_STAGES:
                stage = _NONE
        wait_for_all(sums)

    @device_function
    def owns(lane: Any) -> Any:
        return np.uint32(lane // _FOUR), np.uint32((lane % _FOUR) * _TWO)

    @device_function
    def place_of(i: Any) -> Any:
        # Four sums of eight columns follow each other: two side by side, two of the row eight further down.
        own = np.uint32(i % _FOUR)
        return np.uint32((own // _TWO) * _EIGHT), np.uint32((i // _FOUR) * _EIGHT + own % _TWO)

    return Core(
        _STAGES * part_a.size,
        _STAGES * part_b.size,
        accumulate,
        columns,
        owns,
        place_of,
        registers=255,
        hgmma=steps,
        blocks=2 if tile.columns <= 128 else 1,
        asks_for_shared=True,
    )
