"""How the matrices of a convolution are read (product.loaders): none of them exists in memory.

Rows and columns are counted from the padding's corner, so that none is below zero: row h of the padded input is row
h - top of the picture.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..geometry import Window
from .product.division import divisor, quotient
from .product.loaders import NONE, ONE_MORE, THREE_MORE, TWO_MORE, Loader
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
    BY_STRIDE_DOWN,
    BY_STRIDE_DOWN_SHIFT,
    BY_STRIDE_ACROSS,
    BY_STRIDE_ACROSS_SHIFT,
) = range(33)
"""Places in a convolution's geometry. WIDE is S; pixels are H*W of the input, cells P*Q of the output."""

_FAR = np.uint32(1 << 29)
"""A row so far down that it lies in no picture and, divided by a stride, in no output."""


def geometry_of(x: tuple[int, ...], y: tuple[int, ...], window: Window, groups: int) -> tuple[int, ...]:
    """For an input (N,H,W,C) and an output (N,P,Q,K)."""
    own_channels, own_filters = x[3] // groups, y[3] // groups
    wide, strides = window.kernel[1], window.stride
    divided_by = (own_channels, own_filters, wide, x[1] * x[2], x[2], y[1] * y[2], y[2], *strides)
    return (
        x[3],
        y[3],
        own_channels,
        own_filters,
        *x[1:3],
        *y[1:3],
        wide,
        *strides,
        window.padding.top,
        window.padding.left,
        *window.dilation,
        *(number for each in divided_by for number in divisor(each)),
    )


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
    """Whether a place of the padded input is in the picture."""
    top, left = geometry[TOP], geometry[LEFT]
    return (np.uint32(h - top) < geometry[HEIGHT]) & (np.uint32(w - left) < geometry[WIDTH])


@device_function
def _pixel(image: Any, h: Any, w: Any, geometry: Any) -> Any:
    """The element of x at a place of the padded input, `image` that of the picture's first."""
    row = np.uint32((h - geometry[TOP]) * geometry[WIDTH] + (w - geometry[LEFT]))
    return np.uint32(image + row * geometry[CHANNELS])


def patches(aligned: bool) -> Loader:
    """(N*P*Q, R*S*C/G): the patch of every output cell. In fours where a group's channels come in fours."""

    @device_function
    def begin(state: Any, at: Any, geometry: Any, group: Any, place: Any, limit: Any) -> None:
        n, p, q = _picture_cell(place, geometry)
        size = np.uint32(geometry[HEIGHT] * geometry[WIDTH] * geometry[CHANNELS])
        state[at] = np.uint32(n * size + group * geometry[OWN_CHANNELS])
        state[np.uint32(at + ONE_MORE)] = np.uint32(p * geometry[STRIDE_DOWN]) if place < limit else _FAR
        state[np.uint32(at + TWO_MORE)] = np.uint32(q * geometry[STRIDE_ACROSS])

    @device_function
    def find(geometry: Any, group: Any, state: Any, at: Any, k: Any, j: Any, end: Any) -> Any:
        own = np.uint32(k + j)
        down, across, channel = _channel_tap(own, geometry)
        h = np.uint32(state[np.uint32(at + ONE_MORE)] + down)
        w = np.uint32(state[np.uint32(at + TWO_MORE)] + across)
        is_there = (own < end) & _is_inside(h, w, geometry)
        return is_there, np.uint32(_pixel(state[at], h, w, geometry) + channel)

    return Loader(True, aligned, 3, begin, find)


def patches_turned(aligned: bool) -> Loader:
    """(R*S*C/G, N*P*Q): an element of all patches a row."""

    @device_function
    def begin(state: Any, at: Any, geometry: Any, group: Any, place: Any, limit: Any) -> None:
        down, across, channel = _channel_tap(place, geometry)
        state[at] = np.uint32(group * geometry[OWN_CHANNELS] + channel)
        state[np.uint32(at + ONE_MORE)] = down if place < limit else _FAR
        state[np.uint32(at + TWO_MORE)] = across
        state[np.uint32(at + THREE_MORE)] = place

    @device_function
    def tap(geometry: Any, group: Any, state: Any, at: Any, j: Any) -> Any:
        """(rows down, columns across, channel) of number j of the four."""
        if aligned:
            return state[np.uint32(at + ONE_MORE)], state[np.uint32(at + TWO_MORE)], state[at]
        # Beyond the last row the taps are beyond the last too, and what is found there is not stored.
        down, across, channel = _channel_tap(np.uint32(state[np.uint32(at + THREE_MORE)] + j), geometry)
        return down, across, np.uint32(group * geometry[OWN_CHANNELS] + channel)

    @device_function
    def find(geometry: Any, group: Any, state: Any, at: Any, k: Any, j: Any, end: Any) -> Any:
        n, p, q = _picture_cell(k, geometry)
        image = np.uint32(n * geometry[HEIGHT] * geometry[WIDTH] * geometry[CHANNELS])
        down, across, channel = tap(geometry, group, state, at, j)
        h = np.uint32(p * geometry[STRIDE_DOWN] + down)
        w = np.uint32(q * geometry[STRIDE_ACROSS] + across)
        # In fours a row that is none is far below every picture.
        is_row = aligned or state[np.uint32(at + ONE_MORE)] != _FAR
        is_there = (k < end) & is_row & _is_inside(h, w, geometry)
        return is_there, np.uint32(_pixel(image, h, w, geometry) + channel)

    return Loader(False, aligned, 4, begin, find)


def gradients_of_pixels(aligned: bool) -> Loader:
    """(N*H*W, R*S*K/G): of every pixel the gradients of the cells whose patch it lies in, 0 where a tap leads to none."""

    @device_function
    def begin(state: Any, at: Any, geometry: Any, group: Any, place: Any, limit: Any) -> None:
        n = quotient(place, geometry[BY_PIXELS], geometry[BY_PIXELS_SHIFT])
        rest = np.uint32(place - n * geometry[HEIGHT] * geometry[WIDTH])
        h = quotient(rest, geometry[BY_WIDTH], geometry[BY_WIDTH_SHIFT])
        size = np.uint32(geometry[ROWS] * geometry[COLUMNS] * geometry[FILTERS])
        state[at] = np.uint32(n * size + group * geometry[OWN_FILTERS])
        state[np.uint32(at + ONE_MORE)] = np.uint32(h + geometry[TOP]) if place < limit else _FAR
        state[np.uint32(at + TWO_MORE)] = np.uint32(rest - h * geometry[WIDTH] + geometry[LEFT])

    @device_function
    def cell(geometry: Any, image: Any, h: Any, w: Any, down: Any, across: Any) -> Any:
        """(whether there is one, its first element in d_y): the cell whose patch has its tap (down, across) at (h, w)."""
        if h < down or w < across:
            return False, NONE
        below, beside = np.uint32(h - down), np.uint32(w - across)
        p = quotient(below, geometry[BY_STRIDE_DOWN], geometry[BY_STRIDE_DOWN_SHIFT])
        q = quotient(beside, geometry[BY_STRIDE_ACROSS], geometry[BY_STRIDE_ACROSS_SHIFT])
        is_one = (
            np.uint32(p * geometry[STRIDE_DOWN]) == below
            and np.uint32(q * geometry[STRIDE_ACROSS]) == beside
            and p < geometry[ROWS]
            and q < geometry[COLUMNS]
        )
        return is_one, np.uint32(image + (p * geometry[COLUMNS] + q) * geometry[FILTERS])

    @device_function
    def find(geometry: Any, group: Any, state: Any, at: Any, k: Any, j: Any, end: Any) -> Any:
        own = np.uint32(k + j)
        down, across, channel = _filter_tap(own, geometry)
        h, w = state[np.uint32(at + ONE_MORE)], state[np.uint32(at + TWO_MORE)]
        is_one, first = cell(geometry, state[at], h, w, down, across)
        return (own < end) & is_one, np.uint32(first + channel)

    return Loader(True, aligned, 3, begin, find)


def weights_turned(aligned: bool) -> Loader:
    """(R*S*K/G, C/G) of weights (R,S,C/G,K): column c holds what leads to channel c."""

    @device_function
    def begin(state: Any, at: Any, geometry: Any, group: Any, place: Any, limit: Any) -> None:
        state[at] = np.uint32(place * geometry[FILTERS] + group * geometry[OWN_FILTERS])
        state[np.uint32(at + ONE_MORE)] = ONE_MORE if place < limit else NONE

    @device_function
    def find(geometry: Any, group: Any, state: Any, at: Any, k: Any, j: Any, end: Any) -> Any:
        own = np.uint32(k + j)
        cell = quotient(own, geometry[BY_OWN_FILTERS], geometry[BY_OWN_FILTERS_SHIFT])
        beyond = np.uint32(own - cell * geometry[OWN_FILTERS])
        place = np.uint32(cell * geometry[OWN_CHANNELS] * geometry[FILTERS] + state[at] + beyond)
        return (own < end) & (state[np.uint32(at + ONE_MORE)] != NONE), place

    return Loader(True, aligned, 2, begin, find)
