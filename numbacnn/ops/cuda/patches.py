"""How the matrices of a convolution are read (product.loaders): none of them exists in memory.

Rows and columns are counted from the padding's corner, so that none is below zero: row h of the padded input is row
h - top of the picture.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..geometry import Window
from .product.division import divisor, quotient
from .product.loaders import NONE, ONE_MORE, THREE_MORE, TWO_MORE, Loader, fill, fill_zero
from .toolchain import ZERO, device_function, load4

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
    return (
        h >= top
        and h < np.uint32(top + geometry[HEIGHT])
        and w >= left
        and w < np.uint32(left + geometry[WIDTH])
    )


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
    def element(array: Any, geometry: Any, image: Any, first_h: Any, first_w: Any, k: Any, end: Any) -> Any:
        down, across, channel = _channel_tap(k, geometry)
        h, w = np.uint32(first_h + down), np.uint32(first_w + across)
        if k < end and _is_inside(h, w, geometry):
            return array[np.uint32(_pixel(image, h, w, geometry) + channel)]
        return ZERO

    @device_function
    def load(
        four: Any, at: Any, array: Any, geometry: Any, group: Any, state: Any, at_state: Any, k: Any, end: Any
    ) -> None:
        image = state[at_state]
        first_h, first_w = state[np.uint32(at_state + ONE_MORE)], state[np.uint32(at_state + TWO_MORE)]
        if aligned:
            down, across, channel = _channel_tap(k, geometry)
            h, w = np.uint32(first_h + down), np.uint32(first_w + across)
            if k < end and _is_inside(h, w, geometry):
                fill(four, at, load4(array, np.uint32(_pixel(image, h, w, geometry) + channel)))
            else:
                fill_zero(four, at)
        else:
            for i in range(4):
                j = np.uint32(i)
                value = element(array, geometry, image, first_h, first_w, np.uint32(k + j), end)
                four[np.uint32(at + j)] = value

    return Loader(True, 3, begin, load)


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
    def load(
        four: Any, at: Any, array: Any, geometry: Any, group: Any, state: Any, at_state: Any, k: Any, end: Any
    ) -> None:
        n, p, q = _picture_cell(k, geometry)
        image = np.uint32(n * geometry[HEIGHT] * geometry[WIDTH] * geometry[CHANNELS])
        first_h, first_w = np.uint32(p * geometry[STRIDE_DOWN]), np.uint32(q * geometry[STRIDE_ACROSS])
        fill_zero(four, at)
        if aligned:
            h = np.uint32(first_h + state[np.uint32(at_state + ONE_MORE)])
            w = np.uint32(first_w + state[np.uint32(at_state + TWO_MORE)])
            if k < end and _is_inside(h, w, geometry):
                fill(four, at, load4(array, np.uint32(_pixel(image, h, w, geometry) + state[at_state])))
        elif k < end and state[np.uint32(at_state + ONE_MORE)] != _FAR:
            # Beyond the last row the taps are beyond the last too, and what is read there is not stored.
            place = state[np.uint32(at_state + THREE_MORE)]
            for i in range(4):
                j = np.uint32(i)
                down, across, channel = _channel_tap(np.uint32(place + j), geometry)
                h, w = np.uint32(first_h + down), np.uint32(first_w + across)
                if _is_inside(h, w, geometry):
                    own = np.uint32(group * geometry[OWN_CHANNELS] + channel)
                    four[np.uint32(at + j)] = array[np.uint32(_pixel(image, h, w, geometry) + own)]

    return Loader(False, 4, begin, load)


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
    def load(
        four: Any, at: Any, array: Any, geometry: Any, group: Any, state: Any, at_state: Any, k: Any, end: Any
    ) -> None:
        image = state[at_state]
        h, w = state[np.uint32(at_state + ONE_MORE)], state[np.uint32(at_state + TWO_MORE)]
        fill_zero(four, at)
        if aligned:
            down, across, own = _filter_tap(k, geometry)
            is_one, first = cell(geometry, image, h, w, down, across)
            if k < end and is_one:
                fill(four, at, load4(array, np.uint32(first + own)))
        else:
            for i in range(4):
                j = np.uint32(i)
                down, across, own = _filter_tap(np.uint32(k + j), geometry)
                is_one, first = cell(geometry, image, h, w, down, across)
                if np.uint32(k + j) < end and is_one:
                    four[np.uint32(at + j)] = array[np.uint32(first + own)]

    return Loader(True, 3, begin, load)


def weights_turned(aligned: bool) -> Loader:
    """(R*S*K/G, C/G) of weights (R,S,C/G,K): column c holds what leads to channel c."""

    @device_function
    def begin(state: Any, at: Any, geometry: Any, group: Any, place: Any, limit: Any) -> None:
        state[at] = np.uint32(place * geometry[FILTERS] + group * geometry[OWN_FILTERS])
        state[np.uint32(at + ONE_MORE)] = ONE_MORE if place < limit else NONE

    @device_function
    def place_of(k: Any, geometry: Any, first: Any) -> Any:
        cell = quotient(k, geometry[BY_OWN_FILTERS], geometry[BY_OWN_FILTERS_SHIFT])
        own = np.uint32(k - cell * geometry[OWN_FILTERS])
        return np.uint32(cell * geometry[OWN_CHANNELS] * geometry[FILTERS] + first + own)

    @device_function
    def load(
        four: Any, at: Any, array: Any, geometry: Any, group: Any, state: Any, at_state: Any, k: Any, end: Any
    ) -> None:
        first, is_there = state[at_state], state[np.uint32(at_state + ONE_MORE)] != NONE
        fill_zero(four, at)
        if aligned:
            if k < end and is_there:
                fill(four, at, load4(array, place_of(k, geometry, first)))
        elif is_there:
            for i in range(4):
                j = np.uint32(i)
                if np.uint32(k + j) < end:
                    four[np.uint32(at + j)] = array[place_of(np.uint32(k + j), geometry, first)]

    return Loader(True, 2, begin, load)
