"""5x5 convolutions of stride 1 of three or four channels, colours mostly, by F(4, 5): a tile at a time, without V and M of many tiles.

Forward alone: the gradients of so few channels are products of patches.
"""

from __future__ import annotations

from typing import Any

from ..compilation import jit, threads
from ..geometry import Window
from ..parallel import parallel
from ..product import copy_panel
from .gather import gather
from .thin_tile import CHANNELS, EXTENT, SIZE, TAPS, TILE, outputs_of_few
from .tiles import ALIGN
from .transforms import THIN, filters, thin_inputs

_FILTERS = 32
"""Filters from which it was, as a tile's inputs are transformed once for all of them."""
_TOGETHER = 8
"""Tiles whose inputs are transformed before the first's outputs are computed."""
ROOM = _TOGETHER * TILE
"""Elements that `row_of_tiles` needs for transformed inputs."""


def suits(channels: int, filters: int, window: Window, groups: int) -> bool:
    """Whether a convolution is such a one."""
    return (
        channels in CHANNELS
        and filters >= _FILTERS
        and filters % ALIGN == 0
        and groups == 1
        and window.kernel == (TAPS, TAPS)
        and window.stride == window.dilation == (1, 1)
    )


def is_chosen(algorithm: str, channels: int) -> bool:
    """Whether the `algorithm` of a convolution (choice.choose) is this one for so many channels."""
    return algorithm == "winograd-4" and channels <= THIN


def packed_size(channels: int, filters: int) -> int:
    """Elements of transformed filters."""
    return EXTENT * EXTENT * channels * filters


def workspace_size(output: tuple[int, ...], channels: int, filters: int, limit: float) -> int:
    """Elements of workspace for an output (N, P, Q), with room for transformed filters: at most `limit`, unless the least is more."""
    packed, size = packed_size(channels, filters), _worker_size(output[2], channels, filters)
    return packed + size * max(1, int(min((limit - packed) / size, threads())))


def _worker_size(cells: int, channels: int, filters: int) -> int:
    """A strip of the input under a row of tiles, transformed inputs, and a tile of outputs."""
    return _strip_size(cells, channels) + ROOM + SIZE * SIZE * filters


def _strip_size(cells: int, channels: int) -> int:
    """Elements of it and as many beyond its last pixel as a cell has, in whole vectors."""
    return -(-(EXTENT * columns_of(cells) * channels + THIN) // 16) * 16


def columns_of(cells: int) -> int:
    """Columns of the input under the tiles of a row of outputs."""
    return -(-cells // SIZE) * SIZE + TAPS - 1


@parallel(lambda packed, weights, channels: weights.size // (TAPS * TAPS * channels) * weights.itemsize // 64)
def pack(begin: Any, end: Any, packed: Any, weights: Any, channels: Any) -> None:
    """packed = weights (TAPS,TAPS,C,K), flat, as `outputs_of_few` takes them; `channels` is C."""
    width = 64 // weights.itemsize
    plane = weights.size // (TAPS * TAPS)
    all_filters = plane // channels
    for panel in range(begin, end):
        for c in range(channels):
            at, source = (panel * EXTENT * EXTENT * channels + c) * width, c * all_filters + panel * width
            target = at, channels * width, EXTENT * channels * width
            filters(packed, weights, (*target, source, TAPS * plane, plane, EXTENT, TAPS))


@jit
def row_of_tiles(
    y: Any,
    y_at: Any,
    y_row: Any,
    y_cell: Any,
    x: Any,
    x_at: Any,
    x_row: Any,
    v: Any,
    packed: Any,
    bias: Any,
    channels: Any,
    slope: Any,
    tiles: Any,
) -> None:
    """SIZE rows of `tiles` * SIZE outputs, a row y_row and a cell y_cell after the one before, of the inputs from x_at on, whose rows are
    x_row apart; v has ROOM elements.
    """
    for first in range(0, tiles, _TOGETHER):
        several = min(_TOGETHER, tiles - first)
        for t in range(several):
            places = x_at + (first + t) * SIZE * channels, x_row, channels
            thin_inputs(v, x, (t * TILE, THIN, EXTENT * THIN, *places, EXTENT, 0))
        begin = y_at + first * SIZE * y_cell
        outputs_of_few(y, begin, y_row, y_cell, v, packed, bias, bias.size, channels, slope, several)


def multiply(
    y: Any, x: Any, packed: Any, bias: Any, slope: float, first: int, padding: tuple[int, int], workspace: Any
) -> None:
    """Channels first .. first+K of y (N,P,Q,…) = f(x (N,H,W,C) * packed filters + bias (K)); padding is what lies above and left
    of x.
    """
    lines = len(y) * -(-y.shape[1] // SIZE)
    size = _worker_size(y.shape[2], x.shape[3], bias.size)
    workers = max(1, min(lines, workspace.size // size))
    numbers = workers, size, _strip_size(y.shape[2], x.shape[3]), columns_of(y.shape[2]), first, *padding
    _multiply(y, x, packed, bias, slope, numbers, workspace)


@parallel(lambda *arguments: arguments[5][0])  # workers
def _multiply(
    begin: Any, end: Any, y: Any, x: Any, packed: Any, bias: Any, slope: Any, numbers: Any, workspace: Any
) -> None:
    workers, size, strip_size, columns, goal, top, left = numbers
    count, rows, cells, line = y.shape
    channels, several = x.shape[3], bias.size
    width, down = 64 // y.itemsize, (rows + SIZE - 1) // SIZE
    flat, source = y.reshape(y.size), x.reshape(x.size)
    for worker in range(begin, end):
        own = workspace[worker * size : (worker + 1) * size]
        strip, v, result = own[:strip_size], own[strip_size : strip_size + ROOM], own[strip_size + ROOM :]
        for task in range(count * down * worker // workers, count * down * (worker + 1) // workers):
            n, p = task // down, task % down * SIZE
            gather(strip, source, x.shape[1:], n, p - top, -left, EXTENT, columns)
            here, row = (n * rows + p) * cells * line + goal, columns * channels
            whole = cells // SIZE if p + SIZE <= rows else 0
            row_of_tiles(
                flat, here, cells * line, line, strip, 0, row, v, packed, bias, channels, slope, whole
            )
            for q in range(whole * SIZE, cells, SIZE):
                row_of_tiles(
                    result, 0, SIZE * several, several, strip, q * channels, row, v, packed, bias, channels, slope, 1
                )  # fmt: skip
                for i in range(min(SIZE, rows - p)):
                    for j in range(min(SIZE, cells - q)):
                        target = here + (i * cells + q + j) * line
                        for k in range(0, several, width):
                            copy_panel(flat, target + k, result, (i * SIZE + j) * several + k)
