"""Convolution on the CPU: every filter's product with every patch, the patches read in place (see cut.py), or
Winograd's way where that was measured faster, or directly where every channel has a filter of its own.
"""

from __future__ import annotations

import math
from typing import Any

from .. import dense
from ..compilation import jit
from ..geometry import Window
from ..parallel import in_parallel, parallel, share
from ..product import (
    PANELS,
    ROWS,
    columns_of_panel,
    columns_of_tile,
    multiply_tile,
    pack,
    packed_size,
    transpose,
    zeros,
)
from . import columns, depthwise, tiles, winograd
from .choice import TILES, choose
from .cut import Terms, cut
from .gather import gather

_LARGE = 1 << 17
"""Channels times filters from which a weight gradient of 1x1 filters is computed as a dense layer's."""


def workspace_size(
    output: tuple[int, int, int],
    channels: int,
    filters: int,
    window: Window,
    groups: int,
    algorithm: str,
    input_size: tuple[int, int],
    limit: float = math.inf,
) -> int:
    """Elements of workspace that the three ops need for an output (N, P, Q) and an input of (H, W): at most `limit`, unless
    the least that they can do with is more.
    """
    chosen = choose(channels, filters, window, groups, algorithm)
    if chosen == "direct":
        return depthwise.workspace_size(output, channels, window)
    size = TILES[chosen]
    mirrored = math.prod(window.kernel) * channels // groups * filters
    if size:
        taps = window.kernel[0]
        forward_size = tiles.workspace_size(output, channels, filters, size, taps, limit)
        backward_size = tiles.workspace_size(output, filters, channels, size, taps, limit - mirrored)
        return max(forward_size, mirrored + backward_size)
    plan = cut(output, channels, filters, window.terms, groups)
    if _is_product(channels, filters, window, groups):
        forward_size = max(plan.forward_workspace(limit), dense.workspace_size("cpu", filters, 0, 0, limit))
    else:
        forward_size = plan.workspace(limit)
    if _by_columns(channels, window, groups):
        return max(forward_size, columns.workspace_size(output, channels, filters, window, groups, limit))
    backward = cut((output[0], *input_size), filters, channels, _mirrored(window), groups)
    return max(forward_size, mirrored + backward.forward_workspace(limit - mirrored))


def forward(
    y: Any,
    x: Any,
    weights: Any,
    bias: Any,
    slope: float,
    window: Window,
    groups: int,
    algorithm: str,
    workspace: Any,
) -> None:
    """y = f(x * weights + bias): every filter's dot product with every patch (lecture: convolutional layer)."""
    chosen = choose(x.shape[3], y.shape[3], window, groups, algorithm)
    if chosen == "direct":
        depthwise.forward(y, x, weights, bias, slope, window.terms)
        return
    _convolve(y, x, weights, bias, slope, window.terms, groups, TILES[chosen], workspace)


def backward_input(
    d_x: Any, d_y: Any, weights: Any, window: Window, groups: int, algorithm: str, workspace: Any
) -> None:
    """d_x: at stride 1 the convolution of d_y with the mirrored filters, whose channels are the filters'."""
    channels, filters = d_x.shape[3], d_y.shape[3]
    chosen = choose(channels, filters, window, groups, algorithm)
    if chosen == "direct":
        depthwise.backward_input(d_x, d_y, weights, window)
        return
    if _by_columns(channels, window, groups):
        columns.backward_input(d_x, d_y, weights, window, groups, workspace)
        return
    mirrored = workspace[: weights.size].reshape(*window.kernel, filters // groups, channels)
    _mirror(mirrored, weights, groups)
    bias, rest = zeros(channels, d_x.dtype), workspace[weights.size :]
    _convolve(d_x, d_y, mirrored, bias, 1.0, _mirrored(window), groups, TILES[chosen], rest)


def backward_weights(
    d_weights: Any, x: Any, d_y: Any, window: Window, groups: int, algorithm: str, workspace: Any
) -> None:
    """d_weights: every element of a patch times every filter's gradient, summed over all pixels."""
    chosen = choose(x.shape[3], d_y.shape[3], window, groups, algorithm)
    if chosen == "direct":
        depthwise.backward_weights(d_weights, x, d_y, window, workspace)
        return
    size = TILES[chosen]
    if not size and _is_product(x.shape[3], d_y.shape[3], window, groups):
        matrices = (each.reshape(-1, each.shape[-1]) for each in (d_weights, x, d_y))
        dense.backward_weights(*matrices, workspace)
        return
    if size:
        winograd.backward_weights(
            d_weights, x, d_y, (window.padding.top, window.padding.left), size, workspace
        )
        return
    plan = cut(d_y.shape[:3], x.shape[3], d_y.shape[3], window.terms, groups)
    workers, together = plan.parts_at_a_time(workspace.size)
    numbers = (*plan.tile, *plan.strip, plan.tiles, workers, plan.parts, together, plan.slice)
    _backward_weights(
        d_weights.reshape(-1),
        x,
        d_y,
        window.terms,
        groups,
        plan.taps,
        plan.stretch,
        plan.rows,
        zeros(columns_of_tile(4), x.dtype),
        numbers,
        workspace,
    )


def _is_product(channels: int, filters: int, window: Window, groups: int) -> bool:
    """Whether a weight gradient is x^T d_y itself, of so many channels and filters that every task has enough of them: sums
    of a few pixels at a time would go to and fro between the caches.
    """
    alone = window.kernel == window.stride == (1, 1) and not any(window.padding)
    return alone and groups == 1 and channels * filters >= _LARGE


def _by_columns(channels: int, window: Window, groups: int) -> bool:
    """Whether d_x is made of columns (columns.py), and not by a convolution of d_y.

    A stride leaves no choice; few channels of a large filter would leave most of the convolution's vectors empty.
    """
    few = channels // groups < columns_of_panel(4) and math.prod(window.kernel) > 1
    return window.stride != (1, 1) or few


@parallel(lambda mirrored, weights, groups: weights.shape[0] * weights.shape[1] * groups)
def _mirror(begin: Any, end: Any, mirrored: Any, weights: Any, groups: Any) -> None:
    """Every filter turned by 180 degrees, channels and filters exchanged: (R,S,C/G,K) -> (R,S,K/G,C)."""
    tall, wide, share, filters = weights.shape
    own, last = filters // groups, tall * wide - 1
    channels = share * groups
    target, source = mirrored.reshape(mirrored.size), weights.reshape(weights.size)
    for index in range(begin, end):
        cell, group = index // groups, index % groups
        transpose(
            target,
            (last - cell) * own * channels + group * share,
            channels,
            source,
            cell * share * filters + group * own,
            filters,
            share,
            own,
        )


def _mirrored(window: Window) -> Terms:
    """The window of the convolution that walks back through a convolution of stride 1."""
    tall, wide = window.extent
    top, bottom, left, right = window.padding
    padding = (tall - 1 - top, tall - 1 - bottom, wide - 1 - left, wide - 1 - right)
    return (*window.kernel, 1, 1, *padding, *window.dilation)


def _convolve(
    y: Any,
    x: Any,
    weights: Any,
    bias: Any,
    slope: float,
    terms: Terms,
    groups: int,
    size: int,
    workspace: Any,
) -> None:
    if size:
        winograd.convolve(y, x, weights, bias, slope, (terms[4], terms[6]), size, workspace)
        return
    plan = cut(y.shape[:3], x.shape[3], y.shape[3], terms, groups)
    workers = plan.workers(workspace.size)
    numbers = (*plan.tile, *plan.strip, plan.tiles, workers, plan.packed, plan.slice)
    _forward(
        y,
        x,
        weights.reshape(-1),
        bias,
        slope,
        terms,
        groups,
        plan.pixels,
        plan.stretches,
        plan.stretch,
        numbers,
        workspace,
    )


@jit
def _tile(index: Any, count: Any, rows: Any, pictures: Any, taken: Any) -> Any:
    """(first picture, pictures, first output row, rows) of a tile."""
    across = (rows + taken - 1) // taken
    first, row = index // across * pictures, index % across * taken
    return first, min(pictures, count - first), row, min(taken, rows - row)


@jit
def _fill_strip(
    strip: Any, x: Any, volume: Any, first: Any, count: Any, row: Any, terms: Any, shape: Any
) -> None:
    """Copies what a tile sees of the input (flat), zeros where it is padding."""
    rows, columns, picture = shape
    top, left = row * terms[2] - terms[4], -terms[6]
    for n in range(count):
        gather(strip[n * picture : (n + 1) * picture], x, volume, first + n, top, left, rows, columns)


@share
def _pack_filters(
    begin: Any, end: Any, weights: Any, groups: Any, workspace: Any, size: Any, filters: Any, depth: Any
) -> None:
    for group in range(begin, end):
        own = workspace[group * size : (group + 1) * size]
        pack(own, weights, group * filters, groups * filters, 1, depth, filters)


@share
def _multiply_tiles(
    begin: Any,
    end: Any,
    y: Any,
    x: Any,
    bias: Any,
    slope: Any,
    terms: Any,
    groups: Any,
    pixels: Any,
    stretches: Any,
    stretch: Any,
    numbers: Any,
    workspace: Any,
) -> None:
    for worker in range(begin, end):
        pictures, taken, strip_rows, columns, picture, tiles, workers, packed, size = numbers
        count, rows, cells, all_filters = y.shape
        filters, channels = all_filters // groups, x.shape[3] // groups
        width = 64 // y.itemsize
        depth = stretches.size * stretch
        panels = packed_size(depth, filters, y.itemsize)
        strip = workspace[packed + worker * size : packed + (worker + 1) * size]
        flat, source = y.reshape(y.size), x.reshape(x.size)
        for index in range(tiles * worker // workers, tiles * (worker + 1) // workers):
            n, several, p, height = _tile(index, count, rows, pictures, taken)
            _fill_strip(strip, source, x.shape[1:], n, several, p, terms, (strip_rows, columns, picture))
            first, length = (n * rows + p) * cells * all_filters, several * height * cells
            for group in range(groups):
                for j in range(0, filters, PANELS * width):
                    for i in range(0, length, ROWS):
                        multiply_tile(
                            flat, first + i * all_filters + group * filters + j, all_filters,
                            strip, group * channels, pixels, i, stretches, stretches.size, 1,
                            workspace, group * panels + j * depth, width, depth * width,
                            stretch, min(ROWS, length - i), min(PANELS * width, filters - j), False,
                            bias, group * filters + j, slope,
                        )  # fmt: skip


@jit(parallel=True)
def _forward(
    y: Any,
    x: Any,
    weights: Any,
    bias: Any,
    slope: Any,
    terms: Any,
    groups: Any,
    pixels: Any,
    stretches: Any,
    stretch: Any,
    numbers: Any,
    workspace: Any,
) -> None:
    depth, filters = stretches.size * stretch, y.shape[3] // groups
    size = packed_size(depth, filters, weights.itemsize)
    in_parallel(_pack_filters, groups, (weights, groups, workspace, size, filters, depth))
    in_parallel(
        _multiply_tiles,
        numbers[6],
        (y, x, bias, slope, terms, groups, pixels, stretches, stretch, numbers, workspace),
    )


@share
def _sum_tiles(
    start: Any,
    stop: Any,
    sums: Any,
    x: Any,
    d_y: Any,
    terms: Any,
    groups: Any,
    taps: Any,
    stretch: Any,
    row_offsets: Any,
    none: Any,
    numbers: Any,
    first_part: Any,
    last_part: Any,
    workspace: Any,
) -> None:
    for worker in range(start, stop):
        pictures, taken, strip_rows, columns, picture, tiles, workers, parts, _, size = numbers
        count, rows, cells, all_filters = d_y.shape
        filters, channels = all_filters // groups, x.shape[3] // groups
        width, depth, step = 64 // d_y.itemsize, taps.size, terms[3] * x.shape[3]
        own = workspace[worker * size : (worker + 1) * size]
        strip, share = own[: pictures * picture], own[pictures * picture :]
        flat, source = d_y.reshape(d_y.size), x.reshape(x.size)
        for part in range(first_part + worker, last_part, workers):
            place = (part - first_part) * depth
            begin, end = tiles * part // parts, tiles * (part + 1) // parts
            for index in range(begin, end):
                n, several, p, height = _tile(index, count, rows, pictures, taken)
                _fill_strip(strip, source, x.shape[1:], n, several, p, terms, (strip_rows, columns, picture))
                first, length = (n * rows + p) * cells * all_filters, several * height * cells
                # Whole vectors are read, so the last filters of the last pixel have to be copied to where there is room.
                in_place = first + length * all_filters + width <= flat.size
                for group in range(groups):
                    if not in_place:
                        pack(share, flat, first + group * filters, all_filters, 1, length, filters)
                    for j in range(0, filters, PANELS * width):
                        panel = first + group * filters + j if in_place else j * length
                        if stretch < 2 * ROWS:
                            for i in range(0, depth, ROWS):
                                multiply_tile(
                                    sums, (place + i) * all_filters + group * filters + j, all_filters,
                                    strip, group * channels, taps, i, row_offsets, several * height, step,
                                    flat if in_place else share, panel, all_filters if in_place else width,
                                    width if in_place else length * width, cells, min(ROWS, depth - i), min(PANELS * width, filters - j), index > begin,
                                    none, 0, 1.0,
                                )  # fmt: skip
                            continue
                        for o in range(0, depth, stretch):
                            for i in range(0, stretch, ROWS):
                                multiply_tile(
                                    sums, (place + o + i) * all_filters + group * filters + j, all_filters,
                                    strip, group * channels + taps[o] + i, None, 0, row_offsets, several * height, step,
                                    flat if in_place else share, panel, all_filters if in_place else width,
                                    width if in_place else length * width, cells, min(ROWS, stretch - i), min(PANELS * width, filters - j), index > begin,
                                    none, 0, 1.0,
                                )  # fmt: skip


@share
def _add_sums(start: Any, stop: Any, d_weights: Any, sums: Any, begin: Any, end: Any) -> None:
    for i in range(start, stop):
        total = sums[i] if begin == 0 else d_weights[i] + sums[i]
        for part in range(1, end - begin):
            total += sums[part * d_weights.size + i]
        d_weights[i] = total


@jit(parallel=True)
def _backward_weights(
    d_weights: Any,
    x: Any,
    d_y: Any,
    terms: Any,
    groups: Any,
    taps: Any,
    stretch: Any,
    row_offsets: Any,
    none: Any,
    numbers: Any,
    workspace: Any,
) -> None:
    workers, parts, together, size = numbers[6], numbers[7], numbers[8], d_weights.size
    sums = workspace[workers * numbers[9] :]
    for begin in range(0, parts, together):
        end = min(parts, begin + together)
        in_parallel(
            _sum_tiles,
            workers,
            (sums, x, d_y, terms, groups, taps, stretch, row_offsets, none, numbers, begin, end, workspace),
        )
        in_parallel(_add_sums, size, (d_weights, sums, begin, end))
