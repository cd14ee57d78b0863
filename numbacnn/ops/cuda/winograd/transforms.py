"""Winograd's transforms on the GPU, a thread a channel of a tile: it holds all cells of the tile in registers, and what neighbours
read and write lies side by side. Transformed tiles are planes (tiles, channels), one for each position in a tile, and transformed
filters planes (channels, filters).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numba import cuda, float32

from ...convolution.matrices import KNOWN
from ..budget import Budget
from ..elements import element
from ..instructions import between
from ..product.finishing import Finish, biased_and_rectified, masked
from ..toolchain import ZERO, device_function, grid, in_turn, kernel, launch
from .tiling import Tiling

THREADS = 128
_BLOCKS = 4
"""That a multiprocessor is to have room for."""
_REGISTERS = {4: 64, 6: 96, 8: 128}
"""Of a thread at most, by the inputs under a tile, all of which it holds."""
BUDGETS: dict[str, Budget] = {}
"""Of every kernel that was made."""
_NONE = np.uint32(0)


def _kernel(function: Any, name: str, extent: int) -> Any:
    BUDGETS[f"winograd.{name}"] = Budget(_REGISTERS[extent], shared_bytes=0)
    return kernel(function, name=f"winograd.{name}", launch_bounds=(THREADS, _BLOCKS))


@cache
def _planes(extent: int) -> tuple[Any, Any]:
    """Two device functions (cells, planes, own, plane) that read the cells of a tile from element `own` of planes so many elements
    apart, and write them there.
    """

    @device_function
    def load_line(i: Any, cells: Any, planes: Any, own: Any, plane: Any) -> None:
        for j in range(extent):
            position = np.uint32(i * np.uint32(extent) + np.uint32(j))
            cells[position] = planes[np.uint32(position * plane + own)]

    @device_function
    def store_line(i: Any, cells: Any, planes: Any, own: Any, plane: Any) -> None:
        for j in range(extent):
            position = np.uint32(i * np.uint32(extent) + np.uint32(j))
            planes[np.uint32(position * plane + own)] = cells[position]

    return in_turn(load_line, extent), in_turn(store_line, extent)


@device_function
def _place_of(own: Any, channels: Any, down: Any, across: Any, begin: Any) -> Any:
    """(picture, row and column among its tiles, channel) of element `own` of planes whose first tile is `begin`."""
    tile = np.uint32(own // channels)
    channel, tile = np.uint32(own - tile * channels), np.uint32(begin + tile)
    line = np.uint32(tile // across)
    n = np.uint32(line // down)
    return n, np.uint32(line - n * down), np.uint32(tile - line * across), channel


def _forth(name: str, matrix: np.ndarray[Any, Any]) -> Any:
    """The kernel of that name that transforms tiles of pictures (N,H,W,C) to M S M', S a square of cells, 0 beyond the borders.

    Its arguments: planes, pictures, (H, W, C, tiles down and across a picture, cells from one tile to the next, rows and columns
    that the first tile begins above and left of the picture, first tile, elements of a plane).
    """
    extent, side = matrix.shape
    positions, of_source = extent * extent, side * side
    transform, store = between(matrix), _planes(extent)[1]

    @device_function
    def load_line(i: Any, cells: Any, x: Any, first: Any, top: Any, left: Any, volume: Any) -> None:
        height, width, channels = volume
        row = np.uint32(first + i * width * channels)
        is_inside = np.uint32(top + i) < height
        for j in range(side):
            own = np.uint32(j)
            is_one = is_inside & (np.uint32(left + own) < width)
            value = x[np.uint32(row + own * channels)] if is_one else ZERO
            cells[np.uint32(i * np.uint32(side) + own)] = value

    load = in_turn(load_line, side)

    def forth(planes: Any, x: Any, sizes: Any) -> None:
        height, width, channels, down, across, step, above, before, begin, plane = sizes
        own = element()
        if own < plane:
            n, row, column, channel = _place_of(own, channels, down, across, begin)
            top, left = np.uint32(row * step - above), np.uint32(column * step - before)
            first = np.uint32(((n * height + top) * width + left) * channels + channel)
            cells, found = cuda.local.array(of_source, float32), cuda.local.array(positions, float32)
            load(cells, x, first, top, left, (height, width, channels))
            transform(found, cells)
            store(found, planes, own, plane)

    return _kernel(forth, name, extent)


def _back(name: str, matrix: np.ndarray[Any, Any], finish: Finish) -> Any:
    """The kernel of that name that transforms tiles back to squares of pictures (N,P,Q,K), finishes each number, and writes what
    lies in the picture.

    Its arguments: pictures, planes, start and slope of `finish`, (P, Q, K, tiles down and across a picture, first tile, elements
    of a plane).
    """
    side, extent = matrix.shape
    positions, of_target = extent * extent, side * side
    transform, load = between(matrix), _planes(extent)[0]
    load_number, value_of, all_cells = finish.load, finish.value, np.uint32(side)

    @device_function
    def store_line(
        i: Any, cells: Any, y: Any, first: Any, top: Any, left: Any, volume: Any, channel: Any, start: Any, slope: Any
    ) -> None:  # fmt: skip
        rows, columns, channels = volume
        row = np.uint32(first + i * columns * channels)
        is_inside = np.uint32(top + i) < rows
        numbers = cuda.local.array(side, float32)
        for j in range(side):
            own = np.uint32(j)
            if is_inside & (np.uint32(left + own) < columns):
                numbers[j] = load_number(start, channel, np.uint32(row + own * channels), slope)
        for j in range(side):
            own = np.uint32(j)
            if is_inside & (np.uint32(left + own) < columns):
                value = value_of(cells[np.uint32(i * all_cells + own)], numbers[j], slope)
                y[np.uint32(row + own * channels)] = value

    store = in_turn(store_line, side)

    def back(y: Any, planes: Any, start: Any, slope: Any, sizes: Any) -> None:
        rows, columns, channels, down, across, begin, plane = sizes
        own = element()
        if own < plane:
            n, row, column, channel = _place_of(own, channels, down, across, begin)
            top, left = np.uint32(row * all_cells), np.uint32(column * all_cells)
            first = np.uint32(((n * rows + top) * columns + left) * channels + channel)
            cells, found = cuda.local.array(positions, float32), cuda.local.array(of_target, float32)
            load(cells, planes, own, plane)
            transform(found, cells)
            store(found, y, first, top, left, (rows, columns, channels), channel, start, slope)

    return _kernel(back, name, extent)


def _filters_forth(name: str, matrix: np.ndarray[Any, Any]) -> Any:
    """The kernel of that name that transforms filters (R,R,C,K) to planes.

    Its arguments: planes, filters, whether the filters are mirrored, elements of a plane.
    """
    extent, taps = matrix.shape
    positions, of_filter = extent * extent, taps * taps
    transform, store = between(matrix), _planes(extent)[1]
    load, last = _planes(taps)[0], np.uint32(of_filter - 1)

    def forth(planes: Any, weights: Any, mirrored: Any, plane: Any) -> None:
        own = element()
        if own < plane:
            cells, found = cuda.local.array(of_filter, float32), cuda.local.array(positions, float32)
            # Mirrored, the last tap is the first, and the others come before it.
            is_mirrored = mirrored != _NONE
            first = np.uint32(last * plane + own) if is_mirrored else own
            load(cells, weights, first, np.uint32(_NONE - plane) if is_mirrored else plane)
            transform(found, cells)
            store(found, planes, own, plane)

    return _kernel(forth, name, extent)


def _filters_back(name: str, matrix: np.ndarray[Any, Any]) -> Any:
    """The kernel of that name that transforms filters' gradients back.

    Its arguments: gradients (R,R,C,K), planes, elements of a plane.
    """
    taps, extent = matrix.shape
    positions, of_filter = extent * extent, taps * taps
    transform, load, store = between(matrix), _planes(extent)[0], _planes(taps)[1]

    def back(d_weights: Any, planes: Any, plane: Any) -> None:
        own = element()
        if own < plane:
            cells, found = cuda.local.array(positions, float32), cuda.local.array(of_filter, float32)
            load(cells, planes, own, plane)
            transform(found, cells)
            store(found, d_weights, own, plane)

    return _kernel(back, name, extent)


@cache
def _made(kind: str, extent: int, taps: int) -> Any:
    """The kernel of a transform."""
    a, b, g = KNOWN[extent, taps]
    if kind == "inputs":
        # The points alone make B: F(4, 3) and F(2, 5) share it.
        return _forth(f"inputs_{extent}", b.T)
    name = f"{kind}_{extent - taps + 1}_{taps}"
    if kind == "gradients":
        return _forth(name, a)
    if kind == "filters":
        return _filters_forth(name, g)
    if kind == "filters_back":
        return _filters_back(name, g.T)
    return _back(name, a.T, {"outputs": biased_and_rectified, "masked": masked}[kind])


def _launch(made: Any, plane: int, *arguments: Any) -> None:
    launch(made, grid(plane, THREADS), THREADS, *arguments)


def transform_inputs(
    planes: Any, x: Any, tiling: Tiling, outside: tuple[int, int], begin: int, plane: int
) -> None:
    """Planes of so many elements = the tiles of x (N,H,W,C) from `begin` on; the first of a picture begins so many rows and columns
    outside of it.
    """
    sizes = *x.shape[1:], tiling.down, tiling.across, tiling.size, *outside, begin, plane
    _launch(_made("inputs", tiling.extent, tiling.taps), plane, planes, x, sizes)


def transform_gradients(planes: Any, d_y: Any, tiling: Tiling, begin: int, plane: int) -> None:
    """Planes = the tiles of d_y (N,P,Q,K) from `begin` on, each as it adds to the gradients of the transformed filters."""
    sizes = *d_y.shape[1:], tiling.down, tiling.across, tiling.size, 0, 0, begin, plane
    _launch(_made("gradients", tiling.extent, tiling.taps), plane, planes, d_y, sizes)


def transform_back(
    y: Any, planes: Any, tiling: Tiling, finish: Finish, start: Any, slope: float, begin: int, plane: int
) -> None:
    """The tiles of y (N,P,Q,K) from `begin` on = those of the planes, finished with `start`; None: y's own numbers, which a slope of
    1 needs not.
    """
    kind = "outputs" if finish is biased_and_rectified else "masked"
    sizes = *y.shape[1:], tiling.down, tiling.across, begin, plane
    start = y if start is None else start
    _launch(_made(kind, tiling.extent, tiling.taps), plane, y, planes, start, float(slope), sizes)


def transform_filters(planes: Any, weights: Any, tiling: Tiling, *, mirrored: bool) -> None:
    """Planes (C,K) = the filters (R,R,C,K), or these turned by 180 degrees."""
    plane = planes.size // tiling.positions
    _launch(_made("filters", tiling.extent, tiling.taps), plane, planes, weights, mirrored, plane)


def filters_back(d_weights: Any, planes: Any, tiling: Tiling) -> None:
    """The gradients of filters (R,R,C,K) = those of the transformed filters, planes (C,K)."""
    plane = planes.size // tiling.positions
    _launch(_made("filters_back", tiling.extent, tiling.taps), plane, d_weights, planes, plane)
