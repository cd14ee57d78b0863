"""Label-preserving changes of training pictures on the GPU; see ops.augmentation."""

from __future__ import annotations

from typing import Any

import numpy as np

from .budget import Budget
from .elements import BUDGET, launch_lines, line_element
from .toolchain import ZERO, device_function, kernel

BUDGETS = {"_augment": BUDGET, "_distort": Budget(registers=64, shared_bytes=0)}
_WHITE = np.float32(255)
_ONE = np.uint32(1)


@kernel
def _augment(
    x: Any,
    pixels: Any,
    top: Any,
    left: Any,
    flip: Any,
    colour: Any,
    fill: Any,
    tall: Any,
    wide: Any,
    height: Any,
    width: Any,
    channels: Any,
) -> None:
    row, place = line_element()
    if place < np.uint32(wide * channels):
        n, column = np.uint32(row // tall), np.uint32(place // channels)
        c = np.uint32(place - column * channels)
        if flip[n]:
            column = np.uint32(wide - _ONE - column)
        # What lies above or left of the picture is, as uint32, far below or right of it.
        h = np.uint32(np.uint32(top[n]) + (row - n * tall))
        w = np.uint32(np.uint32(left[n]) + column)
        i = np.uint32(row * wide * channels + place)
        if h < height and w < width:
            source = np.uint32(((n * height + h) * width + w) * channels + c)
            value = np.float32(pixels[source]) + colour[np.uint32(n * channels + c)]
            value = ZERO if value < ZERO else value
            x[i] = _WHITE if value > _WHITE else value
        else:
            x[i] = fill[c]


def augment(x: Any, pixels: Any, top: Any, left: Any, flip: Any, colour: Any, fill: Any) -> None:
    """x_nhw = clip(pixels_n,top+h,left+w' + colour_n), w' counted from the right where flipped; outside: fill."""
    count, tall, wide, channels = x.shape
    arrays = x, pixels, top, left, flip, colour, fill
    launch_lines(_augment, count * tall, wide * channels, *arrays, tall, wide, *pixels.shape[1:])


_NOTHING, _WHOLE, _HALF = np.int32(0), np.int32(256), np.int32(32768)
_EIGHT, _SIXTEEN, _FRACTION = np.int32(8), np.int32(16), np.int32(255)
_TWO, _PAIR = np.int32(2), np.uint32(2)
_STEP, _HALF_STEPS = np.int64(65536), np.int64(1 << 31)


@device_function
def _pixel(
    pixels: Any, n: Any, row: Any, column: Any, c: Any, height: Any, width: Any, channels: Any, outside: Any
) -> Any:
    """A pixel between pixels, in 65536ths of a level; row and column are in 256ths of a pixel."""
    h, w = np.int32(row >> _EIGHT), np.int32(column >> _EIGHT)
    down, right = np.int32(row & _FRACTION), np.int32(column & _FRACTION)
    total = _NOTHING
    for i in range(2):
        for j in range(2):
            # What lies above or left of the picture is, as uint32, far below or right of it.
            y, x = np.uint32(h + np.int32(i)), np.uint32(w + np.int32(j))
            value = outside
            if y < height and x < width:
                value = np.int32(pixels[np.uint32(((n * height + y) * width + x) * channels + c)])
            share = np.int32((down if i else _WHOLE - down) * (right if j else _WHOLE - right))
            total = np.int32(total + value * share)
    return total


@device_function
def _between(points: Any, first: Any, row: Any, column: Any, side: Any) -> Any:
    """A place between the grid's points; row and column are in 65536ths of the distance between two."""
    a, b = np.int32(min(row >> _SIXTEEN, side - _TWO)), np.int32(min(column >> _SIXTEEN, side - _TWO))
    down, right = np.int64(row - (a << _SIXTEEN)), np.int64(column - (b << _SIXTEEN))
    upper_left = np.uint32(first + np.uint32(_TWO * (a * side + b)))
    lower_left = np.uint32(upper_left + np.uint32(_TWO * side))
    upper_right, lower_right = np.uint32(upper_left + _PAIR), np.uint32(lower_left + _PAIR)
    upper = np.int64(points[upper_left]) * (_STEP - right) + np.int64(points[upper_right]) * right
    lower = np.int64(points[lower_left]) * (_STEP - right) + np.int64(points[lower_right]) * right
    return np.int32((upper * (_STEP - down) + lower * down + _HALF_STEPS) >> np.int64(32))


@kernel
def _distort(
    y: Any,
    pixels: Any,
    points: Any,
    thickness: Any,
    fill: Any,
    side: Any,
    height: Any,
    width: Any,
    channels: Any,
) -> None:
    line, place = line_element()
    if place < np.uint32(width * channels):
        n, j = np.uint32(line // height), np.uint32(place // channels)
        i, c = np.uint32(line - n * height), np.uint32(place - j * channels)
        steps = np.uint32((side - _ONE) * np.uint32(65536))
        down = np.int32(np.uint32(i * steps) // max(np.uint32(height - _ONE), _ONE))
        right = np.int32(np.uint32(j * steps) // max(np.uint32(width - _ONE), _ONE))
        first = np.uint32(n * side * side * np.uint32(2))
        row = _between(points, first, down, right, np.int32(side))
        column = _between(points, np.uint32(first + _ONE), down, right, np.int32(side))
        outside = np.int32(fill[c])
        value = _pixel(pixels, n, row, column, c, height, width, channels, outside)
        share = np.int32(thickness[n])
        if share != _NOTHING:
            extreme = value
            for turn in range(4):
                step = -_WHOLE if turn & 1 else _WHOLE
                other = _pixel(
                    pixels,
                    n,
                    np.int32(row + (step if turn & 2 else _NOTHING)),
                    np.int32(column + (_NOTHING if turn & 2 else step)),
                    c,
                    height,
                    width,
                    channels,
                    outside,
                )
                extreme = max(extreme, other) if share > _NOTHING else min(extreme, other)
            if share < _NOTHING:
                share = np.int32(-share)
            value = np.int32(value + np.int32((np.int64(extreme - value) * np.int64(share)) >> np.int64(8)))
        y[np.uint32(line * width * channels + place)] = np.uint8((value + _HALF) >> _SIXTEEN)


def distort(y: Any, pixels: Any, points: Any, thickness: Any, fill: Any) -> None:
    """y_nijc = pixels_n at the place that the grid has for (i, j), made thicker or thinner; outside: fill."""
    count, height, width, channels = y.shape
    arrays = y, pixels, points, thickness, fill
    launch_lines(
        _distort, count * height, width * channels, *arrays, points.shape[1], height, width, channels
    )
