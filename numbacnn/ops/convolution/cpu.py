"""Convolution on the CPU: every filter's product with every patch, the patches read in place (see cut.py), or
Winograd's way where that was measured faster.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numba import prange

from ..compilation import jit
from ..geometry import Window
from ..product import ROWS, multiply_tile, pack, packed_size
from . import strided, winograd
from .cut import Terms, cut

Algorithm = Literal["auto", "im2col", "winograd-2", "winograd-4"]
ALGORITHMS: tuple[str, ...] = get_args(Algorithm)
_LEAST = 64
"""Channels and filters from which Winograd's transforms were measured to pay."""
_MANY = 256 * 256
"""Channels times filters from which the filters transformed for tiles of 4 no longer fit the cache, and tiles of 2
were faster in `forward` and `backward_input`."""


def _tile_size(algorithm: str, channels: int, filters: int, window: Window, groups: int) -> int:
    """Winograd's outputs in a tile, in one dimension; 0: im2col."""
    if algorithm == "auto":
        fits = winograd.suits(channels, filters, window, groups) and min(channels, filters) >= _LEAST
        return 4 if fits else 0
    return {"im2col": 0, "winograd-2": 2, "winograd-4": 4}[algorithm]


def _walk_tile_size(algorithm: str, channels: int, filters: int, window: Window, groups: int) -> int:
    """The same for `forward` and `backward_input`."""
    size = _tile_size(algorithm, channels, filters, window, groups)
    return 2 if size and algorithm == "auto" and channels * filters >= _MANY else size


def workspace_size(
    output: tuple[int, int, int],
    channels: int,
    filters: int,
    window: Window,
    groups: int,
    algorithm: str,
    input_size: tuple[int, int],
) -> int:
    """Elements of workspace that the three ops need for an output (N, P, Q) and an input of (H, W)."""
    sizes = {find(algorithm, channels, filters, window, groups) for find in (_tile_size, _walk_tile_size)}
    if any(sizes):
        return max(winograd.workspace_size(output, channels, filters, size) for size in sizes)
    forward_size = cut(output, channels, filters, window.terms, groups).workspace
    if window.stride != (1, 1):
        return max(forward_size, strided.workspace_size(output, channels, filters, window, groups))
    backward = cut((output[0], *input_size), filters, channels, _mirrored(window), groups)
    return max(forward_size, backward.workspace)


def forward(
    y: Any, x: Any, weights: Any, bias: Any, window: Window, groups: int, algorithm: str, workspace: Any
) -> None:
    """y = x * weights + bias: every filter's dot product with every patch (lecture: convolutional layer)."""
    size = _walk_tile_size(algorithm, x.shape[3], y.shape[3], window, groups)
    _convolve(y, x, weights, bias, window.terms, groups, size, workspace)


def backward_input(
    d_x: Any, d_y: Any, weights: Any, window: Window, groups: int, algorithm: str, workspace: Any
) -> None:
    """d_x: at stride 1 the convolution of d_y with the mirrored filters, whose channels are the filters'."""
    if window.stride != (1, 1):
        strided.backward_input(d_x, d_y, weights, window, groups, workspace)
        return
    tall, wide, share, filters = weights.shape
    grouped = weights[::-1, ::-1].reshape(tall, wide, share, groups, filters // groups)
    mirrored = np.ascontiguousarray(grouped.transpose(0, 1, 4, 3, 2)).reshape(
        tall, wide, filters // groups, -1
    )
    bias = np.zeros(d_x.shape[3], d_x.dtype)
    size = _walk_tile_size(algorithm, d_x.shape[3], filters, window, groups)
    _convolve(d_x, d_y, mirrored, bias, _mirrored(window), groups, size, workspace)


def backward_weights(
    d_weights: Any, x: Any, d_y: Any, window: Window, groups: int, algorithm: str, workspace: Any
) -> None:
    """d_weights: every element of a patch times every filter's gradient, summed over all pixels."""
    size = _tile_size(algorithm, x.shape[3], d_y.shape[3], window, groups)
    if size:
        winograd.backward_weights(
            d_weights, x, d_y, (window.padding.top, window.padding.left), size, workspace
        )
        return
    plan = cut(d_y.shape[:3], x.shape[3], d_y.shape[3], window.terms, groups)
    numbers = (*plan.tile, *plan.strip, plan.tiles, plan.workers, plan.parts, plan.packed, plan.slice)
    _backward_weights(
        d_weights.reshape(-1),
        x,
        d_y,
        window.terms,
        groups,
        plan.stretches,
        plan.stretch,
        plan.rows,
        numbers,
        workspace,
    )


def _mirrored(window: Window) -> Terms:
    """The window of the convolution that walks back through a convolution of stride 1."""
    tall, wide = window.extent
    top, bottom, left, right = window.padding
    padding = (tall - 1 - top, tall - 1 - bottom, wide - 1 - left, wide - 1 - right)
    return (*window.kernel, 1, 1, *padding, *window.dilation)


def _convolve(
    y: Any, x: Any, weights: Any, bias: Any, terms: Terms, groups: int, size: int, workspace: Any
) -> None:
    if size:
        winograd.convolve(y, x, weights, bias, (terms[4], terms[6]), size, workspace)
        return
    plan = cut(y.shape[:3], x.shape[3], y.shape[3], terms, groups)
    numbers = (*plan.tile, *plan.strip, plan.tiles, plan.workers, plan.parts, plan.packed, plan.slice)
    _forward(
        y,
        x,
        weights.reshape(-1),
        bias,
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
    height, width, channels = volume
    strip_rows, columns, picture = shape
    left, top = terms[6], row * terms[2] - terms[4]
    begin, end = max(0, left), max(0, min(columns, width + left))
    for n in range(count):
        for u in range(strip_rows):
            target = n * picture + u * columns * channels
            h = top + u
            if h < 0 or h >= height or begin >= end:
                for i in range(target, target + columns * channels):
                    strip[i] = 0
                continue
            source = (((first + n) * height + h) * width + begin - left) * channels
            for i in range(begin * channels):
                strip[target + i] = 0
            for i in range((end - begin) * channels):
                strip[target + begin * channels + i] = x[source + i]
            for i in range(end * channels, columns * channels):
                strip[target + i] = 0


@jit(parallel=True)
def _forward(
    y: Any,
    x: Any,
    weights: Any,
    bias: Any,
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
    for group in prange(groups):
        own = workspace[group * size : (group + 1) * size]
        pack(own, weights, group * filters, groups * filters, 1, depth, filters)
    for worker in prange(numbers[6]):
        _forward_worker(worker, y, x, bias, terms, groups, pixels, stretches, stretch, numbers, workspace)


@jit
def _forward_worker(
    worker: Any,
    y: Any,
    x: Any,
    bias: Any,
    terms: Any,
    groups: Any,
    pixels: Any,
    stretches: Any,
    stretch: Any,
    numbers: Any,
    workspace: Any,
) -> None:
    pictures, taken, strip_rows, columns, picture, tiles, workers, _, packed, size = numbers
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
            for j in range(0, filters, width):
                for i in range(0, length, ROWS):
                    multiply_tile(
                        flat, first + i * all_filters + group * filters + j, all_filters,
                        strip, group * channels, pixels, i, stretches, stretches.size, 1,
                        workspace, group * panels + j * depth,
                        stretch, min(ROWS, length - i), min(width, filters - j), False,
                    )  # fmt: skip
        for m in range(first, first + length * all_filters, all_filters):
            for k in range(all_filters):
                flat[m + k] += bias[k]


@jit(parallel=True)
def _backward_weights(
    d_weights: Any,
    x: Any,
    d_y: Any,
    terms: Any,
    groups: Any,
    stretches: Any,
    stretch: Any,
    row_offsets: Any,
    numbers: Any,
    workspace: Any,
) -> None:
    workers, parts, size = numbers[6], numbers[7], d_weights.size
    first = numbers[8] + workers * numbers[9]
    sums = workspace[first : first + parts * size]
    for worker in prange(workers):
        _backward_weights_worker(
            worker, sums, x, d_y, terms, groups, stretches, stretch, row_offsets, numbers, workspace
        )
    for i in prange(size):
        total = sums[i]
        for part in range(1, parts):
            total += sums[part * size + i]
        d_weights[i] = total


@jit
def _backward_weights_worker(
    worker: Any,
    sums: Any,
    x: Any,
    d_y: Any,
    terms: Any,
    groups: Any,
    stretches: Any,
    stretch: Any,
    row_offsets: Any,
    numbers: Any,
    workspace: Any,
) -> None:
    pictures, taken, strip_rows, columns, picture, tiles, workers, parts, packed, size = numbers
    count, rows, cells, all_filters = d_y.shape
    filters, channels = all_filters // groups, x.shape[3] // groups
    width, depth, step = 64 // d_y.itemsize, stretches.size * stretch, terms[3] * x.shape[3]
    own = workspace[packed + worker * size : packed + (worker + 1) * size]
    strip, share = own[: pictures * picture], own[pictures * picture :]
    flat, source = d_y.reshape(d_y.size), x.reshape(x.size)
    for part in range(worker, parts, workers):
        begin, end = tiles * part // parts, tiles * (part + 1) // parts
        for index in range(begin, end):
            n, several, p, height = _tile(index, count, rows, pictures, taken)
            _fill_strip(strip, source, x.shape[1:], n, several, p, terms, (strip_rows, columns, picture))
            first, length = (n * rows + p) * cells * all_filters, several * height * cells
            for group in range(groups):
                pack(share, flat, first + group * filters, all_filters, 1, length, filters)
                for o in range(stretches.size):
                    for j in range(0, filters, width):
                        for i in range(0, stretch, ROWS):
                            row = part * depth + o * stretch + i
                            multiply_tile(
                                sums, row * all_filters + group * filters + j, all_filters,
                                strip, group * channels + stretches[o] + i, None, 0,
                                row_offsets, several * height, step,
                                share, j * length,
                                cells, min(ROWS, stretch - i), min(width, filters - j), index > begin,
                            )  # fmt: skip
