"""How the tiles of a Winograd convolution are shared out: by shapes, and by the workspace that there is.

What follows the workspace is how much is done at a time (tiles, filters, tasks, threads). Every sum is added in the order
that the shapes alone say, so that results are the same bits in any workspace.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from math import gcd, inf
from typing import NamedTuple

from ..compilation import threads, threads_now
from ..geometry import Window
from ..product import PANELS, ROWS
from ..product.whole_tiles import STEPS

_BLOCK = 256 << 10
"""Bytes of float32 that a worker's transformed tiles and their products take at a time, or half of what the transformed
filters take: these are read once a block, and where they lie beyond the second cache that costs more than tiles which lie there too."""
_FAR = 1 << 14
"""Channels times filters beyond which a position's transformed filters are fetched from the third cache while those before them are used."""
_FETCHED = STEPS, 2 * STEPS - 1
"""Rows of tiles that are multiplied at a time with such filters, at least and at most: in STEPS of them the next filters are fetched."""
_MANY = 4
"""Rows of tiles for every thread from which they are shared out evenly enough."""
_FORTH, _BACK, _TERM, _READ = 0.33, 0.27, 1 / 16, 1 / 8
"""Processor cycles that every position in a tile takes, as measured: its transform for a channel, that back for a filter, a term of the
product; and a filter's number that is read, once for all tiles of a block."""
_SHARE = 128
"""Channels and filters of a task of the weight gradient, at most. With fewer, every tile is transformed for more tasks."""
_SHARE_BLOCK = 640 << 10
"""Bytes of float32 of the transformed tiles that are added to a task's sums at a time, or as many as the sums take: these
are read and written once a block, and where they lie beyond the second cache a longer block makes that rare."""
_TASKS = 8
"""Tasks of a weight gradient, at least: with few channels and filters the tiles are shared out too."""
ALIGN = 16
"""Channels and filters come in multiples of this. Also added between positions, which would otherwise all lie in the
same few sets of the cache."""


_SIZES = {(3, 3): (2, 4), (5, 5): (2, 4)}
"""Kernel -> outputs in a tile, in one dimension."""


def suits(size: int, channels: int, filters: int, window: Window, groups: int) -> bool:
    """Whether tiles of size x size outputs can compute this convolution."""
    return (
        size in _SIZES.get(window.kernel, ())
        and window.stride == (1, 1)
        and window.dilation == (1, 1)
        and max(window.padding) < window.kernel[0]
        and groups == 1
        and channels % ALIGN == 0
        and filters % ALIGN == 0
    )


def tiles_of(output: tuple[int, ...], size: int) -> int:
    """Tiles of an output (N, P, Q, …)."""
    count, rows, cells = output[:3]
    return count * -(-rows // size) * -(-cells // size)


def packed_size(channels: int, filters: int, size: int, taps: int) -> int:
    """Elements of transformed filters."""
    return (size + taps - 1) ** 2 * (channels * filters + ALIGN)


def workspace_size(
    output: tuple[int, ...], channels: int, filters: int, size: int, taps: int, room: float
) -> int:
    """Elements of workspace for the forward pass and the weight gradient of an output (N, P, Q) in tiles of size x size: at
    most `room`, unless the least is more.
    """
    tiles, positions = tiles_of(output, size), (size + taps - 1) ** 2
    cut = shares_of(tiles, channels, filters, positions)
    return max(
        _convolve_size(tiles, channels, filters, size, taps, room),
        _task_size(cut, positions, task_room(cut, positions, room)),
    )


def forward_size(output: tuple[int, ...], channels: int, filters: int, size: int, taps: int) -> int:
    """Elements of workspace with which the forward pass is quickest, its filters transformed already."""
    whole = _convolve_size(tiles_of(output, size), channels, filters, size, taps, inf)
    return whole - packed_size(channels, filters, size, taps)


# Outputs


class Blocks(NamedTuple):
    """How much of a convolution is done at a time; no output depends on it."""

    filters: int
    """Filters that are transformed at a time."""
    tiles: int
    """Tiles that a worker transforms and multiplies at a time, at most: a multiple of ROWS."""
    workers: int
    blocks: int
    """Pieces of all tiles, as even as whole rows of tiles allow."""
    shares: int = 1
    """Parts of these filters, each a task of its own."""


def blocks_of(
    tiles: int, channels: int, filters: int, size: int, taps: int, room: float, *, packed: bool = False
) -> Blocks:
    """The quickest that fits in `room` elements, or else the least; `packed`: the transformed filters lie elsewhere."""
    several, most, workers, *_ = _largest(channels, filters, size, taps, room, packed)
    # As many blocks for every worker.
    lines = -(-tiles // ROWS)
    rounds = -(-lines * ROWS // (most * workers))
    if is_far(channels, several):
        rounds = max(rounds, lines // (_FETCHED[0] * workers))
    blocks = min(rounds * workers, lines)
    found = Blocks(several, -(-lines // blocks) * ROWS, min(workers, blocks), blocks)
    if several < filters:
        return found
    left = room if packed else room - packed_size(channels, filters, size, taps)
    return _shared(found, tiles, channels, size, taps, left, threads_now())


@lru_cache(maxsize=512)
def _shared(
    found: Blocks, tiles: int, channels: int, size: int, taps: int, room: float, threads: int
) -> Blocks:
    """The same, or with filters in shares where the tiles are so few that they leave threads without work, as those of one picture
    do, and where there is room for it.
    """
    lines, most = -(-tiles // ROWS), found.filters // (PANELS * ALIGN)
    if lines >= _MANY * threads:
        return found

    def time(blocks: int, shares: int) -> float:
        """Of the worker that has the most to do: its tiles' transforms, their products and transforms back, the filters read."""
        tasks, taken, own = -(-blocks * shares // threads), -(-lines // blocks) * ROWS, found.filters / shares
        forth = -(-tasks // shares) * taken * channels * _FORTH
        return forth + tasks * own * (taken * (channels * _TERM + _BACK) + channels * _READ)

    plans = [
        Blocks(found.filters, -(-lines // blocks) * ROWS, min(threads, blocks * shares), blocks, shares)
        for shares in range(1, most + 1)
        if most % shares == 0
        for blocks in range(1, lines + 1)
    ]
    fit = [plan for plan in plans if _elements(plan, channels, size, taps) <= room]
    return min([found, *fit], key=lambda plan: time(plan.blocks, plan.shares))


def _elements(plan: Blocks, channels: int, size: int, taps: int) -> int:
    """Elements of workspace of all workers."""
    positions = (size + taps - 1) ** 2
    own = positions * plan.tiles * (channels + plan.filters // plan.shares)
    return plan.workers * (own + _apart(channels, size, positions))


@lru_cache(maxsize=512)
def _largest(channels: int, filters: int, size: int, taps: int, room: float, packed: bool = False) -> Blocks:
    """`blocks_of` without end of tiles."""
    positions = (size + taps - 1) ** 2
    for workers in _halves(threads()):
        for taken in _halves(filters // ALIGN):
            several = taken * ALIGN
            apart = 0 if packed else packed_size(channels, several, size, taps)
            fixed = apart + workers * _apart(channels, size, positions)
            fits = (room - fixed) / (workers * positions * (channels + several) * ROWS)
            most = int(min(_most(channels, several, positions), fits))
            if most > 0:
                return Blocks(several, most * ROWS, workers, workers)
    return Blocks(ALIGN, ROWS, 1, 1)


def is_far(channels: int, filters: int) -> bool:
    """Whether so many transformed filters come from the third cache."""
    return channels * filters > _FAR


def _halves(number: int) -> Iterator[int]:
    """The number, its half, …, 1."""
    while number > 1:
        yield number
        number = -(-number // 2)
    yield 1


def _most(channels: int, filters: int, positions: int) -> int:
    """Tiles that a worker transforms and multiplies at a time, at most, in rows of tiles."""
    if is_far(channels, filters):
        return _FETCHED[1]
    room = max(_BLOCK, 2 * positions * channels * filters)
    return max(1, room // (4 * positions * (channels + filters) * ROWS))


def _apart(channels: int, size: int, positions: int) -> int:
    """What a worker takes beside its tiles."""
    return positions * (2 * ALIGN + channels) + size * size * ALIGN


def _convolve_size(tiles: int, channels: int, filters: int, size: int, taps: int, room: float) -> int:
    """Elements of workspace that so many tiles take of `room`; fewer take no more."""
    several, most, workers, *_ = _largest(channels, filters, size, taps, room)
    lines, u = -(-tiles // ROWS), packed_size(channels, several, size, taps)

    def plain(lines: int) -> int:
        block = min(most, -(-lines // workers) * ROWS)
        return _elements(Blocks(several, block, workers, workers), channels, size, taps)

    if several < filters:
        return u + plain(lines)
    # Few tiles have room to be all done by every thread for its share of the filters, but no more than many tiles take.
    shares = gcd(filters // (PANELS * ALIGN), threads())
    whole = _elements(Blocks(filters, lines * ROWS, threads(), 1, shares), channels, size, taps)
    return u + max(plain(lines), int(min(whole, plain(_MANY * threads()), room - u)))


# The weight gradient


class Shares(NamedTuple):
    """How a weight gradient is cut, by shapes alone: a task has some channels, some filters and some of the tiles."""

    channels: int
    filters: int
    groups: int
    parts: int
    block: int
    """Tiles that are transformed and multiplied at a time."""
    row: int
    """Filters, and room for the last tile's columns. Sums lie in panels as wide as a register tile, a channel after the
    other, so that what one tile adds to lies together."""


def shares_of(tiles: int, channels: int, filters: int, positions: int) -> Shares:
    own = _share(channels), _share(filters)
    groups = -(-channels // own[0]) * -(-filters // own[1])
    size = max(_SHARE_BLOCK, 4 * positions * own[0] * own[1])
    block = min(tiles, size // (4 * positions * sum(own)))
    parts = min(-(-_TASKS // groups), -(-tiles // block))
    return Shares(*own, groups, parts, block, -(-own[1] // (PANELS * ALIGN)) * PANELS * ALIGN)


def _share(number: int) -> int:
    """Channels or filters of a task: few tasks, as each transforms what it needs for itself, and little padding."""
    return min(range(ALIGN, _SHARE + 1, ALIGN), key=lambda share: -(-number // share) * (share + ALIGN // 2))


class TaskRoom(NamedTuple):
    """How many of a weight gradient's tasks are done at a time; no sum depends on it."""

    groups: int
    """Groups whose parts are done together."""
    parts: int
    """Parts of a group that there is room for; two of several at least, as the later ones are added to the first."""
    workers: int


@lru_cache(maxsize=512)
def task_room(cut: Shares, positions: int, room: float) -> TaskRoom:
    """The quickest that fits in `room` elements, or else the least."""
    own, sums = _worker_size(cut, positions), positions * cut.channels * cut.row
    for workers in _halves(min(threads(), cut.groups * cut.parts)):
        fit = int(min((room - workers * own) / sums, cut.groups * cut.parts))
        if fit >= max(workers, cut.parts):
            return TaskRoom(fit // cut.parts, cut.parts, workers)
        if fit >= max(workers, 2):
            return TaskRoom(1, fit, workers)
    return TaskRoom(1, min(2, cut.parts), 1)


def _worker_size(cut: Shares, positions: int) -> int:
    return positions * ((cut.block + 1) * (cut.channels + ALIGN + cut.filters) + 2 * ALIGN)


def _task_size(cut: Shares, positions: int, room: TaskRoom) -> int:
    sums = room.groups * room.parts * positions * cut.channels * cut.row
    return sums + room.workers * _worker_size(cut, positions)
