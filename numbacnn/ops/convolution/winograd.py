"""3x3 convolutions of stride 1 with fewer multiplications than their definition has (Lavin and Gray, 2015).

An image is cut into tiles of m x m outputs and the inputs under them, m + r - 1 ("extent") each way for filters of
r x r: F(2, 3), F(4, 3) and F(2, 5) are known. Transformed tiles (V), transformed filters (U) and their products (M)
have one matrix for each of extent^2 positions in a tile:

forward            M = V U, position by position; y is M transformed back
backward_input     the same, of d_y and the mirrored filters
backward_weights   D = V' W, W the transformed tiles of d_y; d_weights is D transformed back
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import prange

from ..compilation import jit, threads
from ..geometry import Window
from ..product import PANELS, ROWS, columns_of_tile, multiply_tile, zeros
from ..vectors import add, copy
from .gather import gather_share
from .transforms import d_filters, d_outputs, filters, inputs, outputs

_BLOCK = (5 << 18, 8 << 20)
"""Bytes of float32 that a worker's transformed tiles and their products take at a time, at least and at most. Between
them, half of what the transformed filters take: these are read once a block, and where they lie beyond the second cache
that costs more than tiles which lie there too."""
_SHARE = 64
"""Channels and filters of a task of the weight gradient, at most: its sums take half a megabyte of the second cache."""
_SHARE_BLOCK = 640 << 10
"""Bytes of float32 of the transformed tiles that are added to them at a time, and stay in that cache too."""
_TASKS = 8
"""Tasks of a weight gradient, at least: with few channels and filters the tiles are shared out too."""
_ALIGN = 16
"""Channels and filters come in multiples of this. Also added between positions, which would otherwise all lie in the
same few sets of the cache."""


_SIZES = {(3, 3): (2, 4), (5, 5): (2,)}
"""Kernel -> outputs in a tile, in one dimension."""


def suits(size: int, channels: int, filters: int, window: Window, groups: int) -> bool:
    """Whether tiles of size x size outputs can compute this convolution."""
    return (
        size in _SIZES.get(window.kernel, ())
        and window.stride == (1, 1)
        and window.dilation == (1, 1)
        and max(window.padding) < window.kernel[0]
        and groups == 1
        and channels % _ALIGN == 0
        and filters % _ALIGN == 0
    )


def _most(channels: int, filters: int, positions: int) -> int:
    """Tiles that a worker transforms and multiplies at a time, at most."""
    room = min(max(_BLOCK[0], 2 * positions * channels * filters), _BLOCK[1])
    return max(1, room // (4 * positions * (channels + filters) * ROWS)) * ROWS


def _block(tiles: int, channels: int, filters: int, positions: int) -> int:
    """Tiles of a block: as many blocks for every worker, and no more rows of padding than need be."""
    rounds = -(-tiles // (_most(channels, filters, positions) * threads()))
    return -(-tiles // (rounds * threads() * ROWS)) * ROWS


def _share(number: int) -> int:
    """Channels or filters of a task: few tasks, as each transforms what it needs for itself, and little padding."""
    return min(
        range(_ALIGN, _SHARE + 1, _ALIGN), key=lambda share: -(-number // share) * (share + _ALIGN // 2)
    )


class _Shares(NamedTuple):
    """How a weight gradient is cut, by shapes alone: a task has some channels, some filters and some of the tiles."""

    channels: int
    filters: int
    groups: int
    parts: int
    block: int
    """Tiles that are transformed and multiplied at a time."""


def _shares(tiles: int, channels: int, filters: int, positions: int) -> _Shares:
    own = _share(channels), _share(filters)
    groups = -(-channels // own[0]) * -(-filters // own[1])
    block = min(tiles, _SHARE_BLOCK // (4 * positions * sum(own)))
    return _Shares(*own, groups, min(-(-_TASKS // groups), -(-tiles // block)), block)


def _tiles(output: tuple[int, ...], size: int) -> int:
    """Tiles of an output (N, P, Q, …)."""
    count, rows, cells = output[:3]
    return count * -(-rows // size) * -(-cells // size)


def _convolve_size(output: tuple[int, ...], channels: int, filters: int, size: int, taps: int) -> int:
    positions = (size + taps - 1) ** 2
    block = min(_most(channels, filters, positions), -(-_tiles(output, size) // (threads() * ROWS)) * ROWS)
    own = positions * (block * (channels + filters) + 2 * _ALIGN + channels) + size * size * _ALIGN
    return positions * (channels * filters + _ALIGN) + threads() * own


def _weights_size(output: tuple[int, ...], channels: int, filters: int, size: int, taps: int) -> int:
    positions = (size + taps - 1) ** 2
    cut = _shares(_tiles(output, size), channels, filters, positions)
    own = positions * ((cut.block + 1) * (cut.channels + cut.filters) + 2 * _ALIGN)
    return cut.groups * cut.parts * positions * cut.channels * cut.filters + threads() * own


def workspace_size(output: tuple[int, ...], channels: int, filters: int, size: int, taps: int) -> int:
    """Elements of workspace that the three ops need for an output (N, P, Q) in tiles of size x size."""
    both = max(
        _convolve_size(output, *each, size, taps) for each in ((channels, filters), (filters, channels))
    )
    return max(both, _weights_size(output, channels, filters, size, taps))


def convolve(
    y: Any, x: Any, weights: Any, bias: Any, slope: Any, padding: Any, size: int, workspace: Any
) -> None:
    """y (N,P,Q,K) = f(x (N,H,W,C) * weights (R,R,C,K) + bias), f(v) = v above 0, else slope v.

    padding is what lies above and left of x.
    """
    tiles, channels, extent = _tiles(y.shape, size), x.shape[3], size + weights.shape[0] - 1
    block = _block(tiles, channels, y.shape[3], extent * extent)
    workers = min(threads(), -(-tiles // block))
    sizes = size, extent, weights.shape[0], block, workers
    tables = zeros(columns_of_tile(4), y.dtype), zeros(1, np.intp)
    _convolve(y, x, weights.reshape(-1), bias, slope, padding, sizes, *tables, workspace)


def backward_weights(d_weights: Any, x: Any, d_y: Any, padding: Any, size: int, workspace: Any) -> None:
    """d_weights (R,R,C,K) of x (N,H,W,C) and d_y (N,P,Q,K)."""
    taps = d_weights.shape[0]
    extent = size + taps - 1
    cut = _shares(_tiles(d_y.shape, size), x.shape[3], d_y.shape[3], extent * extent)
    workers = min(threads(), cut.groups * cut.parts)
    tables = zeros(columns_of_tile(4), x.dtype), zeros(1, np.intp)
    _backward_weights(
        d_weights.reshape(-1), x, d_y, padding, (size, extent, taps, workers), tuple(cut), *tables, workspace
    )


@jit
def _place(tile: Any, rows: Any, cells: Any, size: Any) -> Any:
    """(picture, first output row, first output column) of a tile."""
    across = (cells + size - 1) // size
    down = (rows + size - 1) // size
    return tile // (across * down), tile // across % down * size, tile % across * size


@jit(parallel=True)
def _convolve(
    y: Any,
    x: Any,
    weights: Any,
    bias: Any,
    slope: Any,
    padding: Any,
    sizes: Any,
    none: Any,
    zero: Any,
    workspace: Any,
) -> None:
    channels, all_filters = x.shape[3], y.shape[3]
    _, extent, taps, _, workers = sizes
    width, plane = 64 // y.itemsize, channels * all_filters
    for panel in prange(all_filters // width):
        for c in range(channels):
            target, source = (panel * channels + c) * width, c * all_filters + panel * width
            places = target, extent * (plane + _ALIGN), plane + _ALIGN, source, taps * plane, plane
            filters(workspace, weights, (*places, extent, taps))
    for worker in prange(workers):
        _convolve_worker(worker, y, x, bias, slope, padding, sizes, none, zero, workspace)


@jit(inline=True)
def _convolve_worker(
    worker: Any,
    y: Any,
    x: Any,
    bias: Any,
    slope: Any,
    padding: Any,
    sizes: Any,
    none: Any,
    zero: Any,
    workspace: Any,
) -> None:
    size, extent, taps, block, workers = sizes
    count, tall, wide, all_filters = y.shape
    channels, positions, width = x.shape[3], extent * extent, 64 // y.itemsize
    tiles = count * ((tall + size - 1) // size) * ((wide + size - 1) // size)
    blocks = (tiles + block - 1) // block
    plane, v_apart, m_apart = (
        channels * all_filters + _ALIGN,
        block * channels + _ALIGN,
        block * all_filters + _ALIGN,
    )
    m_at = positions * v_apart
    cells_at = m_at + positions * m_apart
    result_at = cells_at + positions * channels
    own = workspace[positions * plane + worker * (result_at + size * size * _ALIGN) :]
    v, m, cells, result = own[:m_at], own[m_at:cells_at], own[cells_at:result_at], own[result_at:]
    source, flat = x.reshape(x.size), y.reshape(y.size)
    for index in range(blocks * worker // workers, blocks * (worker + 1) // workers):
        begin = index * block
        taken = min(block, tiles - begin)
        for t in range(taken):
            n, p, q = _place(begin + t, tall, wide, size)
            corner, goal = (n, p - padding[0], q - padding[1]), (t * channels, v_apart)
            _transform_inputs(v, goal, cells, source, x.shape[1:], corner, extent, 0, channels)
        for position in range(positions):
            for k in range(0, all_filters, PANELS * width):
                for i in range(0, taken, ROWS):
                    multiply_tile(
                        m, position * m_apart + i * all_filters + k, all_filters,
                        v, position * v_apart + i * channels, channels, 0, zero, 1, 1,
                        workspace, position * plane + k * channels, width, channels * width,
                        channels, min(ROWS, taken - i), min(PANELS * width, all_filters - k), False, none, 0, 1.0,
                    )  # fmt: skip
        for t in range(taken):
            n, p, q = _place(begin + t, tall, wide, size)
            whole = p + size <= tall and q + size <= wide
            row = wide * all_filters
            for k in range(0, all_filters, width):
                here = ((n * tall + p) * wide + q) * all_filters + k
                target = (here, row, all_filters) if whole else (0, size * width, width)
                places = *target, t * all_filters + k, extent * m_apart, m_apart
                outputs(flat if whole else result, m, (*places, extent, taps), bias, k, slope)
                if whole:
                    continue
                for i in range(min(size, tall - p)):
                    for j in range(min(size, wide - q)):
                        place = here + i * row + j * all_filters
                        copy(flat[place : place + width], result[(i * size + j) * width :])


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


@jit(parallel=True)
def _backward_weights(
    d_weights: Any,
    x: Any,
    d_y: Any,
    padding: Any,
    sizes: Any,
    shares: Any,
    none: Any,
    zero: Any,
    workspace: Any,
) -> None:
    _, extent, taps, workers = sizes
    own_channels, own_filters, groups, parts, _ = shares
    channels, all_filters, width = x.shape[3], d_y.shape[3], 64 // d_y.itemsize
    plane, own_plane = channels * all_filters, own_channels * own_filters
    size = extent * extent * own_plane
    for worker in prange(workers):
        _backward_weights_worker(worker, x, d_y, padding, sizes, shares, none, zero, workspace)
    for line in prange(groups * extent * extent):
        group, start = line // (extent * extent), line % (extent * extent) * own_plane
        total = workspace[group * parts * size + start :][:own_plane]
        for part in range(1, parts):
            add(total, workspace[(group * parts + part) * size + start :][:own_plane])
    across = (all_filters + own_filters - 1) // own_filters
    for c in prange(channels):
        for k in range(0, all_filters, width):
            group = c // own_channels * across + k // own_filters
            source = group * parts * size + c % own_channels * own_filters + k % own_filters
            places = c * all_filters + k, taps * plane, plane, source, extent * own_plane, own_plane
            d_filters(d_weights, workspace, (*places, extent, taps))


@jit(inline=True)
def _backward_weights_worker(
    worker: Any,
    x: Any,
    d_y: Any,
    padding: Any,
    sizes: Any,
    shares: Any,
    none: Any,
    zero: Any,
    workspace: Any,
) -> None:
    size, extent, taps, workers = sizes
    own_channels, own_filters, groups, parts, block = shares
    count, tall, wide, all_filters = d_y.shape
    channels, positions, width = x.shape[3], extent * extent, 64 // d_y.itemsize
    tiles = count * ((tall + size - 1) // size) * ((wide + size - 1) // size)
    blocks, tasks = (tiles + block - 1) // block, groups * parts
    across, plane = (all_filters + own_filters - 1) // own_filters, own_channels * own_filters
    v_apart, w_apart = block * own_channels + _ALIGN, block * own_filters + _ALIGN
    w_at = positions * v_apart
    cells_at = w_at + positions * w_apart
    own_size = cells_at + positions * (own_channels + own_filters)
    own = workspace[tasks * positions * plane + worker * own_size :][:own_size]
    v, w, cells = own[:w_at], own[w_at:cells_at], own[cells_at:]
    source, d_source = x.reshape(x.size), d_y.reshape(d_y.size)
    for task in range(tasks * worker // workers, tasks * (worker + 1) // workers):
        group, part = task // parts, task % parts
        first_channel, first_filter = group // across * own_channels, group % across * own_filters
        some = min(own_channels, channels - first_channel)
        several = min(own_filters, all_filters - first_filter)
        sums = workspace[task * positions * plane :][: positions * plane]
        start = blocks * part // parts * block
        end = min(tiles, blocks * (part + 1) // parts * block)
        for begin in range(start, end, block):
            taken = min(block, end - begin)
            for t in range(taken):
                n, p, q = _place(begin + t, tall, wide, size)
                corner, goal = (n, p - padding[0], q - padding[1]), (t * own_channels, v_apart)
                _transform_inputs(v, goal, cells, source, x.shape[1:], corner, extent, first_channel, some)
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
            for position in range(positions):
                for k in range(0, several, PANELS * width):
                    for c in range(0, some, ROWS):
                        multiply_tile(
                            sums, position * plane + c * own_filters + k, own_filters,
                            v, position * v_apart + c, None, 0, zero, 1, own_channels,
                            w, position * w_apart + k * block, width, block * width,
                            taken, min(ROWS, some - c), min(PANELS * width, several - k), begin > start, none, 0, 1.0,
                        )  # fmt: skip
