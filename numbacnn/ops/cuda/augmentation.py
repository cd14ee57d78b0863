"""Label-preserving changes of training pictures on the GPU; see ops.augmentation."""

from __future__ import annotations

from typing import Any

import numpy as np

from .elements import BUDGET, launch_lines, line_element
from .toolchain import ZERO, kernel

BUDGETS = {"_augment": BUDGET}
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
