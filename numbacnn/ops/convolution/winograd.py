"""3x3 convolutions of stride 1 with fewer multiplications than their definition has (Lavin and Gray, 2015).

An image is cut into tiles of m x m outputs, m = 2 or 4, and the m + 2 by m + 2 inputs under them. Transformed tiles
(V), transformed filters (U) and their products (M) have one matrix for each of (m + 2)^2 positions in a tile:

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
from ..product import ROWS, multiply_tile
from .transforms import (
    TAPS,
    d_filters_2,
    d_filters_4,
    d_outputs_2,
    d_outputs_4,
    filters_2,
    filters_4,
    inputs_2,
    inputs_4,
    outputs_2,
    outputs_4,
)

_BLOCK = 512 << 10
"""Bytes of float32 that a worker's transformed tiles take in the forward pass: half of a second-level cache."""
_SUPERBLOCK = 8 << 20
"""Bytes of float32 of transformed tiles between two additions to the weight gradient."""
_ALIGN = 16
"""Channels and filters come in multiples of this. Also added between positions, which would otherwise all lie in the
same few sets of the cache."""


def suits(channels: int, filters: int, window: Window, groups: int) -> bool:
    """Whether the transforms can compute this convolution."""
    return (
        window.kernel == (TAPS, TAPS)
        and window.stride == (1, 1)
        and window.dilation == (1, 1)
        and max(window.padding) < TAPS
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


def _convolve_size(channels: int, filters: int, size: int) -> int:
    positions = (size + 2) ** 2
    block = _block(1 << 40, channels, positions)
    own = positions * (block * (channels + _ALIGN) + _ALIGN) + positions * channels + size * size * _ALIGN
    return positions * channels * filters + threads() * own


def _weights_size(output: tuple[int, ...], channels: int, filters: int, size: int) -> int:
    positions = (size + 2) ** 2
    block = min(_superblock(channels, filters, positions), _tiles(output, size))
    tiles = positions * (block * (channels + filters) + 2 * _ALIGN)
    return positions * channels * filters + tiles + block * positions * max(channels, filters)


def workspace_size(output: tuple[int, ...], channels: int, filters: int, size: int) -> int:
    """Elements of workspace that the three ops need for an output (N, P, Q) in tiles of size x size."""
    both = max(_convolve_size(channels, filters, size), _convolve_size(filters, channels, size))
    return max(both, _weights_size(output, channels, filters, size))


def convolve(y: Any, x: Any, weights: Any, bias: Any, padding: Any, size: int, workspace: Any) -> None:
    """y (N,P,Q,K) = x (N,H,W,C) * weights (3,3,C,K) + bias; padding is what lies above and left of x."""
    tiles, channels = _tiles(y.shape, size), x.shape[3]
    block = _block(tiles, channels, (size + 2) ** 2)
    rows = np.arange(block) * channels
    workers = min(threads(), -(-tiles // block))
    _convolve(
        y, x, weights.reshape(-1), bias, padding, size, block, workers, rows, np.zeros(1, np.intp), workspace
    )


def backward_weights(d_weights: Any, x: Any, d_y: Any, padding: Any, size: int, workspace: Any) -> None:
    """d_weights (3,3,C,K) of x (N,H,W,C) and d_y (N,P,Q,K)."""
    block = min(_superblock(x.shape[3], d_y.shape[3], (size + 2) ** 2), _tiles(d_y.shape, size))
    _backward_weights(d_weights.reshape(-1), x, d_y, padding, size, block, np.zeros(1, np.intp), workspace)


@jit
def _gather(cells: Any, x: Any, volume: Any, n: Any, top: Any, left: Any, extent: Any) -> None:
    """extent x extent pixels of picture n of x (flat) with all their channels, zeros beyond its border."""
    height, width, channels = volume
    for i in range(extent):
        for j in range(extent):
            target = (i * extent + j) * channels
            if 0 <= top + i < height and 0 <= left + j < width:
                source = ((n * height + top + i) * width + left + j) * channels
                for c in range(channels):
                    cells[target + c] = x[source + c]
            else:
                for c in range(channels):
                    cells[target + c] = 0


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
    padding: Any,
    size: Any,
    block: Any,
    workers: Any,
    rows: Any,
    zero: Any,
    workspace: Any,
) -> None:
    channels, filters, positions = x.shape[3], y.shape[3], (size + 2) * (size + 2)
    width = 64 // y.itemsize
    plane = channels * filters
    for panel in prange(filters // width):
        for c in range(channels):
            target, source = (panel * positions * channels + c) * width, c * filters + panel * width
            if size == 4:
                filters_4(workspace, target, channels * width, weights, source, plane)
            else:
                filters_2(workspace, target, channels * width, weights, source, plane)
    for worker in prange(workers):
        _convolve_worker(worker, y, x, bias, padding, size, block, workers, rows, zero, workspace)


@jit
def _convolve_worker(
    worker: Any,
    y: Any,
    x: Any,
    bias: Any,
    padding: Any,
    size: Any,
    block: Any,
    workers: Any,
    rows: Any,
    zero: Any,
    workspace: Any,
) -> None:
    count, tall, wide, filters = y.shape
    channels, extent = x.shape[3], size + 2
    positions, width = extent * extent, 64 // y.itemsize
    tiles = count * ((tall + size - 1) // size) * ((wide + size - 1) // size)
    blocks = (tiles + block - 1) // block
    apart = block * channels + _ALIGN
    sizes = positions * apart, positions * block * _ALIGN, positions * channels, size * size * _ALIGN
    first = positions * channels * filters + worker * (sizes[0] + sizes[1] + sizes[2] + sizes[3])
    v = workspace[first : first + sizes[0]]
    m = workspace[first + sizes[0] : first + sizes[0] + sizes[1]]
    cells = workspace[first + sizes[0] + sizes[1] : first + sizes[0] + sizes[1] + sizes[2]]
    result = workspace[first + sizes[0] + sizes[1] + sizes[2] :]
    source, flat = x.reshape(x.size), y.reshape(y.size)
    for index in range(blocks * worker // workers, blocks * (worker + 1) // workers):
        begin = index * block
        taken = min(block, tiles - begin)
        for t in range(taken):
            n, p, q = _place(begin + t, tall, wide, size)
            _gather(cells, source, x.shape[1:], n, p - padding[0], q - padding[1], extent)
            for c in range(0, channels, width):
                if size == 4:
                    inputs_4(v, t * channels + c, apart, cells, c, channels)
                else:
                    inputs_2(v, t * channels + c, apart, cells, c, channels)
        for k in range(0, filters, width):
            for position in range(positions):
                for i in range(0, taken, ROWS):
                    multiply_tile(
                        m, (position * block + i) * width, width,
                        v, position * apart, rows, i, zero, 1, 1,
                        workspace, k * positions * channels + position * channels * width,
                        channels, min(ROWS, taken - i), width, False,
                    )  # fmt: skip
            for t in range(taken):
                n, p, q = _place(begin + t, tall, wide, size)
                if size == 4:
                    outputs_4(result, 0, width, m, t * width, block * width)
                else:
                    outputs_2(result, 0, width, m, t * width, block * width)
                for i in range(min(size, tall - p)):
                    for j in range(min(size, wide - q)):
                        target = ((n * tall + p + i) * wide + q + j) * filters + k
                        for lane in range(width):
                            flat[target + lane] = result[(i * size + j) * width + lane] + bias[k + lane]


@jit(parallel=True)
def _backward_weights(
    d_weights: Any, x: Any, d_y: Any, padding: Any, size: Any, block: Any, zero: Any, workspace: Any
) -> None:
    count, tall, wide, filters = d_y.shape
    channels, extent = x.shape[3], size + 2
    positions, width = extent * extent, 64 // d_y.itemsize
    tiles = count * ((tall + size - 1) // size) * ((wide + size - 1) // size)
    plane = channels * filters
    v_apart, w_apart = block * channels + _ALIGN, block * filters + _ALIGN
    sums = workspace[: positions * plane]
    v = workspace[positions * plane :]
    w = v[positions * v_apart :]
    gathered = w[positions * w_apart :]
    most = positions * max(channels, filters)
    source, d_source = x.reshape(x.size), d_y.reshape(d_y.size)
    for begin in range(0, tiles, block):
        taken = min(block, tiles - begin)
        for t in prange(taken):
            cells = gathered[t * most : (t + 1) * most]
            n, p, q = _place(begin + t, tall, wide, size)
            _gather(cells, source, x.shape[1:], n, p - padding[0], q - padding[1], extent)
            for c in range(0, channels, width):
                if size == 4:
                    inputs_4(v, t * channels + c, v_apart, cells, c, channels)
                else:
                    inputs_2(v, t * channels + c, v_apart, cells, c, channels)
            _gather(cells, d_source, d_y.shape[1:], n, p, q, size)
            for k in range(0, filters, width):
                if size == 4:
                    d_outputs_4(w, k * taken + t * width, w_apart, cells, k, filters)
                else:
                    d_outputs_2(w, k * taken + t * width, w_apart, cells, k, filters)
        # A position belongs to one task: its sums have one order, whatever the number of threads.
        for position in prange(positions):
            for k in range(0, filters, width):
                for c in range(0, channels, ROWS):
                    multiply_tile(
                        sums, position * plane + c * filters + k, filters,
                        v, position * v_apart + c, None, 0, zero, 1, channels,
                        w, position * w_apart + k * taken,
                        taken, min(ROWS, channels - c), width, begin > 0,
                    )  # fmt: skip
    for c in prange(channels):
        for k in range(0, filters, width):
            if size == 4:
                d_filters_4(d_weights, c * filters + k, plane, sums, c * filters + k, plane)
            else:
                d_filters_2(d_weights, c * filters + k, plane, sums, c * filters + k, plane)
