"""How the matrices of a convolution are read (product.loaders): none of them exists in memory.

All is counted in uint32: a row or column above or left of a picture is a very large number, as it begins again at 2**32,
and so are the places of numbers that are then not read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..geometry import Pair, Window
from .product.division import divisor, quotient
from .product.loaders import NONE, ONE_MORE, TWO_MORE, Loader
from .toolchain import device_function

(
    CHANNELS,
    FILTERS,
    OWN_CHANNELS,
    OWN_FILTERS,
    HEIGHT,
    WIDTH,
    ROWS,
    COLUMNS,
    WIDE,
    STRIDE_DOWN,
    STRIDE_ACROSS,
    TOP,
    LEFT,
    STEP_DOWN,
    STEP_ACROSS,
    BY_OWN_CHANNELS,
    BY_OWN_CHANNELS_SHIFT,
    BY_OWN_FILTERS,
    BY_OWN_FILTERS_SHIFT,
    BY_WIDE,
    BY_WIDE_SHIFT,
    BY_PIXELS,
    BY_PIXELS_SHIFT,
    BY_WIDTH,
    BY_WIDTH_SHIFT,
    BY_CELLS,
    BY_CELLS_SHIFT,
    BY_COLUMNS,
    BY_COLUMNS_SHIFT,
    FIRST_TAP_DOWN,
    FIRST_TAP_ACROSS,
    TAPS_DOWN,
    TAPS_ACROSS,
    ALL_WIDE,
    FIRST_ROW,
    FIRST_COLUMN,
    ALL_HEIGHT,
    ALL_WIDTH,
) = range(38)
"""Places in a convolution's geometry. WIDE is S; pixels are H*W of the input, cells P*Q of the output. From FIRST_TAP_DOWN on
only that of pixels of one kind has them (`kinds_of`).
"""

_WORD = 1 << 32
_FAR = np.uint32(1 << 29)
"""A row so far down that it lies in no picture and, divided by a stride, in no output."""


def geometry_of(x: tuple[int, ...], y: tuple[int, ...], window: Window, groups: int) -> tuple[int, ...]:
    """For an input (N,H,W,C) and an output (N,P,Q,K)."""
    return _geometry(x, y, groups, window.kernel[1], window.stride, window.corner, window.dilation)


def _geometry(
    x: tuple[int, ...], y: tuple[int, ...], groups: int, wide: int, stride: Pair, corner: Pair, step: Pair
) -> tuple[int, ...]:
    own_channels, own_filters = x[3] // groups, y[3] // groups
    divided_by = own_channels, own_filters, wide, x[1] * x[2], x[2], y[1] * y[2], y[2]
    return (
        *(x[3], y[3], own_channels, own_filters),
        *(*x[1:3], *y[1:3], wide, *stride),
        *(number % _WORD for number in corner),
        *step,
        *(number for each in divided_by for number in divisor(each)),
    )


class _Row(NamedTuple):
    """Of the rows of pixels of one kind (or the columns): how many there are and where in the picture the first is; how many
    taps lead to them, which the first is, how many taps lie between two of them; the cell that the first tap leads from
    to the first row (below 0: none), and the cells that each next one leads further back.
    """

    rows: int
    first: int
    taps: int
    first_tap: int
    tap_step: int
    cell: int
    cell_step: int


def _rows_by_kind(size: int, taps: int, stride: int, step: int, before: int) -> Iterator[_Row]:
    common = math.gcd(step, stride)
    tap_step = stride // common
    for rest in range(stride):
        first = (rest - before) % stride
        if first >= size:
            continue
        count = -(-(size - first) // stride)
        leading = [tap for tap in range(min(taps, tap_step)) if tap * step % stride == rest]
        if not leading:
            yield _Row(count, first, 0, 0, tap_step, 0, 1)
            continue
        (tap,) = leading
        cell = (first + before - tap * step) // stride
        yield _Row(count, first, -(-(taps - tap) // tap_step), tap, tap_step, cell, step // common)


def kinds_of(
    x: tuple[int, ...], y: tuple[int, ...], window: Window, groups: int
) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """(pixels, taps, geometry) of each kind of pixels of an input (N,H,W,C) at a stride above 1: those to which the same
    taps lead, each stride-th row and column. To each of them they lead as at stride 1, from cells side by side.
    """
    (tall, wide), (top, _, left, _) = window.kernel, window.padding
    across = list(_rows_by_kind(x[2], wide, window.stride[1], window.dilation[1], left))
    for row in _rows_by_kind(x[1], tall, window.stride[0], window.dilation[0], top):
        for column in across:
            pixels = x[0], row.rows, column.rows, x[3]
            corner, step = (row.cell, column.cell), (row.cell_step, column.cell_step)
            geometry = (
                *_geometry(pixels, y, groups, max(1, column.taps), window.stride, corner, step),
                *(row.first_tap, column.first_tap, row.tap_step, column.tap_step, wide),
                *(row.first, column.first, *x[1:3]),
            )
            yield math.prod(pixels[:3]), row.taps * column.taps, geometry


@device_function
def row_of_kind(y: Any, row_size: Any, geometry: Any) -> Any:
    """Where pixel y of a kind begins in the picture, of `row_size` elements each (`product.kernel.RowOf`)."""
    n = quotient(y, geometry[BY_PIXELS], geometry[BY_PIXELS_SHIFT])
    rest = np.uint32(y - n * geometry[HEIGHT] * geometry[WIDTH])
    row = quotient(rest, geometry[BY_WIDTH], geometry[BY_WIDTH_SHIFT])
    h = np.uint32(row * geometry[STRIDE_DOWN] + geometry[FIRST_ROW])
    w = np.uint32((rest - row * geometry[WIDTH]) * geometry[STRIDE_ACROSS] + geometry[FIRST_COLUMN])
    return np.uint32(((n * geometry[ALL_HEIGHT] + h) * geometry[ALL_WIDTH] + w) * row_size)


@device_function
def _picture_cell(m: Any, geometry: Any) -> Any:
    """(picture, row, column) of output cell m."""
    n = quotient(m, geometry[BY_CELLS], geometry[BY_CELLS_SHIFT])
    rest = np.uint32(m - n * geometry[ROWS] * geometry[COLUMNS])
    p = quotient(rest, geometry[BY_COLUMNS], geometry[BY_COLUMNS_SHIFT])
    return n, p, np.uint32(rest - p * geometry[COLUMNS])


@device_function
def _tap(k: Any, by: Any, shift: Any, own: Any, geometry: Any) -> Any:
    """(rows down, columns across, channel) of element k of a patch, of `own` channels."""
    cell = quotient(k, by, shift)
    r = quotient(cell, geometry[BY_WIDE], geometry[BY_WIDE_SHIFT])
    s = np.uint32(cell - r * geometry[WIDE])
    down, across = np.uint32(r * geometry[STEP_DOWN]), np.uint32(s * geometry[STEP_ACROSS])
    return down, across, np.uint32(k - cell * own)


@device_function
def _channel_tap(k: Any, geometry: Any) -> Any:
    by, shift = geometry[BY_OWN_CHANNELS], geometry[BY_OWN_CHANNELS_SHIFT]
    return _tap(k, by, shift, geometry[OWN_CHANNELS], geometry)


@device_function
def _filter_tap(k: Any, geometry: Any) -> Any:
    by, shift = geometry[BY_OWN_FILTERS], geometry[BY_OWN_FILTERS_SHIFT]
    return _tap(k, by, shift, geometry[OWN_FILTERS], geometry)


@device_function
def _is_inside(h: Any, w: Any, geometry: Any) -> Any:
    return (h < geometry[HEIGHT]) & (w < geometry[WIDTH])


@device_function
def _pixel(h: Any, w: Any, geometry: Any) -> Any:
    """The first element of pixel (h, w) in a picture."""
    return np.uint32((h * geometry[WIDTH] + w) * geometry[CHANNELS])


def patches(aligned: bool) -> Loader:
    """(N*P*Q, R*S*C/G): the patch of every output cell. In fours where a group's channels come in fours."""

    @device_function
    def begin(state: Any, at: Any, geometry: Any, group: Any, place: Any, limit: Any) -> None:
        n, p, q = _picture_cell(place, geometry)
        h = np.uint32(p * geometry[STRIDE_DOWN] - geometry[TOP])
        w = np.uint32(q * geometry[STRIDE_ACROSS] - geometry[LEFT])
        below = np.uint32(n * geometry[HEIGHT] + h)
        state[at] = np.uint32(_pixel(below, w, geometry) + group * geometry[OWN_CHANNELS])
        state[np.uint32(at + ONE_MORE)] = h if place < limit else _FAR
        state[np.uint32(at + TWO_MORE)] = w

    @device_function
    def find(geometry: Any, group: Any, state: Any, at: Any, k: Any, j: Any, end: Any) -> Any:
        own = np.uint32(k + j)
        down, across, channel = _channel_tap(own, geometry)
        h = np.uint32(state[np.uint32(at + ONE_MORE)] + down)
        w = np.uint32(state[np.uint32(at + TWO_MORE)] + across)
        is_there = (own < end) & _is_inside(h, w, geometry)
        return is_there, np.uint32(state[at] + _pixel(down, across, geometry) + channel)

    return Loader(True, aligned, 3, begin, find)


def patches_turned(aligned: bool) -> Loader:
    """(R*S*C/G, N*P*Q): an element of all patches a row."""

    @device_function
    def tap(place: Any, geometry: Any, group: Any) -> Any:
        """(row, column) that the patch of cell (0, 0) has its element `place` at, and where that is in the picture."""
        down, across, channel = _channel_tap(place, geometry)
        h, w = np.uint32(down - geometry[TOP]), np.uint32(across - geometry[LEFT])
        own = np.uint32(group * geometry[OWN_CHANNELS] + channel)
        return h, w, np.uint32(_pixel(h, w, geometry) + own)

    @device_function
    def begin(state: Any, at: Any, geometry: Any, group: Any, place: Any, limit: Any) -> None:
        h, w, first = tap(place, geometry, group)
        state[at] = first if aligned else place
        state[np.uint32(at + ONE_MORE)] = h if place < limit else _FAR
        state[np.uint32(at + TWO_MORE)] = w

    @device_function
    def find(geometry: Any, group: Any, state: Any, at: Any, k: Any, j: Any, end: Any) -> Any:
        n, p, q = _picture_cell(k, geometry)
        down, across = np.uint32(p * geometry[STRIDE_DOWN]), np.uint32(q * geometry[STRIDE_ACROSS])
        first, h, w = state[at], state[np.uint32(at + ONE_MORE)], state[np.uint32(at + TWO_MORE)]
        # In fours a row that is none is far below every picture.
        is_row = aligned or h != _FAR
        if not aligned:
            # Beyond the last row the taps are beyond the last too, and what is found there is not stored.
            h, w, first = tap(np.uint32(first + j), geometry, group)
        is_inside = _is_inside(np.uint32(h + down), np.uint32(w + across), geometry)
        below = np.uint32(n * geometry[HEIGHT] + down)
        return (k < end) & is_row & is_inside, np.uint32(first + _pixel(below, across, geometry))

    return Loader(False, aligned, 3, begin, find, light=aligned)


def gradients_of_pixels(aligned: bool) -> Loader:
    """(N*H*W, R*S*K/G): of every pixel the gradients of the cells whose patch it lies in, 0 where a tap leads to none. At
    a stride above 1, of pixels of one kind (`kinds_of`).
    """

    @device_function
    def cell(p: Any, q: Any, geometry: Any) -> Any:
        """The first element of cell (p, q) in a picture's gradients."""
        return np.uint32((p * geometry[COLUMNS] + q) * geometry[FILTERS])

    @device_function
    def begin(state: Any, at: Any, geometry: Any, group: Any, place: Any, limit: Any) -> None:
        n = quotient(place, geometry[BY_PIXELS], geometry[BY_PIXELS_SHIFT])
        rest = np.uint32(place - n * geometry[HEIGHT] * geometry[WIDTH])
        row = quotient(rest, geometry[BY_WIDTH], geometry[BY_WIDTH_SHIFT])
        h = np.uint32(row + geometry[TOP])
        w = np.uint32(rest - row * geometry[WIDTH] + geometry[LEFT])
        first = np.uint32(cell(np.uint32(n * geometry[ROWS]), NONE, geometry) + group * geometry[OWN_FILTERS])
        state[at] = np.uint32(first + cell(h, w, geometry))
        state[np.uint32(at + ONE_MORE)] = h if place < limit else _FAR
        state[np.uint32(at + TWO_MORE)] = w

    @device_function
    def find(geometry: Any, group: Any, state: Any, at: Any, k: Any, j: Any, end: Any) -> Any:
        own = np.uint32(k + j)
        down, across, channel = _filter_tap(own, geometry)
        p = np.uint32(state[np.uint32(at + ONE_MORE)] - down)
        q = np.uint32(state[np.uint32(at + TWO_MORE)] - across)
        is_one = (own < end) & (p < geometry[ROWS]) & (q < geometry[COLUMNS])
        return is_one, np.uint32(state[at] - cell(down, across, geometry) + channel)

    return Loader(True, aligned, 3, begin, find)


def weights_turned(aligned: bool, strided: bool) -> Loader:
    """(R*S*K/G, C/G) of weights (R,S,C/G,K): column c holds what leads to channel c. `strided`: of the taps that lead to
    pixels of one kind (`kinds_of`).
    """

    @device_function
    def begin(state: Any, at: Any, geometry: Any, group: Any, place: Any, limit: Any) -> None:
        state[at] = np.uint32(place * geometry[FILTERS] + group * geometry[OWN_FILTERS])
        state[np.uint32(at + ONE_MORE)] = ONE_MORE if place < limit else NONE

    @device_function
    def find(geometry: Any, group: Any, state: Any, at: Any, k: Any, j: Any, end: Any) -> Any:
        own = np.uint32(k + j)
        cell = quotient(own, geometry[BY_OWN_FILTERS], geometry[BY_OWN_FILTERS_SHIFT])
        beyond = np.uint32(own - cell * geometry[OWN_FILTERS])
        if strided:
            r = quotient(cell, geometry[BY_WIDE], geometry[BY_WIDE_SHIFT])
            s = np.uint32(cell - r * geometry[WIDE])
            r = np.uint32(r * geometry[TAPS_DOWN] + geometry[FIRST_TAP_DOWN])
            s = np.uint32(s * geometry[TAPS_ACROSS] + geometry[FIRST_TAP_ACROSS])
            cell = np.uint32(r * geometry[ALL_WIDE] + s)
        place = np.uint32(cell * geometry[OWN_CHANNELS] * geometry[FILTERS] + state[at] + beyond)
        return (own < end) & (state[np.uint32(at + ONE_MORE)] != NONE), place

    return Loader(True, aligned, 2, begin, find)
