"""3x3 and 5x5 convolutions of stride 1 with fewer multiplications than their definition has (Lavin and Gray, 2015).

An image is cut into tiles of m x m outputs and the inputs under them, m + r - 1 ("extent") each way for filters of
r x r: F(2, 3), F(4, 3), F(2, 5) and F(4, 5) are known. Transformed tiles (V), transformed filters (U) and their products (M)
have one matrix for each of extent^2 positions in a tile:

forward            M = V U, position by position; y is M transformed back
backward_input     the same, of d_y and the mirrored filters
backward_weights   D = V' W, W the transformed tiles of d_y; d_weights is D transformed back
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..compilation import jit
from ..parallel import in_parallel, parallel, share
from ..product import PANELS, ROWS, columns_of_tile, copy_panel, multiply_tile, zeros
from ..vectors import add
from .gather import gather_share
from .tiles import ALIGN, blocks_of, packed_size, shares_of, task_room, tiles_of
from .transforms import d_filters, d_outputs, filters, inputs, outputs
from .whole_tiles import multiply_whole


def convolve(
    y: Any, x: Any, weights: Any, bias: Any, slope: Any, padding: Any, size: int, workspace: Any
) -> None:
    """y (N,P,Q,K) = f(x (N,H,W,C) * weights (R,R,C,K) + bias), f(v) = v above 0, else slope v.

    padding is what lies above and left of x.
    """
    taps, channels, all_filters = weights.shape[0], x.shape[3], y.shape[3]
    cut = blocks_of(tiles_of(y.shape, size), channels, all_filters, size, taps, workspace.size)
    for first in range(0, all_filters, cut.filters):
        several = min(cut.filters, all_filters - first)
        u = workspace[: packed_size(channels, several, size, taps)]
        transform(u, weights.reshape(-1), weights.shape, size, first, several)
        sizes = size, taps, cut.tiles, cut.workers, first, several, cut.shares
        _with(y, x, u, bias, slope, (sizes, several, 0, 0), padding, workspace[u.size :])


def convolve_packed(
    y: Any,
    x: Any,
    u: Any,
    bias: Any,
    slope: Any,
    target: int,
    padding: Any,
    size: int,
    taps: int,
    workspace: Any,
) -> None:
    """`convolve` with filters that are transformed already, to the channels from `target` on of y (N,P,Q,…)."""
    tiles, all_filters = tiles_of(y.shape, size), bias.size
    cut = blocks_of(tiles, x.shape[3], all_filters, size, taps, workspace.size, packed=True)
    for first in range(0, all_filters, cut.filters):
        several = min(cut.filters, all_filters - first)
        sizes = size, taps, cut.tiles, cut.workers, first, several, cut.shares
        _with(y, x, u, bias, slope, (sizes, all_filters, first, target), padding, workspace)


def _with(
    y: Any, x: Any, u: Any, bias: Any, slope: Any, manner: tuple[Any, ...], padding: Any, workspace: Any
) -> None:
    (size, taps, block, workers, first, several, shares), filters, at, target = manner
    sizes = size, size + taps - 1, taps, block, workers, first, several, shares, filters, at, target
    _convolve_blocks(y, x, u, bias, slope, padding, sizes, workspace)


def transform(u: Any, weights: Any, shape: tuple[int, ...], size: int, first: int, filters: int) -> None:
    """u = filters first .. first+filters of weights (flat; R,R,C,K is its shape), transformed."""
    _transform_filters(u, weights, (size + shape[0] - 1, shape[0], shape[3], first, filters))


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


@jit
def _place(tile: Any, rows: Any, cells: Any, size: Any) -> Any:
    """(picture, first output row, first output column) of a tile."""
    across = (cells + size - 1) // size
    down = (rows + size - 1) // size
    return tile // (across * down), tile // across % down * size, tile % across * size


@jit(inline=True)
def _next(n: Any, p: Any, q: Any, rows: Any, cells: Any, size: Any) -> Any:
    """The place of the tile after the one at (n, p, q), without dividing."""
    q += size
    if q >= cells:
        q = 0
        p += size
        if p >= rows:
            p = 0
            n += 1
    return n, p, q


@parallel(lambda u, weights, sizes: sizes[4] * weights.itemsize // 64)
def _transform_filters(begin: Any, end: Any, u: Any, weights: Any, sizes: Any) -> None:
    extent, taps, all_filters, first, several = sizes
    channels, width = weights.size // (taps * taps * all_filters), 64 // weights.itemsize
    plane, own = channels * all_filters, channels * several + ALIGN
    for panel in range(begin, end):
        if panel == 0:
            for position in range(extent * extent):
                u[(position + 1) * own - ALIGN : (position + 1) * own] = 0
        for c in range(channels):
            target, source = (panel * channels + c) * width, c * all_filters + first + panel * width
            places = target, extent * own, own, source, taps * plane, plane
            filters(u, weights, (*places, extent, taps))


@parallel(lambda *arguments: arguments[6][4])  # workers
def _convolve_blocks(
    start: Any,
    stop: Any,
    y: Any,
    x: Any,
    u: Any,
    bias: Any,
    slope: Any,
    padding: Any,
    sizes: Any,
    workspace: Any,
) -> None:
    for worker in range(start, stop):
        size, extent, taps, block, workers, first, several, shares, filters_of_u, at, goal_first = sizes
        count, tall, wide, line = y.shape
        channels, positions, width = x.shape[3], extent * extent, 64 // y.itemsize
        tiles = count * ((tall + size - 1) // size) * ((wide + size - 1) // size)
        blocks, own_filters = (tiles + block - 1) // block, several // shares
        plane, v_apart, m_apart = (
            channels * filters_of_u + ALIGN,
            block * channels + ALIGN,
            block * own_filters + ALIGN,
        )
        m_at = positions * v_apart
        cells_at = m_at + positions * m_apart
        result_at = cells_at + positions * channels
        own = workspace[worker * (result_at + size * size * ALIGN) :]
        v, m, cells, result = own[:m_at], own[m_at:cells_at], own[cells_at:result_at], own[result_at:]
        source, flat = x.reshape(x.size), y.reshape(y.size)
        tasks, transformed = blocks * shares, -1
        for task in range(tasks * worker // workers, tasks * (worker + 1) // workers):
            index, filter_at = task // shares, task % shares * own_filters
            begin = index * block
            taken = min(block, tiles - begin)
            n, p, q = _place(begin, tall, wide, size)
            for t in range(taken if index != transformed else 0):
                corner, goal = (n, p - padding[0], q - padding[1]), (t * channels, v_apart)
                _transform_inputs(v, goal, cells, source, x.shape[1:], corner, extent, 0, channels)
                n, p, q = _next(n, p, q, tall, wide, size)
            transformed = index
            for position in range(positions):
                for k in range(0, own_filters, PANELS * width):
                    for i in range(0, taken, ROWS):
                        multiply_whole(
                            m, position * m_apart + i * own_filters + k, own_filters,
                            v, position * v_apart + i * channels, channels,
                            u, position * plane + (at + filter_at + k) * channels, channels,
                            min(PANELS, (own_filters - k) // width),
                        )  # fmt: skip
            n, p, q = _place(begin, tall, wide, size)
            for t in range(taken):
                whole = p + size <= tall and q + size <= wide
                row = wide * line
                for k in range(0, own_filters, width):
                    filter_now = first + filter_at + k
                    here = ((n * tall + p) * wide + q) * line + goal_first + filter_now
                    target = (here, row, line) if whole else (0, size * width, width)
                    places = *target, t * own_filters + k, extent * m_apart, m_apart
                    outputs(flat if whole else result, m, (*places, extent, taps), bias, filter_now, slope)
                    if whole:
                        continue
                    for i in range(min(size, tall - p)):
                        for j in range(min(size, wide - q)):
                            copy_panel(flat, here + i * row + j * line, result, (i * size + j) * width)
                n, p, q = _next(n, p, q, tall, wide, size)


@jit
def _transform_inputs(
    v: Any,
    goal: Any,
    cells: Any,
    x: Any,
    volume: Any,
    corner: Any,
    extent: Any,
    first: Any,
    taken: Any,
) -> None:
    """Channels first .. first+taken of the tile of x at `corner` (picture, row, column), to goal = (where in v, from one
    position to the next); a tile that reaches beyond the border is copied to `cells` first.
    """
    height, width, channels = volume
    n, top, left = corner
    inside = top >= 0 and left >= 0 and top + extent <= height and left + extent <= width
    at = ((n * height + top) * width + left) * channels + first if inside else 0
    row, cell = (width * channels, channels) if inside else (extent * taken, taken)
    if not inside:
        gather_share(cells, x, volume, corner, (extent, extent), first, taken)
    for c in range(0, taken, 64 // x.itemsize):
        target = goal[0] + c, extent * goal[1], goal[1]
        inputs(v, x if inside else cells, (*target, at + c, row, cell, extent, 0))


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
                n, p, q = _place(begin, tall, wide, size)
                for t in range(taken):
                    corner, goal = (n, p - padding[0], q - padding[1]), (t * v_row, v_apart)
                    _transform_inputs(
                        v, goal, cells, source, x.shape[1:], corner, extent, first_channel, some
                    )
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
                    n, p, q = _next(n, p, q, tall, wide, size)
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
