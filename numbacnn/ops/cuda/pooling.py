"""Pooling on the GPU: a thread an output cell forward, an input cell backward, of one channel or four; see ops.pooling.

A line is a row of one picture. Rows and columns are counted from the padding's corner, so that none is below zero: h of
the padded input is row h - padding of the picture.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda, float32, uint32

from ..pooling.rows import INSIDE as _INSIDE
from ..pooling.rows import SUM as _SUM
from .budget import Budget
from .elements import launch_lines, line_element
from .instructions import load4, store4
from .reductions import LOWEST, NONE
from .toolchain import ONE, ZERO, device_function, kernel

BUDGETS = {
    "max_forward": Budget(registers=40, shared_bytes=0),
    "max_forward_in_fours": Budget(registers=48, shared_bytes=0),
    "max_backward": Budget(registers=40, shared_bytes=0),
    "max_backward_in_fours": Budget(registers=48, shared_bytes=0),
    "_sum_forward": Budget(registers=56, shared_bytes=0),
    "_sum_backward": Budget(registers=40, shared_bytes=0),
}
_ONE = np.uint32(1)
INSIDE, SUM = np.uint32(_INSIDE), np.uint32(_SUM)


@device_function
def _begin(start: Any, before: Any) -> Any:
    """The first row of a window that is in the picture."""
    return start if start > before else before


@device_function
def _end(start: Any, extent: Any, size: Any) -> Any:
    """One past the last row of a window, cut where the input ends."""
    return np.uint32(start + extent) if np.uint32(start + extent) < size else size


@device_function
def _counted(divisor: Any, start: Any, extent: Any, size: Any, before: Any, after: Any) -> Any:
    """Rows of a window that an average counts: those on the picture, or on the padded one too."""
    padded = np.uint32(_end(start, extent, np.uint32(before + size + after)) - start)
    inside = np.uint32(_end(start, extent, np.uint32(size + before)) - _begin(start, before))
    return inside if divisor == INSIDE else padded


@device_function
def _first_window(h: Any, extent: Any, stride: Any) -> Any:
    """The first window that covers row h."""
    return np.uint32(0) if h < extent else np.uint32(np.uint32(h - extent) // stride + _ONE)


@device_function
def _last_window(h: Any, stride: Any, windows: Any) -> Any:
    """One past the last window that covers row h."""
    last = np.uint32(h // stride + _ONE)
    return last if last < windows else windows


@device_function
def _rectified(value: Any, slope: Any) -> Any:
    return value if value > ZERO else slope * value


@device_function
def _masked(value: Any, sign: Any, slope: Any) -> Any:
    return value if sign > ZERO else slope * value


@device_function
def _take_one(numbers: Any, array: Any, at: Any) -> None:
    numbers[0] = array[at]


@device_function
def _take_four(numbers: Any, array: Any, at: Any) -> None:
    numbers[0], numbers[1], numbers[2], numbers[3] = load4(array, at)


@device_function
def _put_one(array: Any, at: Any, numbers: Any) -> None:
    array[at] = numbers[0]


@device_function
def _put_four(array: Any, at: Any, numbers: Any) -> None:
    store4(array, at, numbers[0], numbers[1], numbers[2], numbers[3])


_TAKE, _PUT = {1: _take_one, 4: _take_four}, {1: _put_one, 4: _put_four}
"""By how many channels side by side a thread works on: what is worked out for a cell, divisions above all, is then worked
out once for four.
"""


def _named(op: str, count: int) -> str:
    return f"pooling.{op}{'_in_fours' if count == 4 else ''}"


def _make_max_forward(count: int) -> Any:
    take, put, step = _TAKE[count], _PUT[count], np.uint32(count)

    def max_forward(
        y: Any,
        switches: Any,
        x: Any,
        slope: Any,
        rows: Any,
        columns: Any,
        height: Any,
        width: Any,
        channels: Any,
        extent_h: Any,
        extent_w: Any,
        stride_h: Any,
        stride_w: Any,
        above: Any,
        left: Any,
    ) -> None:
        line, place = line_element()
        place = np.uint32(place * step)
        n = np.uint32(line // rows)
        top = np.uint32((line - n * rows) * stride_h)
        if place < np.uint32(columns * channels):
            q = np.uint32(place // channels)
            c, start = np.uint32(place - q * channels), np.uint32(q * stride_w)
            values, best = cuda.local.array(count, float32), cuda.local.array(count, float32)
            switch = cuda.local.array(count, uint32)
            for j in range(count):
                best[j], switch[j] = LOWEST, NONE
            h = _begin(top, above)
            while h < _end(top, extent_h, np.uint32(height + above)):
                w = _begin(start, left)
                while w < _end(start, extent_w, np.uint32(width + left)):
                    cell = np.uint32((n * height + h - above) * width + w - left)
                    take(values, x, np.uint32(cell * channels + c))
                    own = np.uint32((h - top) * extent_w + w - start)
                    for j in range(count):
                        # A NaN wins and stays; a window of nothing above LOWEST has a first cell too.
                        if values[j] > best[j] or values[j] != values[j] or switch[j] == NONE:
                            best[j], switch[j] = values[j], own
                    w = np.uint32(w + _ONE)
                h = np.uint32(h + _ONE)
            for j in range(count):
                best[j] = _rectified(best[j], slope)
            i = np.uint32(line * columns * channels + place)
            put(y, i, best)
            put(switches, i, switch)

    return kernel(max_forward, name=_named("max_forward", count))


def _make_max_backward(count: int) -> Any:
    take, put, step = _TAKE[count], _PUT[count], np.uint32(count)

    def max_backward(
        d_x: Any,
        d_y: Any,
        switches: Any,
        signs: Any,
        slope: Any,
        rows: Any,
        columns: Any,
        height: Any,
        width: Any,
        channels: Any,
        extent_h: Any,
        extent_w: Any,
        stride_h: Any,
        stride_w: Any,
        above: Any,
        left: Any,
    ) -> None:
        line, place = line_element()
        place = np.uint32(place * step)
        n = np.uint32(line // height)
        h = np.uint32(line - n * height + above)
        if place < np.uint32(width * channels):
            column = np.uint32(place // channels)
            c, w = np.uint32(place - column * channels), np.uint32(column + left)
            gradients, total = cuda.local.array(count, float32), cuda.local.array(count, float32)
            switch, sign = cuda.local.array(count, uint32), cuda.local.array(count, float32)
            own_place = np.uint32(line * width * channels + place)
            for j in range(count):
                total[j], sign[j] = ZERO, ONE
            if slope != ONE:
                take(sign, signs, own_place)
            p, end_p = _first_window(h, extent_h, stride_h), _last_window(h, stride_h, rows)
            first_q, end_q = _first_window(w, extent_w, stride_w), _last_window(w, stride_w, columns)
            while p < end_p:
                q = first_q
                while q < end_q:
                    winner = np.uint32(((n * rows + p) * columns + q) * channels + c)
                    # Both are read before either is needed: one wait for memory, not two.
                    take(gradients, d_y, winner)
                    take(switch, switches, winner)
                    own = np.uint32((h - p * stride_h) * extent_w + w - q * stride_w)
                    for j in range(count):
                        total[j] += gradients[j] if switch[j] == own else ZERO
                    q = np.uint32(q + _ONE)
                p = np.uint32(p + _ONE)
            for j in range(count):
                total[j] = _masked(total[j], sign[j], slope)
            put(d_x, own_place, total)

    return kernel(max_backward, name=_named("max_backward", count))


_MAX_FORWARD = {count: _make_max_forward(count) for count in _TAKE}
_MAX_BACKWARD = {count: _make_max_backward(count) for count in _TAKE}


@kernel
def _sum_forward(
    y: Any,
    x: Any,
    slope: Any,
    divisor: Any,
    below: Any,
    right: Any,
    rows: Any,
    columns: Any,
    height: Any,
    width: Any,
    channels: Any,
    extent_h: Any,
    extent_w: Any,
    stride_h: Any,
    stride_w: Any,
    above: Any,
    left: Any,
) -> None:
    line, place = line_element()
    n = np.uint32(line // rows)
    top = np.uint32((line - n * rows) * stride_h)
    if place < np.uint32(columns * channels):
        q = np.uint32(place // channels)
        c, start = np.uint32(place - q * channels), np.uint32(q * stride_w)
        total = ZERO
        h = _begin(top, above)
        while h < _end(top, extent_h, np.uint32(height + above)):
            w = _begin(start, left)
            while w < _end(start, extent_w, np.uint32(width + left)):
                total += x[np.uint32(((n * height + h - above) * width + w - left) * channels + c)]
                w = np.uint32(w + _ONE)
            h = np.uint32(h + _ONE)
        if divisor != SUM:
            tall = _counted(divisor, top, extent_h, height, above, below)
            wide = _counted(divisor, start, extent_w, width, left, right)
            total /= np.float32(np.uint32(tall * wide))
        y[np.uint32(line * columns * channels + place)] = _rectified(total, slope)


@kernel
def _sum_backward(
    d_x: Any,
    d_y: Any,
    signs: Any,
    slope: Any,
    divisor: Any,
    below: Any,
    right: Any,
    rows: Any,
    columns: Any,
    height: Any,
    width: Any,
    channels: Any,
    extent_h: Any,
    extent_w: Any,
    stride_h: Any,
    stride_w: Any,
    above: Any,
    left: Any,
) -> None:
    line, place = line_element()
    n = np.uint32(line // height)
    h = np.uint32(line - n * height + above)
    if place < np.uint32(width * channels):
        column = np.uint32(place // channels)
        c, w = np.uint32(place - column * channels), np.uint32(column + left)
        total = ZERO
        p = _first_window(h, extent_h, stride_h)
        while p < _last_window(h, stride_h, rows):
            top = np.uint32(p * stride_h)
            tall = _counted(divisor, top, extent_h, height, above, below)
            q = _first_window(w, extent_w, stride_w)
            while q < _last_window(w, stride_w, columns):
                start = np.uint32(q * stride_w)
                wide = _counted(divisor, start, extent_w, width, left, right)
                cells = np.float32(np.uint32(tall * wide)) if divisor != SUM else ONE
                total += d_y[np.uint32(((n * rows + p) * columns + q) * channels + c)] / cells
                q = np.uint32(q + _ONE)
            p = np.uint32(p + _ONE)
        i = np.uint32(line * width * channels + place)
        d_x[i] = _masked(total, signs[i], slope) if slope != ONE else total


def _sizes(small: Any, large: Any, kernel: Any, stride: Any, padding: Any) -> tuple[int, ...]:
    """(P, Q, H, W, C), the window, its stride, and the padding above and to the left, as every kernel ends."""
    return (*small.shape[1:3], *large.shape[1:], *kernel, *stride, padding[0], padding[2])


def _launch(kernel: Any, output: Any, *arguments: Any, side_by_side: int = 1) -> None:
    count, rows, columns, channels = output.shape
    launch_lines(kernel, count * rows, columns * channels // side_by_side, output, *arguments)


def _side_by_side(channels: int) -> int:
    """How many channels a thread works on."""
    return 4 if channels % 4 == 0 else 1


def max_forward(y: Any, switches: Any, x: Any, slope: Any, kernel: Any, stride: Any, padding: Any) -> None:
    """y = the largest value under the window; the first in reading order where several are equal."""
    each = _side_by_side(x.shape[3])
    sizes = _sizes(y, x, kernel, stride, padding)
    _launch(_MAX_FORWARD[each], y, switches, x, float(slope), *sizes, side_by_side=each)


def max_backward(d_x: Any, d_y: Any, switches: Any, kernel: Any, stride: Any, padding: Any) -> None:
    """d_x = the sum of d_y over the windows that this cell won: each cell looks at those that cover it."""
    max_backward_masked(d_x, d_y, switches, kernel, stride, padding, d_x, 1.0)


def max_backward_masked(
    d_x: Any, d_y: Any, switches: Any, kernel: Any, stride: Any, padding: Any, signs: Any, slope: Any
) -> None:
    """d_x = the same where signs is above 0, else slope times that; a slope of 1 needs no signs."""
    each = _side_by_side(d_x.shape[3])
    sizes = _sizes(d_y, d_x, kernel, stride, padding)
    _launch(_MAX_BACKWARD[each], d_x, d_y, switches, signs, float(slope), *sizes, side_by_side=each)


def sum_forward(y: Any, x: Any, slope: Any, kernel: Any, stride: Any, padding: Any, divisor: Any) -> None:
    """y = the sum under the window, divided by its cells as `divisor` says."""
    sizes = _sizes(y, x, kernel, stride, padding)
    _launch(_sum_forward, y, x, float(slope), int(divisor), padding[1], padding[3], *sizes)


def sum_backward(d_x: Any, d_y: Any, kernel: Any, stride: Any, padding: Any, divisor: Any) -> None:
    """d_x = the sum of d_y (divided likewise) over the windows that cover this cell."""
    sum_backward_masked(d_x, d_y, kernel, stride, padding, divisor, d_x, 1.0)


def sum_backward_masked(
    d_x: Any, d_y: Any, kernel: Any, stride: Any, padding: Any, divisor: Any, signs: Any, slope: Any
) -> None:
    """d_x = the same where signs is above 0, else slope times that; a slope of 1 needs no signs."""
    sizes = _sizes(d_y, d_x, kernel, stride, padding)
    _launch(_sum_backward, d_x, d_y, signs, float(slope), int(divisor), padding[1], padding[3], *sizes)
