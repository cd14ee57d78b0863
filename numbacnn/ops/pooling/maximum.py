"""The largest value under each window, and its gradient."""

from __future__ import annotations

from typing import Any

from ..geometry import covering
from ..parallel import parallel
from .cells import from_windows, largest, to_winner


@parallel(lambda y, *_: y.shape[0] * y.shape[1])
def forward(
    earliest: Any,
    latest: Any,
    y: Any,
    switches: Any,
    x: Any,
    slope: Any,
    kernel: Any,
    stride: Any,
    padding: Any,
) -> None:
    """y = the largest value under the window; the first in row-major order of several that are equal."""
    height, width, channels = x.shape[1], x.shape[2], x.shape[3]
    rows, cells, lanes = y.shape[1], y.shape[2], 64 // y.itemsize
    values, switch, source = y.reshape(y.size), switches.reshape(switches.size), x.reshape(x.size)
    for line in range(earliest, latest):
        n = line // rows
        top = (line - n * rows) * stride[0] - padding[0]
        first, last = max(top, 0), min(top + kernel[0], height)
        for q in range(cells):
            left = q * stride[1] - padding[2]
            begin, end = max(left, 0), min(left + kernel[1], width)
            target = (line * cells + q) * channels
            start = ((n * height + first) * width + begin) * channels
            cell = (first - top) * kernel[1] + begin - left
            # Where a whole vector lies in the line, it is stored whole: what it writes beyond the cell is written over by
            # the next cells, and parts of vectors of short numbers would be stored number by number.
            room = min(cells - q, width - end + 1) * channels
            for c in range(0, channels, lanes):
                largest(
                    values, switch, source, target + c, start + c, width * channels, channels,
                    cell, kernel[1], last - first, end - begin, slope, room - c,
                )  # fmt: skip


def backward(d_x: Any, d_y: Any, switches: Any, kernel: Any, stride: Any, padding: Any) -> None:
    """d_x = the sum of d_y over the windows in which this cell won."""
    (rows, cells), (height, width) = d_y.shape[1:3], d_x.shape[1:3]
    if stride[0] < kernel[0] or stride[1] < kernel[1]:
        down = covering(height, rows, kernel[0], stride[0], padding[0])
        across = covering(width, cells, kernel[1], stride[1], padding[2])
        _backward_by_cell(d_x, d_y, switches, kernel[1], stride, down, across)
        return
    covered = kernel == stride and rows * stride[0] - padding[0] >= height
    covered = covered and cells * stride[1] - padding[2] >= width
    _backward_by_window(d_x, d_y, switches, kernel, stride, padding, covered)


@parallel(lambda d_x, *_: d_x.shape[0] * d_x.shape[1])
def _backward_by_cell(
    begin: Any, end: Any, d_x: Any, d_y: Any, switches: Any, wide: Any, stride: Any, down: Any, across: Any
) -> None:
    """Computes d_x cell by cell, from all windows that cover the cell: the way for windows that overlap."""
    height, width, channels = d_x.shape[1], d_x.shape[2], d_x.shape[3]
    rows, cells, lanes = d_y.shape[1], d_y.shape[2], 64 // d_y.itemsize
    target, source, switch = d_x.reshape(d_x.size), d_y.reshape(d_y.size), switches.reshape(switches.size)
    for line in range(begin, end):
        n = line // height
        h = line - n * height
        for w in range(width):
            place = (line * width + w) * channels
            window = ((n * rows + down[h, 0]) * cells + across[w, 0]) * channels
            cell = down[h, 2] * wide + across[w, 2]
            for c in range(0, channels, lanes):
                from_windows(
                    target, source, switch, place + c, window + c, cells * channels, channels,
                    cell, stride[0] * wide, stride[1], down[h, 1], across[w, 1], channels - c,
                )  # fmt: skip


@parallel(lambda d_x, d_y, *_: d_y.shape[0] * d_y.shape[1])
def _backward_by_window(
    start: Any,
    stop: Any,
    d_x: Any,
    d_y: Any,
    switches: Any,
    kernel: Any,
    stride: Any,
    padding: Any,
    covered: Any,
) -> None:
    """Computes d_x window by window: the way for windows that do not overlap. With `covered`, every cell belongs to a
    window.
    """
    height, width, channels = d_x.shape[1], d_x.shape[2], d_x.shape[3]
    rows, cells, lanes = d_y.shape[1], d_y.shape[2], 64 // d_y.itemsize
    target, source, switch = d_x.reshape(d_x.size), d_y.reshape(d_y.size), switches.reshape(switches.size)
    for line in range(start, stop):
        n = line // rows
        p = line - n * rows
        top = p * stride[0] - padding[0]
        first, last = max(top, 0), min(top + kernel[0], height)
        if not covered:
            below = height if p == rows - 1 else max(top + stride[0], 0)
            target[(n * height + first) * width * channels : (n * height + below) * width * channels] = 0
        for q in range(cells):
            left = q * stride[1] - padding[2]
            begin, end = max(left, 0), min(left + kernel[1], width)
            place = ((n * height + first) * width + begin) * channels
            window = (line * cells + q) * channels
            cell = (first - top) * kernel[1] + begin - left
            for c in range(0, channels, lanes):
                to_winner(
                    target, source, switch, place + c, window + c, width * channels, channels,
                    cell, kernel[1], last - first, end - begin, channels - c,
                )  # fmt: skip
