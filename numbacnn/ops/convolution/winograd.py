"""3x3 convolutions of stride 1 with fewer multiplications than their definition has (Lavin and Gray, 2015).

An image is cut into tiles of m x m outputs and the inputs under them, m + r - 1 ("extent") each way for filters of
r x r: F(2, 3), F(4, 3) and F(2, 5) are known. Transformed tiles (V), transformed filters (U) and their products (M)
have one matrix for each of extent^2 positions in a tile:

forward            M = V U, position by position; y is M transformed back
backward_input     the same, of d_y and the mirrored filters
backward_weights   D = V' W, W the transformed tiles of d_y; d_weights is D transformed back
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from ..compilation import jit, threads
from ..geometry import Window
from ..product import ROWS, multiply_tile, zeros
from ..vectors import copy
from .gather import gather
from .transforms import d_filters, d_outputs, filters, inputs, outputs

_BLOCK = 512 << 10
"""Bytes of float32 that a worker's transformed tiles take in the forward pass: half of a second-level cache."""
_SUPERBLOCK = 4 << 20
"""Bytes of float32 of transformed tiles between two additions to the weight gradient."""
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


def _block(tiles: int, channels: int, positions: int) -> int:
    """Tiles that a worker transforms and multiplies at a time; a small batch still makes eight blocks."""
    most = max(1, min(4, _BLOCK // (4 * positions * channels * ROWS))) * ROWS
    return min(most, max(1, -(-tiles // 8)))


def _superblock(channels: int, filters: int, positions: int) -> int:
    return max(32, _SUPERBLOCK // (4 * positions * (channels + filters)))


def _tiles(output: tuple[int, ...], size: int) -> int:
    """Tiles of an output (N, P, Q, …)."""
    count, rows, cells = output[:3]
    return count * -(-rows // size) * -(-cells // size)


def _convolve_size(channels: int, filters: int, size: int, taps: int) -> int:
    positions = (size + taps - 1) ** 2
    block = _block(1 << 40, channels, positions)
    own = positions * (block * (channels + _ALIGN) + _ALIGN) + positions * channels + size * size * _ALIGN
    return positions * channels * filters + threads() * own


def _weights_size(output: tuple[int, ...], channels: int, filters: int, size: int, taps: int) -> int:
    positions = (size + taps - 1) ** 2
    block = min(_superblock(channels, filters, positions), _tiles(output, size))
    tiles = positions * (block * (channels + filters) + 2 * _ALIGN)
    return positions * channels * filters + tiles + block * positions * max(channels, filters)


def workspace_size(output: tuple[int, ...], channels: int, filters: int, size: int, taps: int) -> int:
    """Elements of workspace that the three ops need for an output (N, P, Q) in tiles of size x size."""
    both = max(_convolve_size(channels, filters, size, taps), _convolve_size(filters, channels, size, taps))
    return max(both, _weights_size(output, channels, filters, size, taps))


def convolve(
    y: Any, x: Any, weights: Any, bias: Any, slope: Any, padding: Any, size: int, workspace: Any
) -> None:
    """y (N,P,Q,K) = f(x (N,H,W,C) * weights (R,R,C,K) + bias), f(v) = v above 0, else slope v.

    padding is what lies above and left of x.
    """
    tiles, channels, extent = _tiles(y.shape, size), x.shape[3], size + weights.shape[0] - 1
    block = _block(tiles, channels, extent * extent)
    workers = min(threads(), -(-tiles // block))
    sizes = size, extent, weights.shape[0], block, workers
    tables = zeros(_ALIGN, y.dtype), zeros(1, np.intp)
    _convolve(y, x, weights.reshape(-1), bias, slope, padding, sizes, *tables, workspace)


def backward_weights(d_weights: Any, x: Any, d_y: Any, padding: Any, size: int, workspace: Any) -> None:
    """d_weights (R,R,C,K) of x (N,H,W,C) and d_y (N,P,Q,K)."""
    taps = d_weights.shape[0]
    extent = size + taps - 1
    block = min(_superblock(x.shape[3], d_y.shape[3], extent * extent), _tiles(d_y.shape, size))
    sizes = size, extent, taps, block
    tables = zeros(_ALIGN, x.dtype), zeros(1, np.intp)
    _backward_weights(d_weights.reshape(-1), x, d_y, padding, sizes, *tables, workspace)


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
    width, positions, plane = 64 // y.itemsize, extent * extent, channels * all_filters
    for panel in prange(all_filters // width):
        for c in range(channels):
            target, source = (panel * positions * channels + c) * width, c * all_filters + panel * width
            places = target, extent * channels * width, channels * width, source, taps * plane, plane
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
    apart = block * channels + _ALIGN
    m_at = positions * apart
    cells_at = m_at + positions * block * _ALIGN
    result_at = cells_at + positions * channels
    own = workspace[positions * channels * all_filters + worker * (result_at + size * size * _ALIGN) :]
    v, m, cells, result = own[:m_at], own[m_at:cells_at], own[cells_at:result_at], own[result_at:]
    source, flat = x.reshape(x.size), y.reshape(y.size)
    for index in range(blocks * worker // workers, blocks * (worker + 1) // workers):
        begin = index * block
        taken = min(block, tiles - begin)
        for t in range(taken):
            n, p, q = _place(begin + t, tall, wide, size)
            _transform_inputs(
                v, t * channels, apart, cells, source, x.shape[1:], n, p - padding[0], q - padding[1], extent
            )
        for k in range(0, all_filters, width):
            for position in range(positions):
                for i in range(0, taken, ROWS):
                    multiply_tile(
                        m, (position * block + i) * width, width,
                        v, position * apart + i * channels, channels, 0, zero, 1, 1,
                        workspace, (k * positions + position * width) * channels, width,
                        channels, min(ROWS, taken - i), width, False, none, 0, 1.0,
                    )  # fmt: skip
            for t in range(taken):
                n, p, q = _place(begin + t, tall, wide, size)
                whole = p + size <= tall and q + size <= wide
                here, row = ((n * tall + p) * wide + q) * all_filters + k, wide * all_filters
                target = (here, row, all_filters) if whole else (0, size * width, width)
                places = *target, t * width, extent * block * width, block * width
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
    v_at: Any,
    apart: Any,
    cells: Any,
    x: Any,
    volume: Any,
    n: Any,
    top: Any,
    left: Any,
    extent: Any,
) -> None:
    """The tile of x at (top, left), all channels; one that reaches beyond the border is copied to `cells` first."""
    height, width, channels = volume
    inside = top >= 0 and left >= 0 and top + extent <= height and left + extent <= width
    first = ((n * height + top) * width + left) * channels if inside else 0
    row = (width if inside else extent) * channels
    source = x if inside else cells
    if not inside:
        gather(cells, x, volume, n, top, left, extent, extent)
    for c in range(0, channels, 64 // x.itemsize):
        inputs(v, source, (v_at + c, extent * apart, apart, first + c, row, channels, extent, 0))


@jit(parallel=True)
def _backward_weights(
    d_weights: Any, x: Any, d_y: Any, padding: Any, sizes: Any, none: Any, zero: Any, workspace: Any
) -> None:
    size, extent, taps, block = sizes
    count, tall, wide, all_filters = d_y.shape
    channels, positions, width = x.shape[3], extent * extent, 64 // d_y.itemsize
    tiles = count * ((tall + size - 1) // size) * ((wide + size - 1) // size)
    plane = channels * all_filters
    v_apart, w_apart = block * channels + _ALIGN, block * all_filters + _ALIGN
    sums = workspace[: positions * plane]
    v = workspace[positions * plane :]
    w = v[positions * v_apart :]
    gathered = w[positions * w_apart :]
    most = positions * max(channels, all_filters)
    source, d_source = x.reshape(x.size), d_y.reshape(d_y.size)
    for begin in range(0, tiles, block):
        taken = min(block, tiles - begin)
        for t in prange(taken):
            cells = gathered[t * most : (t + 1) * most]
            n, p, q = _place(begin + t, tall, wide, size)
            _transform_inputs(
                v,
                t * channels,
                v_apart,
                cells,
                source,
                x.shape[1:],
                n,
                p - padding[0],
                q - padding[1],
                extent,
            )
            whole = p + size <= tall and q + size <= wide
            first = ((n * tall + p) * wide + q) * all_filters if whole else 0
            row = (wide if whole else size) * all_filters
            if not whole:
                gather(cells, d_source, d_y.shape[1:], n, p, q, size, size)
            for k in range(0, all_filters, width):
                places = k * taken + t * width, extent * w_apart, w_apart, first + k, row, all_filters
                d_outputs(w, d_source if whole else cells, (*places, extent, taps))
        # A position belongs to one task: its sums have one order, whatever the number of threads.
        for position in prange(positions):
            for k in range(0, all_filters, width):
                for c in range(0, channels, ROWS):
                    multiply_tile(
                        sums, position * plane + c * all_filters + k, all_filters,
                        v, position * v_apart + c, None, 0, zero, 1, channels,
                        w, position * w_apart + k * taken, width,
                        taken, min(ROWS, channels - c), width, begin > 0, none, 0, 1.0,
                    )  # fmt: skip
    for c in prange(channels):
        for k in range(0, all_filters, width):
            at = c * all_filters + k
            d_filters(d_weights, sums, (at, taps * plane, plane, at, extent * plane, plane, extent, taps))
