"""How a product is laid out on the GPU: its tile, and into how many parts the sum over the depth is cut, chosen together by
a model of the time that each choice takes.

A multiprocessor's time is that of the blocks it gets. It multiplies at a share of its peak that the tile decides (how
often it reads shared memory and the caches for as many multiply-adds) and the warps that are there at once, one of which
multiplies while others wait. Parts are written and added up afterwards, which takes memory's time.
"""

from __future__ import annotations

import math
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
_COMBINING, _BYTES = 6000.0, 1400.0
"""Cycles to launch what adds up parts, and bytes that memory moves in a cycle."""


class _Rate(NamedTuple):
    """Of a tile: the share of the peak with all warps it likes, and how many blocks fit a multiprocessor."""

    share: float
    resident: int


_RATES = {
    "128x128": _Rate(0.85, 2),
    "128x64": _Rate(0.82, 3),
    "64x64": _Rate(0.75, 6),
    "128x32": _Rate(0.72, 6),
    "128x16": _Rate(0.42, 4),
    "32x32": _Rate(0.32, 8),
}


class Plan(NamedTuple):
    """`part_depth`: of every part but the last, which may be less deep; none is empty."""

    tile: Tile
    parts: int
    part_depth: int


def plan_of(rows: int, columns: int, depth: int, layers: int = 1, room: float = 0) -> Plan:
    """For products C (rows, columns) over a depth, `layers` of them at once. Parts take no more than `room` elements."""
    return _plan(rows, columns, depth, layers, int(min(room, _MOST_PARTS * rows * columns * layers)))


def room_of(rows: int, columns: int, depth: int, layers: int = 1, limit: float = math.inf) -> int:
    """Elements of workspace, at most `limit`, that such products take for their parts."""
    parts = plan_of(rows, columns, depth, layers, limit).parts
    return parts * rows * columns * layers if parts > 1 else 0


@lru_cache(maxsize=4096)
def _plan(rows: int, columns: int, depth: int, layers: int, room: int) -> Plan:
    choices = _choices(rows, columns, depth, layers, room)
    return min(choices, key=lambda plan: cycles(rows, columns, layers, plan))


def _choices(rows: int, columns: int, depth: int, layers: int, room: int) -> Iterator[Plan]:
    most = max(1, min(_MOST_PARTS, depth // _LEAST_DEPTH, room // (rows * columns * layers)))
    depths = {parts: -(-depth // parts // _STEP) * _STEP for parts in range(2, most + 1)}
    for tile in TILES:
        yield Plan(tile, 1, depth)
        for part_depth in depths.values():
            yield Plan(tile, -(-depth // part_depth), part_depth)


def cycles(rows: int, columns: int, layers: int, plan: Plan) -> float:
    """How many of a multiprocessor's a product in float32 takes by the model."""
    tile, parts, part_depth = plan
    blocks = layers * parts * -(-rows // tile.rows) * -(-columns // tile.columns)
    own = -(-blocks // MULTIPROCESSORS)
    rate = _RATES[tile.name]
    warps = min(own, rate.resident) * tile.threads // 32
    speed = _MULTIPLY_ADDS * rate.share * warps / (warps + 2)
    product = own * tile.rows * tile.columns * (part_depth + _START) / speed
    if parts == 1:
        return product
    return product + _COMBINING + (parts + 1) * 4 * rows * columns * layers / _BYTES * 2
