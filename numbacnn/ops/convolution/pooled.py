"""A convolution with the pool behind it, whose input never leaves the caches: for programs that only predict.

Winograd's way with 16 channels and more pools tile by tile (winograd.convolve_pooled). Of patches, or of few channels in his way:

A task has some of the pool's output rows of one picture. It computes a few rows of the convolution's output into a buffer of the
worker's, pools whatever windows are complete, and goes on. The sums are those of `patches` or `thin` to the bit, and the pool does
with them what `pooling` does.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..compilation import threads, threads_now
from ..geometry import Window
from ..parallel import parallel
from ..pooling.rows import MAXIMUM, pool_row
from ..product import columns_of_panel
from . import pointwise, thin, tile_pool, tiles, winograd
from .choice import choose, tile_of
from .patches import fill_strip
from .pixel_tile import LINES, PIXELS, multiply_line, multiply_pixels, pixels_of

_TOGETHER = 160
"""Pixels of the convolution that are computed before they are pooled, or more: few are beyond the last of them in its tile."""
_TASK = 256 << 10
"""Elements of a task's strip and buffer, unless one pooled row takes more: where windows overlap, a task computes rows that the one before it
has computed, which costs more than a third cache that is read now and then."""

Numbers = tuple[int, ...]


class Cut(NamedTuple):
    """How a picture is cut into tasks, by shapes and the number of threads; no result depends on that."""

    parts: int
    """Tasks of a picture."""
    rows: int
    """Pooled rows of a task."""
    together: int
    """Pooled rows that are done at a time."""
    strip: tuple[int, int]
    """(rows, columns) of a task's strip of the input."""
    buffer: int
    """Elements of a task's buffer."""
    workers: int
    size: int
    """Elements of a worker's strip and buffer."""
    pixels: Any
    """The offset of every pixel's patch from that of the first pixel that is computed with it, and a whole tile's beyond the last."""
    stretches: Any
    """The offset of every contiguous stretch of a patch."""
    stretch: int
    """Elements of a stretch."""


def suits(
    channels: int,
    filters: int,
    window: Window,
    groups: int,
    algorithm: str,
    maps: tuple[int, ...],
    pool: Window,
    pooled: tuple[int, ...],
    divisor: int,
) -> bool:
    """Whether a convolution to so large `maps` (P, Q) can be computed with a pool to `pooled` ones; `divisor` as in `forward`."""
    chosen = choose(channels, filters, window, groups, algorithm)
    if thin.is_chosen(chosen, channels):
        return True
    if tile_of(chosen, channels):
        side = tile_pool.WINDOW
        apart = pool.kernel == pool.stride == (side, side) and not any(pool.padding)
        return apart and divisor == MAXIMUM and pooled == tuple(size // side for size in maps)
    return groups == 1 and chosen in ("im2col", "lanes") and not pointwise.suits(window.terms, groups)


def workspace_size(
    output: tuple[int, ...], x: tuple[int, ...], filters: int, window: Window, pool: Window, algorithm: str
) -> int:
    """Elements of workspace for a pooled output (N, P, Q, K) of an input (N, H, W, C)."""
    size = tile_of(choose(x[3], filters, window, 1, algorithm), x[3])
    if size:
        maps = output[0], *window.output_size(*x[1:3])
        return tiles.forward_size(maps, x[3], filters, size, window.kernel[0])
    tile = _tile(x[3], filters, window, algorithm)
    return threads() * cut((1 << 30, *output[1:3]), x[1:], filters, window, _terms(pool), 1, tile).size


def forward(
    y: Any,
    x: Any,
    packed: Any,
    bias: Any,
    slope: float,
    window: Window,
    algorithm: str,
    pool_slope: float,
    pool: Window,
    divisor: int,
    workspace: Any,
) -> None:
    """y (N,P,Q,K) = the pool of f(x (N,H,W,C) * packed filters + bias (K)), negative numbers of it times `pool_slope`; `divisor` is
    MAXIMUM or what the pool's sum is divided by (ops.pooling).
    """
    size = tile_of(choose(x.shape[3], bias.size, window, 1, algorithm), x.shape[3])
    if size:
        maps, tiling = window.output_size(*x.shape[1:3]), (size, window.kernel[0])
        winograd.convolve_pooled(
            y, x, packed, bias, slope, pool_slope, maps, window.corner, *tiling, workspace
        )
        return
    terms = _terms(pool)
    tile = _tile(x.shape[3], bias.size, window, algorithm)
    found = cut(y.shape[:3], x.shape[1:], bias.size, window, terms, threads_now(), tile)
    maps = window.output_size(*x.shape[1:3])
    lanes = _lanes(bias.size, y.itemsize)
    numbers = (
        *found[:3],
        *found.strip,
        *maps,
        tile,
        lanes,
        pixels_of(lanes, y.itemsize),
        found.workers,
        found.size,
        found.size - found.buffer,
        _line(x.shape[3], window, maps[1]) if lanes < columns_of_panel(y.itemsize) else 0,
        divisor,
    )
    tables = found.pixels, found.stretches, found.stretch
    _forward(y, x, packed, bias, slope, window.terms, pool_slope, terms, numbers, *tables, workspace)


def _tile(channels: int, filters: int, window: Window, algorithm: str) -> int:
    """Outputs of a tile of Winograd's, in one dimension; 0 where products are of patches."""
    return thin.SIZE if thin.is_chosen(choose(channels, filters, window, 1, algorithm), channels) else 0


def _terms(pool: Window) -> Numbers:
    return (*pool.kernel, *pool.stride, *pool.padding)


def _lanes(filters: int, itemsize: int) -> int:
    """Filters of a register tile."""
    width = columns_of_panel(itemsize)
    return width // 2 if filters <= width // 2 else width


def _line(channels: int, window: Window, cells: int) -> int:
    """Pixels of a tile of one row, where they are neighbours in memory, so that the fewest are beyond the row's end; else 0."""
    if channels * window.stride[1] != 1:
        return 0
    return min(LINES, key=lambda pixels: -(-cells // pixels) * pixels)


@lru_cache(maxsize=256)
def cut(
    output: tuple[int, ...],
    volume: tuple[int, ...],
    filters: int,
    window: Window,
    pool: Numbers,
    threads: int,
    tile: int,
) -> Cut:
    """The cut of a pooled output (N, P, Q) of pictures (H, W, C) for so many threads; `tile` is that of Winograd's way, or 0."""
    count, rows, _ = output
    height, width, channels = volume
    _, cells = window.output_size(height, width)
    (tall, _, down, *_) = pool
    (high, wide), (step, across), (between, beside) = window.kernel, window.stride, window.dilation
    wider = thin.columns_of(cells) if tile else (cells - 1) * across + (wide - 1) * beside + 1
    columns, cells = wider, -(-cells // tile) * tile if tile else cells
    padded = -(-filters // columns_of_panel(4)) * columns_of_panel(4)

    def maps(pooled: int) -> int:
        """Rows of the convolution under so many pooled rows, in whole tiles wherever they begin."""
        rows = (pooled - 1) * down + tall
        return rows if not tile else -(-(rows + tile - 1) // tile) * tile

    def strip(pooled: int) -> int:
        return (maps(pooled) - 1) * step + (high - 1) * between + 1

    def size(pooled: int) -> tuple[int, int]:
        own = strip(pooled) * columns * channels + (thin.THIN + thin.ROOM if tile else 0)
        return own, (maps(pooled) * cells + PIXELS) * padded

    fits = max((few for few in range(1, rows + 1) if sum(size(few)) <= _TASK), default=1)
    parts = max(-(-rows // fits), min(rows, -(-threads // count)))
    taken = -(-rows // parts)
    parts = -(-rows // taken)
    together = min(taken, -(-_TOGETHER // (down * cells)))
    pixel = np.arange(maps(together) * cells)
    pixels = pixel // cells * (step * columns * channels) + pixel % cells * (across * channels)
    row, cell = between * columns * channels, beside * channels
    is_row = beside == 1
    stretches = (np.arange(high)[:, None] * row + np.arange(1 if is_row else wide) * cell).ravel()
    lengths = [-(-length // 16) * 16 for length in size(taken)]
    return Cut(
        parts,
        taken,
        together,
        (strip(taken), columns),
        lengths[1],
        min(threads, count * parts),
        sum(lengths),
        np.append(pixels, np.full(PIXELS, pixels[-1])),
        stretches,
        wide * channels if is_row else channels,
    )


@parallel(lambda *arguments: arguments[8][10])  # workers
def _forward(
    earliest: Any,
    latest: Any,
    y: Any,
    x: Any,
    packed: Any,
    bias: Any,
    slope: Any,
    terms: Any,
    pool_slope: Any,
    pool: Any,
    numbers: Any,
    pixels: Any,
    stretches: Any,
    stretch: Any,
    workspace: Any,
) -> None:
    for worker in range(earliest, latest):
        (
            parts,
            taken,
            together,
            strip_rows,
            columns,
            maps,
            width,
            tile,
            lanes,
            high,
            workers,
            size,
            room,
            line,
            divisor,
        ) = numbers
        count, rows, cells, filters = y.shape
        channels = x.shape[3]
        step, down, top = terms[2], pool[2], pool[4]
        padded = (filters + lanes - 1) // lanes * lanes
        depth, panel = stretches.size * stretch, 64 // y.itemsize
        picture = strip_rows * columns * channels
        own = workspace[worker * size : (worker + 1) * size]
        strip, buffer = own[:room], own[room:]
        # In the rows of the buffer as many pixels as whole tiles have.
        across, down_to = (width, 1) if tile == 0 else ((width + tile - 1) // tile * tile, tile)
        flat, source = y.reshape(y.size), x.reshape(x.size)
        tasks = count * parts
        for task in range(tasks * worker // workers, tasks * (worker + 1) // workers):
            n, first = task // parts, task % parts * taken
            last = min(first + taken, rows)
            begin = max(first * down - top, 0) // down_to * down_to
            under = min((last - 1) * down - top + pool[0], maps) - begin
            under = (under + down_to - 1) // down_to * down_to
            needed = (under - 1) * step + (terms[0] - 1) * terms[8] + 1
            fill_strip(strip, source, x.shape[1:], n, 1, begin, terms, (needed, columns, picture))
            done = begin
            for earlier in range(first, last, together):
                later = min(earlier + together, last)
                end = min((later - 1) * down - top + pool[0], maps)
                if tile:
                    end = begin + (end - begin + tile - 1) // tile * tile
                    for row in range(done - begin, end - begin, tile):
                        thin.row_of_tiles(
                            buffer, row * across * padded, across * padded, padded,
                            strip, row * columns * channels, columns * channels,
                            strip[room - thin.ROOM :], packed, bias, channels, slope, across // tile,
                        )  # fmt: skip
                place, length = (done - begin) * width, (end - done) * width
                if line:
                    for row in range(done, end):
                        for i in range(0, width, line):
                            multiply_line(
                                buffer, ((row - begin) * width + i) * padded, padded,
                                strip, (row - begin) * step * columns + i, stretches, stretch,
                                packed, 0, bias, 0, filters, slope, line,
                            )  # fmt: skip
                for j in range(0, 0 if line or tile else filters, lanes):
                    for i in range(0, length, high):
                        multiply_pixels(
                            buffer, (place + i) * padded + j, padded,
                            strip, (done - begin) * step * columns * channels, stretches, stretch,
                            packed, j // panel * panel * depth, bias, j, filters - j, slope, pixels, i,
                        )  # fmt: skip
                done = max(done, end)
                for row in range(earlier, later):
                    pool_row(
                        flat, (n * rows + row) * cells * filters, cells, filters, buffer, 0, begin, row,
                        (maps, width, across), pool, pool_slope, lanes, divisor,
                    )  # fmt: skip
