"""Label-preserving changes of training pictures (lecture: data augmentation).

augment     pixels uint8 (N,H,W,C), top, left, flip (N,), colour (N,C), fill (C) -> x (N,P,Q,C) in [0,255]

Picture n's window of P x Q starts at row top_n, column left_n (what lies outside is read as `fill`), is
mirrored if flip_n, and colour_n is added to every pixel.
"""

from __future__ import annotations

from typing import Any

from .compilation import jit
from .kernel import Kernel
from .vectors import copy


@jit
def _fill_columns(row: Any, start: int, stop: int, fill: Any) -> None:
    """row_w = fill, of the columns from start to stop."""
    for w in range(start, stop):
        for c in range(row.shape[1]):
            row[w, c] = fill[c]


@jit
def _mirror(row: Any) -> None:
    """row_w,c <-> row_W-1-w,c."""
    last = row.shape[0] - 1
    for w in range(row.shape[0] // 2):
        for c in range(row.shape[1]):
            row[w, c], row[last - w, c] = row[last - w, c], row[w, c]


@jit
def _shift_colours(row: Any, start: int, stop: int, colour: Any) -> None:
    """row_w,c = clip(row_w,c + colour_c), of the columns from start to stop."""
    # Bounds of the row's type: no value is widened to be compared.
    lowest, highest = row.dtype.type(0), row.dtype.type(255)
    for c in range(row.shape[1]):
        shift = colour[c]
        for w in range(start, stop):
            row[w, c] = min(max(row[w, c] + shift, lowest), highest)


@jit
def _augment_cpu(x: Any, pixels: Any, top: Any, left: Any, flip: Any, colour: Any, fill: Any) -> None:
    """x_nhw = clip(pixels_n,top+h,left+w' + colour_n), w' counted from the right where flipped; outside: fill.

    On one thread: it runs beside the training step, whose kernels have the others.
    """
    height, width, channels = pixels.shape[1:]
    for n in range(x.shape[0]):
        # The window's columns from start to stop lie in the picture.
        start = min(max(-left[n], 0), x.shape[2])
        stop = max(min(width - left[n], x.shape[2]), start)
        coloured = False
        for c in range(channels):
            coloured |= colour[n, c] != 0
        for i in range(x.shape[1]):
            row, h = x[n, i], i + top[n]
            if not 0 <= h < height:
                _fill_columns(row, 0, x.shape[2], fill)
                continue
            _fill_columns(row, 0, start, fill)
            _fill_columns(row, stop, x.shape[2], fill)
            # Along a row's values, as colours are not told apart.
            copy(
                row.reshape(-1)[start * channels : stop * channels],
                pixels[n, h].reshape(-1)[(left[n] + start) * channels : (left[n] + stop) * channels],
            )
            if coloured:
                _shift_colours(row, start, stop, colour[n])
            if flip[n]:
                _mirror(row)


augment = Kernel("augmentation.augment", cpu=_augment_cpu)
