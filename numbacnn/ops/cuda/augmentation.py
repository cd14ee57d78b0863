"""Label-preserving changes of training pictures on the GPU; see ops.augmentation."""

from __future__ import annotations

from typing import Any

import numpy as np

from .elements import element, launch_each
from .toolchain import ZERO, kernel

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
    i = element()
    if i < np.uint32(x.size):
        cell = np.uint32(i // channels)
        c = np.uint32(i - cell * channels)
        row = np.uint32(cell // wide)
        column = np.uint32(cell - row * wide)
        n = np.uint32(row // tall)
        if flip[n]:
            column = np.uint32(wide - _ONE - column)
        # What lies above or left of the picture is, as uint32, far below or right of it.
        h = np.uint32(np.uint32(top[n]) + (row - n * tall))
        w = np.uint32(np.uint32(left[n]) + column)
        if h < height and w < width:
            place = np.uint32(((n * height + h) * width + w) * channels + c)
            value = np.float32(pixels[place]) + colour[np.uint32(n * channels + c)]
            value = ZERO if value < ZERO else value
            x[i] = _WHITE if value > _WHITE else value
        else:
            x[i] = fill[c]


def augment(x: Any, pixels: Any, top: Any, left: Any, flip: Any, colour: Any, fill: Any) -> None:
    """x_nhw = clip(pixels_n,top+h,left+w' + colour_n), w' counted from the right where flipped; outside: fill."""
    launch_each(_augment, x.size, x, pixels, top, left, flip, colour, fill, *x.shape[1:3], *pixels.shape[1:])
