"""Convolution on the CPU: patches gathered into columns (im2col), then a matrix product.

The columns of a whole batch are F*F times the size of its input, so a thread gathers a tile of a few output
rows that stays in its cache, multiplies it, and goes on to the next. How a batch is cut into tiles, and a
sum into parts, depends on shapes alone: the result is the same for any number of threads.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from numba import config, prange

from ..compilation import jit
from ..geometry import Window
from ..product import add_product, columns_of_panel, pack, packed_size

_TILE_ELEMENTS = 64 << 10
"""Elements of a tile's columns: 256 KB of float32, a good part of a core's second cache."""
_TILE_ROWS = 64
"""Rows of columns below which a product would spend its time on reading the weights."""
_SUM_BYTES = 32 << 20
_SUM_PARTS = 8
"""A weight gradient is summed in at most so many parts, fewer where they would take more than so many bytes."""


class Tiling(NamedTuple):
    """How one layer's batch is cut: `tile` output rows at a time, by at most `workers` threads."""

    depth: int
    """Rows of one group's weight matrix, R*S*C/G."""
    filters: int
    """Its columns, K/G."""
    tile: int
    workers: int
    parts: int
    packed: int
    """Elements of the weights of all groups as the product wants them."""
    slice: int
    """Elements that one worker writes: its columns, and its share of a gradient as the product wants it."""

    @property
    def workspace(self) -> int:
        return self.packed + self.workers * self.slice + self.parts * self.depth * self.filters


def tiling(
    output: tuple[int, int, int], kernel: tuple[int, int], channels: int, filters: int, groups: int = 1
) -> Tiling:
    """The tiling of an output (N, P, Q), of `channels` = C/G and `filters` = K/G."""
    count, rows, cells = output
    depth = kernel[0] * kernel[1] * channels
    # A small batch is cut into eight tiles all the same, so that it keeps several threads busy.
    tile = max(_TILE_ELEMENTS // (cells * depth), -(-_TILE_ROWS // cells))
    tile = max(1, min(tile, -(-count * rows // 8)))
    tiles = -(-count * rows // tile)
    parts = max(1, min(_SUM_PARTS, _SUM_BYTES // (4 * depth * filters), tiles))
    workers = max(1, min(config.NUMBA_NUM_THREADS, tiles))
    widest = columns_of_panel(4)
    padded = -(-filters // widest) * widest
    # Packed once as (depth, filters) and once as its transpose; the larger of the two is kept free.
    packed = groups * max(depth * padded, -(-depth // widest) * widest * filters)
    return Tiling(depth, filters, tile, workers, parts, packed, tile * cells * (depth + padded))


def workspace_size(
    output: tuple[int, int, int], kernel: tuple[int, int], channels: int, filters: int, groups: int = 1
) -> int:
    """Elements of workspace that the three ops below need; the arguments are those of `tiling`."""
    return tiling(output, kernel, channels, filters, groups).workspace


def forward(y: Any, x: Any, weights: Any, bias: Any, window: Window, groups: int, workspace: Any) -> None:
    """y = x * weights + bias: every filter's dot product with every patch (lecture: convolutional layer)."""
    cut = tiling(y.shape[:3], window.kernel, weights.shape[2], weights.shape[3] // groups, groups)
    _forward(y, x, weights.reshape(-1), bias, window.terms, groups, tuple(cut), workspace)


def backward_input(d_x: Any, d_y: Any, weights: Any, window: Window, groups: int, workspace: Any) -> None:
    """d_x = d_y times the transposed filters, every column added back where it came from."""
    cut = tiling(d_y.shape[:3], window.kernel, weights.shape[2], weights.shape[3] // groups, groups)
    _backward_input(d_x, d_y, weights.reshape(-1), window.terms, groups, tuple(cut), workspace)


def backward_weights(d_weights: Any, x: Any, d_y: Any, window: Window, groups: int, workspace: Any) -> None:
    """d_weights = the transposed columns times d_y, summed over the batch."""
    cut = tiling(d_y.shape[:3], window.kernel, d_weights.shape[2], d_weights.shape[3] // groups, groups)
    matrix = d_weights.reshape(cut.depth, -1)
    for group in range(groups):
        _backward_weights(matrix, x, d_y, window.terms, group, tuple(cut), workspace)


@jit
def _gather(
    columns: Any, x: Any, volume: Any, start: Any, taken: Any, sizes: Any, first: Any, channels: Any, window: Any
) -> None:
    """Columns (T,Q,R,S,D) of the output rows start .. start+T of the whole batch, channels first .. first+D.

    Arrays are flat: views made in these loops would cost more than the copying.
    """
    tall, wide, down, across, top, _, before, _, tall_step, wide_step = window
    height, width, depth = volume
    rows, cells = sizes
    whole = wide_step == 1 and channels == depth
    run = wide * channels
    for t in range(taken):
        n = (start + t) // rows
        p = (start + t) - n * rows
        for r in range(tall):
            h = p * down - top + r * tall_step
            inside = 0 <= h < height
            row = (n * height + h) * width
            for q in range(cells):
                left = q * across - before
                target = ((t * cells + q) * tall + r) * run
                if not inside:
                    for i in range(run):
                        columns[target + i] = 0
                elif whole and left >= 0 and left + wide <= width:
                    # A row of the patch lies in one piece in the image: NHWC's gift to im2col.
                    source = (row + left) * depth
                    for i in range(run):
                        columns[target + i] = x[source + i]
                else:
                    for s in range(wide):
                        w = left + s * wide_step
                        if 0 <= w < width:
                            source = (row + w) * depth + first
                            for c in range(channels):
                                columns[target + s * channels + c] = x[source + c]
                        else:
                            for c in range(channels):
                                columns[target + s * channels + c] = 0


@jit
def _scatter(
    d_x: Any, columns: Any, volume: Any, start: Any, taken: Any, sizes: Any, first: Any, channels: Any, window: Any
) -> None:
    """Adds columns (T,Q,R,S,D) back where `_gather` takes them from: its adjoint."""
    tall, wide, down, across, top, _, before, _, tall_step, wide_step = window
    height, width, depth = volume
    rows, cells = sizes
    for t in range(taken):
        n = (start + t) // rows
        p = (start + t) - n * rows
        for r in range(tall):
            h = p * down - top + r * tall_step
            if not 0 <= h < height:
                continue
            for q in range(cells):
                source = ((t * cells + q) * tall + r) * wide * channels
                for s in range(wide):
                    w = q * across - before + s * wide_step
                    if 0 <= w < width:
                        target = ((n * height + h) * width + w) * depth + first
                        for c in range(channels):
                            d_x[target + c] += columns[source + s * channels + c]


@jit(parallel=True)
def _forward(
    y: Any, x: Any, weights: Any, bias: Any, window: Any, groups: Any, cut: Any, workspace: Any
) -> None:
    depth, filters = cut[0], cut[1]
    size = packed_size(depth, filters, weights.itemsize)
    for group in prange(groups):
        own = workspace[group * size : (group + 1) * size]
        pack(own, weights, group * filters, groups * filters, 1, depth, filters)
    for worker in prange(cut[3]):
        _forward_worker(worker, y, x, bias, window, groups, cut, workspace)


@jit
def _forward_worker(
    worker: Any, y: Any, x: Any, bias: Any, window: Any, groups: Any, cut: Any, workspace: Any
) -> None:
    depth, filters, tile, workers, _, packed, size = cut
    count, rows, cells, all_filters = y.shape
    panels = packed_size(depth, filters, y.itemsize)
    own = workspace[packed + worker * size : packed + (worker + 1) * size]
    flat, pixels = y.reshape(y.size), x.reshape(x.size)
    channels = depth // (window[0] * window[1])
    tiles = -(-count * rows // tile)
    for index in range(tiles * worker // workers, tiles * (worker + 1) // workers):
        start = index * tile
        taken = min(tile, count * rows - start)
        length = taken * cells
        first = start * cells * all_filters
        columns = own[: length * depth]
        for group in range(groups):
            _gather(columns, pixels, x.shape[1:], start, taken, (rows, cells), group * channels, channels, window)
            add_product(
                flat, first + group * filters, all_filters,
                columns, 0, depth, 1,
                workspace[group * panels : (group + 1) * panels],
                length, depth, filters, False,
            )  # fmt: skip
        for m in range(length):
            for k in range(all_filters):
                flat[first + m * all_filters + k] += bias[k]


@jit(parallel=True)
def _backward_input(
    d_x: Any, d_y: Any, weights: Any, window: Any, groups: Any, cut: Any, workspace: Any
) -> None:
    depth, filters = cut[0], cut[1]
    size = packed_size(filters, depth, weights.itemsize)
    for group in prange(groups):
        own = workspace[group * size : (group + 1) * size]
        pack(own, weights, group * filters, 1, groups * filters, filters, depth)
    # A picture belongs to one worker: tiles of one picture add to the same rows.
    for worker in prange(min(cut[3], d_y.shape[0])):
        _backward_input_worker(worker, d_x, d_y, window, groups, cut, workspace)


@jit
def _backward_input_worker(
    worker: Any, d_x: Any, d_y: Any, window: Any, groups: Any, cut: Any, workspace: Any
) -> None:
    depth, filters, tile, workers, _, packed, size = cut
    count, rows, cells, all_filters = d_y.shape
    panels = packed_size(filters, depth, d_y.itemsize)
    workers = min(workers, count)
    own = workspace[packed + worker * size : packed + (worker + 1) * size]
    flat, pixels = d_y.reshape(d_y.size), d_x.reshape(d_x.size)
    channels = depth // (window[0] * window[1])
    for n in range(count * worker // workers, count * (worker + 1) // workers):
        d_x[n] = 0
        for p in range(0, rows, tile):
            start = n * rows + p
            taken = min(tile, rows - p)
            length = taken * cells
            columns = own[: length * depth]
            for group in range(groups):
                add_product(
                    columns, 0, depth,
                    flat, start * cells * all_filters + group * filters, all_filters, 1,
                    workspace[group * panels : (group + 1) * panels],
                    length, filters, depth, False,
                )  # fmt: skip
                _scatter(
                    pixels, columns, d_x.shape[1:], start, taken, (rows, cells), group * channels, channels, window
                )


@jit(parallel=True)
def _backward_weights(
    d_weights: Any, x: Any, d_y: Any, window: Any, group: Any, cut: Any, workspace: Any
) -> None:
    depth, filters, parts = cut[0], cut[1], cut[4]
    first = cut[5] + cut[3] * cut[6]
    sums = workspace[first : first + parts * depth * filters]
    for worker in prange(cut[3]):
        _backward_weights_worker(worker, sums, x, d_y, window, group, cut, workspace)
    for row in prange(depth):
        for k in range(filters):
            total = sums[row * filters + k]
            for part in range(1, parts):
                total += sums[(part * depth + row) * filters + k]
            d_weights[row, group * filters + k] = total


@jit
def _backward_weights_worker(
    worker: Any, sums: Any, x: Any, d_y: Any, window: Any, group: Any, cut: Any, workspace: Any
) -> None:
    depth, filters, tile, workers, parts, packed, size = cut
    count, rows, cells, all_filters = d_y.shape
    own = workspace[packed + worker * size : packed + (worker + 1) * size]
    flat, pixels = d_y.reshape(d_y.size), x.reshape(x.size)
    channels = depth // (window[0] * window[1])
    tiles = -(-count * rows // tile)
    for part in range(worker, parts, workers):
        begin, end = tiles * part // parts, tiles * (part + 1) // parts
        for index in range(begin, end):
            start = index * tile
            taken = min(tile, count * rows - start)
            length = taken * cells
            columns, share = own[: length * depth], own[length * depth :]
            _gather(columns, pixels, x.shape[1:], start, taken, (rows, cells), group * channels, channels, window)
            pack(share, flat, start * cells * all_filters + group * filters, all_filters, 1, length, filters)
            add_product(
                sums, part * depth * filters, filters,
                columns, 0, 1, depth,
                share,
                depth, length, filters, index > begin,
            )  # fmt: skip
