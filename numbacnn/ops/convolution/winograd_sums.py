"""The weight gradient of Winograd's convolutions: D = V' W, V and W the transformed tiles of x and d_y, is transformed back.

A task has some channels, some filters and some of the tiles (tiles.Shares). Sums of the parts of the tiles are added in their order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..compilation import jit
from ..parallel import in_parallel, share
from ..product import PANELS, ROWS, columns_of_tile, multiply_tile, zeros
from ..vectors import add
from .gather import gather_share
from .tiles import ALIGN, shares_of, task_room, tiles_of
from .transforms import d_filters, d_outputs
from .winograd import next_place, place_of, transform_inputs


def backward_weights(d_weights: Any, x: Any, d_y: Any, padding: Any, size: int, workspace: Any) -> None:
    """d_weights (R,R,C,K) of x (N,H,W,C) and d_y (N,P,Q,K)."""
    taps = d_weights.shape[0]
    extent = size + taps - 1
    cut = shares_of(tiles_of(d_y.shape, size), x.shape[3], d_y.shape[3], extent * extent)
    room = task_room(cut, extent * extent, workspace.size)
    tables = zeros(columns_of_tile(4), x.dtype), zeros(1, np.intp)
    for first in range(0, cut.groups, room.groups):
        groups = min(room.groups, cut.groups - first)
        begin = 0
        while begin < cut.parts:
            # The sum of the parts before, if there are some, lies in a group's first place.
            end = min(cut.parts, begin + room.parts - (1 if begin else 0))
            sizes = size, extent, taps, room.workers
            tasks = first, groups, begin, end, room.parts
            flat = d_weights.reshape(-1)
            _backward_weights(flat, x, d_y, padding, sizes, tuple(cut), tasks, *tables, workspace)
            begin = end


@share
def _sum_products(
    earliest: Any,
    latest: Any,
    x: Any,
    d_y: Any,
    padding: Any,
    sizes: Any,
    shares: Any,
    tasks: Any,
    none: Any,
    zero: Any,
    workspace: Any,
) -> None:
    for worker in range(earliest, latest):
        size, extent, taps, workers = sizes
        own_channels, own_filters, _, parts, block, row_size = shares
        first, groups, start_part, end_part, slots = tasks
        count, tall, wide, all_filters = d_y.shape
        channels, positions, width = x.shape[3], extent * extent, 64 // d_y.itemsize
        tiles = count * ((tall + size - 1) // size) * ((wide + size - 1) // size)
        blocks, parts_now = (tiles + block - 1) // block, end_part - start_part
        across, plane = (all_filters + own_filters - 1) // own_filters, own_channels * row_size
        v_row, together = own_channels + ALIGN, PANELS * width
        v_apart, w_apart = block * v_row + ALIGN, block * own_filters + ALIGN
        w_at = positions * v_apart
        cells_at = w_at + positions * w_apart
        own_size = cells_at + positions * (own_channels + own_filters)
        own = workspace[groups * slots * positions * plane + worker * own_size :][:own_size]
        v, w, cells = own[:w_at], own[w_at:cells_at], own[cells_at:]
        source, d_source = x.reshape(x.size), d_y.reshape(d_y.size)
        all_tasks, filled = groups * parts_now, 1 if start_part > 0 else 0
        for task in range(all_tasks * worker // workers, all_tasks * (worker + 1) // workers):
            group, slot = task // parts_now, filled + task % parts_now
            part = start_part + task % parts_now
            first_channel = (first + group) // across * own_channels
            first_filter = (first + group) % across * own_filters
            some = min(own_channels, channels - first_channel)
            several = min(own_filters, all_filters - first_filter)
            sums = workspace[(group * slots + slot) * positions * plane :][: positions * plane]
            start = blocks * part // parts * block
            end = min(tiles, blocks * (part + 1) // parts * block)
            for begin in range(start, end, block):
                taken = min(block, end - begin)
                n, p, q = place_of(begin, tall, wide, size)
                for t in range(taken):
                    corner, goal = (n, p - padding[0], q - padding[1]), (t * v_row, v_apart)
                    transform_inputs(v, goal, cells, source, x.shape[1:], corner, extent, first_channel, some)
                    whole = p + size <= tall and q + size <= wide
                    at = ((n * tall + p) * wide + q) * all_filters + first_filter if whole else 0
                    row, cell = (wide * all_filters, all_filters) if whole else (size * several, several)
                    if not whole:
                        gather_share(
                            cells, d_source, d_y.shape[1:], (n, p, q), (size, size), first_filter, several
                        )
                    for k in range(0, several, width):
                        places = k * block + t * width, extent * w_apart, w_apart, at + k, row, cell
                        d_outputs(w, d_source if whole else cells, (*places, extent, taps))
                    n, p, q = next_place(n, p, q, tall, wide, size)
                for position in range(positions):
                    for k in range(0, several, together):
                        for c in range(0, some, ROWS):
                            multiply_tile(
                                sums, position * plane + k * own_channels + c * together, together,
                                v, position * v_apart + c, None, 0, zero, 1, v_row,
                                w, position * w_apart + k * block, width, block * width,
                                taken, min(ROWS, some - c), min(together, several - k), begin > start, none, 0, 1.0,
                            )  # fmt: skip


@share
def _add_sums(begin: Any, end: Any, sizes: Any, shares: Any, tasks: Any, workspace: Any) -> None:
    """One sum of each group's parts, position by position of a tile."""
    positions, plane = sizes[1] * sizes[1], shares[0] * shares[5]
    _, _, start_part, end_part, slots = tasks
    used = end_part - start_part + (1 if start_part > 0 else 0)
    for line in range(begin, end):
        group, start = line // positions, line % positions * plane
        total = workspace[group * slots * positions * plane + start :][:plane]
        for part in range(1, used):
            add(total, workspace[(group * slots + part) * positions * plane + start :][:plane])


@share
def _transform_back(
    begin: Any,
    end: Any,
    d_weights: Any,
    channels: Any,
    all_filters: Any,
    sizes: Any,
    shares: Any,
    tasks: Any,
    workspace: Any,
) -> None:
    """The gradients of the filters themselves, a row of a group's channels at a time."""
    extent, taps, (own_channels, own_filters) = sizes[1], sizes[2], shares[:2]
    first, slots, width = tasks[0], tasks[4], 64 // d_weights.itemsize
    across, together = (all_filters + own_filters - 1) // own_filters, PANELS * width
    plane, own_plane = channels * all_filters, own_channels * shares[5]
    for line in range(begin, end):
        group, row = line // own_channels, line % own_channels
        c, k = (first + group) // across * own_channels + row, (first + group) % across * own_filters
        for j in range(0, min(own_filters, all_filters - k) if c < channels else 0, width):
            source = group * slots * extent * extent * own_plane + row * together
            source += j // together * own_channels * together + j % together
            here = c * all_filters + k + j, taps * plane, plane, source, extent * own_plane, own_plane
            d_filters(d_weights, workspace, (*here, extent, taps))


@jit(parallel=True)
def _backward_weights(
    d_weights: Any,
    x: Any,
    d_y: Any,
    padding: Any,
    sizes: Any,
    shares: Any,
    tasks: Any,
    none: Any,
    zero: Any,
    workspace: Any,
) -> None:
    _, groups, _, end_part, _ = tasks
    in_parallel(_sum_products, sizes[3], (x, d_y, padding, sizes, shares, tasks, none, zero, workspace))
    in_parallel(_add_sums, groups * sizes[1] * sizes[1], (sizes, shares, tasks, workspace))
    if end_part == shares[3]:
        filters_of = d_weights, x.shape[3], d_y.shape[3]
        in_parallel(_transform_back, groups * shares[0], (*filters_of, sizes, shares, tasks, workspace))
