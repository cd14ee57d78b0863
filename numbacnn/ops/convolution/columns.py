"""The input gradient of a convolution by columns, added back where they came from (col2im)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..compilation import jit, threads
from ..geometry import Window
from ..parallel import in_parallel, share
from ..product import PANELS, ROWS, columns_of_panel, columns_of_tile, multiply_tile, pack, packed_size, zeros
from ..vectors import add

_COLUMNS = 64 << 10
"""Elements of a tile's columns: 256 KB of float32."""


def _cut(
    output: Any, channels: int, filters: int, window: Window, groups: int, room: float
) -> tuple[int, int, int, int]:
    """(output rows of a tile, workers, workspace for packed weights, workspace of one worker), in `room` elements."""
    depth = window.kernel[0] * window.kernel[1] * channels // groups
    taken = max(1, min(output[1], _COLUMNS // (output[2] * depth)))
    width = columns_of_panel(4)
    packed = groups * -(-depth // width) * width * (filters // groups)
    size = taken * output[2] * depth
    workers = max(1, int(min((room - packed) / size, threads(), output[0])))
    return taken, workers, packed, size


def workspace_size(output: Any, channels: int, filters: int, window: Window, groups: int, room: float) -> int:
    """Elements of workspace for an output (N, P, Q): at most `room`, unless the least is more."""
    _, workers, packed, size = _cut(output, channels, filters, window, groups, room)
    return packed + workers * size


def backward_input(d_x: Any, d_y: Any, weights: Any, window: Window, groups: int, workspace: Any) -> None:
    """d_x = d_y times the transposed filters, every column added back where it came from."""
    numbers = _cut(d_y.shape, d_x.shape[3], d_y.shape[3], window, groups, workspace.size)
    share = d_y.shape[3] // groups
    tables = zeros(columns_of_tile(4), d_x.dtype), zeros(1, np.intp)
    _backward_input(d_x, d_y, weights.reshape(-1), window.terms, groups, share, *tables, numbers, workspace)


@share
def _pack_filters(
    begin: Any, end: Any, weights: Any, groups: Any, share: Any, workspace: Any, size: Any, depth: Any
) -> None:
    for group in range(begin, end):
        own = workspace[group * size : (group + 1) * size]
        pack(own, weights, group * share, 1, groups * share, share, depth)


@share
def _add_columns(
    begin: Any,
    end: Any,
    d_x: Any,
    d_y: Any,
    terms: Any,
    groups: Any,
    share: Any,
    none: Any,
    zero: Any,
    numbers: Any,
    workspace: Any,
) -> None:
    for worker in range(begin, end):
        taken, workers, packed, size = numbers
        count, rows, cells, filters = d_y.shape
        channels = d_x.shape[3] // groups
        depth = terms[0] * terms[1] * channels
        width = 64 // d_y.itemsize
        panels = packed_size(share, depth, d_y.itemsize)
        columns = workspace[packed + worker * size : packed + (worker + 1) * size]
        flat, target = d_y.reshape(d_y.size), d_x.reshape(d_x.size)
        for n in range(count * worker // workers, count * (worker + 1) // workers):
            d_x[n] = 0
            for p in range(0, rows, taken):
                height = min(taken, rows - p)
                length = height * cells
                for group in range(groups):
                    for j in range(0, depth, PANELS * width):
                        for i in range(0, length, ROWS):
                            multiply_tile(
                                columns, i * depth + j, depth,
                                flat, ((n * rows + p) * cells + i) * filters + group * share, filters, 0, zero, 1, 1,
                                workspace, group * panels + j * share, width, share * width,
                                share, min(ROWS, length - i), min(PANELS * width, depth - j), False, none, 0, 1.0,
                            )  # fmt: skip
                    _scatter(
                        target, columns, d_x.shape, n, p, height, cells, group * channels, channels, terms
                    )


@jit(parallel=True)
def _backward_input(
    d_x: Any,
    d_y: Any,
    weights: Any,
    terms: Any,
    groups: Any,
    share: Any,
    none: Any,
    zero: Any,
    numbers: Any,
    workspace: Any,
) -> None:
    depth = terms[0] * terms[1] * (d_x.shape[3] // groups)
    size = packed_size(share, depth, weights.itemsize)
    in_parallel(_pack_filters, groups, (weights, groups, share, workspace, size, depth))
    # A picture belongs to one worker: tiles of one picture add to the same rows.
    in_parallel(_add_columns, numbers[1], (d_x, d_y, terms, groups, share, none, zero, numbers, workspace))


@jit
def _scatter(
    d_x: Any,
    columns: Any,
    shape: Any,
    n: Any,
    p: Any,
    taken: Any,
    cells: Any,
    first: Any,
    channels: Any,
    terms: Any,
) -> None:
    """Adds columns (T,Q,R,S,C/G) of the output rows p .. p+T of picture n to d_x (flat)."""
    tall, wide, down, across, top, _, before, _, tall_step, wide_step = terms
    _, height, width, depth = shape
    together = wide_step == 1 and channels == depth
    for t in range(taken):
        for r in range(tall):
            h = (p + t) * down - top + r * tall_step
            if not 0 <= h < height:
                continue
            for q in range(cells):
                source = ((t * cells + q) * tall + r) * wide * channels
                left = q * across - before
                if together:
                    begin, end = max(0, -left) * channels, max(0, min(wide, width - left)) * channels
                    if begin < end:
                        target = ((n * height + h) * width + left) * depth
                        add(d_x[target + begin : target + end], columns[source + begin : source + end])
                    continue
                for s in range(wide):
                    w = left + s * wide_step
                    if 0 <= w < width:
                        target = ((n * height + h) * width + w) * depth + first
                        for c in range(channels):
                            d_x[target + c] += columns[source + s * channels + c]
