"""How a product is laid out on the GPU: its tile, and into how many parts the sum over the depth is cut, chosen together by
a model of the time that each choice takes.

A multiprocessor's time is that of the blocks it gets. It multiplies at a share of its peak that the tile decides (how
often it reads shared memory and the caches for as many multiply-adds) and the warps that are there at once, one of which
multiplies while others wait. Parts are written and added up afterwards, which takes memory's time.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from .tile import TILES, Tile

MULTIPROCESSORS = 132
"""Of an H100. A plan follows from the shape alone, so that every GPU adds in the same order."""
_STEP = 32
"""Parts begin at multiples of this: of every tile's depth, and of four."""
_LEAST_DEPTH = 256
"""Of a part: a block that starts and ends costs as much as some depth."""
_MOST_PARTS = 256
_MULTIPLY_ADDS = 128
"""Of a multiprocessor in a cycle."""
_START = 48
"""Depth that a block could have multiplied while it starts and ends."""
LAUNCH, BYTES = 6000.0, 1400.0
"""Cycles to launch a kernel that does no more than to move numbers, as what adds up parts, and bytes that memory moves in a cycle."""


class _Rate(NamedTuple):
    """Of a tile: the share of float32's peak with all warps it likes (tensor cores have more than all of it), and how many
    blocks fit a multiprocessor.
    """

    share: float
    resident: int


_RATES = {
    "float32": {
        "128x128": _Rate(0.85, 2),
        "128x96": _Rate(0.84, 3),
        "128x64": _Rate(0.82, 3),
        "64x64": _Rate(0.75, 6),
        "128x32": _Rate(0.72, 6),
        "128x16": _Rate(0.42, 4),
        "32x32": _Rate(0.32, 8),
    },
    "tf32": {
        "128x128": _Rate(2.1, 2),
        "128x96": _Rate(2.0, 2),
        "128x64": _Rate(1.7, 3),
        "64x64": _Rate(1.05, 4),
        "128x32": _Rate(1.1, 4),
        "128x16": _Rate(0.5, 4),
        "32x32": _Rate(0.4, 8),
        "128x256_wgmma": _Rate(4.5, 1),
        "128x128_wgmma": _Rate(3.9, 2),
    },
    "bf16": {
        "128x128": _Rate(2.9, 2),
        "128x96": _Rate(2.6, 2),
        "128x64": _Rate(2.1, 3),
        "64x64": _Rate(2.1, 5),
        "128x32": _Rate(1.5, 5),
        "128x16": _Rate(0.6, 4),
        "32x32": _Rate(0.45, 8),
        "128x256_wgmma": _Rate(4.8, 1),
        "128x128_wgmma": _Rate(4.2, 2),
    },
}
"""Of every precision and tile, as measured on an H200; of warpgroups' tiles predicted, and never run on a GPU: the most of the cycles
that a part of the depth takes of tensor cores, the schedulers' instructions, shared memory and the second cache (45 bytes a
cycle), of which 0.7 is left for waiting where two blocks fit, 0.6 where one does.
"""


_IN_FOURS = ("128x96",)
"""Tiles whose threads hold too many sums to find numbers one by one beside them: 1.5 times as slow as others then."""


class Plan(NamedTuple):
    """`part_depth`: of every part but the last, which may be less deep; none is empty."""

    tile: Tile
    parts: int
    part_depth: int


def plan_of(
    rows: int,
    columns: int,
    depth: int,
    layers: int = 1,
    room: float = 0,
    precision: str = "float32",
    in_fours: bool = True,
) -> Plan:
    """For products C (rows, columns) over a depth, `layers` of them at once. Parts take no more than `room` elements. `in_fours`:
    both matrices are read four numbers at a time.
    """
    most = int(min(room, _MOST_PARTS * rows * columns * layers))
    return _plan(rows, columns, depth, layers, most, precision, in_fours)


@lru_cache(maxsize=4096)
def _plan(
    rows: int, columns: int, depth: int, layers: int, room: int, precision: str, in_fours: bool
) -> Plan:
    choices = _choices(rows, columns, depth, layers, room, in_fours)
    return min(choices, key=lambda plan: cycles(rows, columns, layers, plan, precision))


def candidates(
    rows: int,
    columns: int,
    depth: int,
    layers: int,
    room: int,
    precision: str,
    in_fours: bool = True,
    *,
    most: int,
    slower: float,
    tiles: tuple[Tile, ...] = TILES,
) -> list[Plan]:
    """Of each tile the plan that the model finds best, the best tile's first: at most so many, none of which the model finds so
    many times slower than the first.
    """
    times: dict[Tile, tuple[float, Plan]] = {}
    for plan in _choices(rows, columns, depth, layers, room, in_fours, tiles):
        time = cycles(rows, columns, layers, plan, precision)
        if plan.tile not in times or time < times[plan.tile][0]:
            times[plan.tile] = time, plan
    found = sorted(times.values(), key=lambda pair: pair[0])[:most]
    return [plan for time, plan in found if time <= slower * found[0][0]]


def _choices(
    rows: int,
    columns: int,
    depth: int,
    layers: int,
    room: int,
    in_fours: bool,
    tiles: tuple[Tile, ...] = TILES,
) -> Iterator[Plan]:
    most = max(1, min(_MOST_PARTS, depth // _LEAST_DEPTH, room // (rows * columns * layers)))
    for tile in tiles:
        if tile.name in _IN_FOURS and not in_fours:
            continue
        yield Plan(tile, 1, depth)
        for part_depth in {part_depth_of(depth, parts): None for parts in range(2, most + 1)}:
            yield Plan(tile, -(-depth // part_depth), part_depth)


def part_depth_of(depth: int, parts: int) -> int:
    """The depth of each part but the last, of `parts` or fewer."""
    return -(-depth // parts // _STEP) * _STEP


def cycles(rows: int, columns: int, layers: int, plan: Plan, precision: str = "float32") -> float:
    """How many of a multiprocessor's a product takes by the model."""
    tile, parts, part_depth = plan
    blocks = layers * parts * -(-rows // tile.rows) * -(-columns // tile.columns)
    own = -(-blocks // MULTIPROCESSORS)
    rate = _RATES[precision][tile.name]
    warps = min(own, rate.resident) * tile.threads // 32
    speed = _MULTIPLY_ADDS * rate.share * warps / (warps + 2)
    product = own * tile.rows * tile.columns * (part_depth + _START) / speed
    if parts == 1:
        return product
    return product + LAUNCH + (parts + 1) * 4 * rows * columns * layers / BYTES * 2
