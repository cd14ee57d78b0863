"""Label-preserving changes of training pictures (lecture: data augmentation).

augment     pixels uint8 (N,H,W,C), top, left, flip (N,), colour (N,C), fill (C) -> x (N,P,Q,C) in [0,255]
distort     pixels uint8 (N,H,W,C), points int32 (N,G,G,2), thickness int32 (N,), fill uint8 (C) -> y uint8 (N,H,W,C)

`augment` cuts a window of P x Q pixels out of picture n, from row top_n and column left_n on (pixels outside of the
picture have the colour `fill`), mirrors it if flip_n is set, and adds colour_n to every pixel.

`distort` moves places: the point (a, b) of an even grid over y shows the place points_n,a,b of the picture, (row,
column) in 256ths of a pixel. Places between the grid's points, and pixels between pixels, are interpolated bilinearly.
A positive thickness_n moves each pixel so many 256ths of the way to the brightest of itself and its four neighbours, a
negative one to the darkest, so that strokes become thicker or thinner. All of this is integer arithmetic, which gives
the same result on every device.
"""

from __future__ import annotations

from typing import Any

from .compilation import jit
from .kernel import Kernel
from .vectors import copy


@jit
def _fill_columns(row: Any, start: int, stop: int, fill: Any) -> None:
    """Sets the pixels of a row's columns start .. stop to `fill`."""
    for w in range(start, stop):
        for c in range(row.shape[1]):
            row[w, c] = fill[c]


@jit
def _mirror(row: Any) -> None:
    """Reverses the order of a row's pixels."""
    last = row.shape[0] - 1
    for w in range(row.shape[0] // 2):
        for c in range(row.shape[1]):
            row[w, c], row[last - w, c] = row[last - w, c], row[w, c]


@jit
def _shift_colours(row: Any, start: int, stop: int, colour: Any) -> None:
    """Adds `colour` to the pixels of a row's columns start .. stop, clipped to [0, 255]."""
    # Bounds of the row's type: no value is widened to be compared.
    lowest, highest = row.dtype.type(0), row.dtype.type(255)
    for c in range(row.shape[1]):
        shift = colour[c]
        for w in range(start, stop):
            row[w, c] = min(max(row[w, c] + shift, lowest), highest)


@jit(from_python=True)
def _augment_cpu(x: Any, pixels: Any, top: Any, left: Any, flip: Any, colour: Any, fill: Any) -> None:
    """x_nhw = clip(pixels_n,top+h,left+w' + colour_n), where w' counts from the right if flip_n is set; `fill` outside
    of the picture.

    This kernel uses one thread: it runs beside the training step, whose kernels use the others.
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


@jit
def _pixel(picture: Any, row: int, column: int, c: int, outside: int) -> int:
    """Returns an interpolated pixel in 65536ths of a level; row and column are in 256ths of a pixel, `outside` is the
    level beyond the border.
    """
    h, w = row >> 8, column >> 8
    down, right = row & 255, column & 255
    total = 0
    for i in range(2):
        for j in range(2):
            value = outside
            if 0 <= h + i < picture.shape[0] and 0 <= w + j < picture.shape[1]:
                value = int(picture[h + i, w + j, c])
            total += value * (down if i else 256 - down) * (right if j else 256 - right)
    return total


@jit
def _between(points: Any, axis: int, row: int, column: int) -> Any:
    """Returns the place between the grid's points, one coordinate (axis 0 or 1); row and column are in 65536ths of the
    distance between two points.
    """
    a, b = min(row >> 16, points.shape[0] - 2), min(column >> 16, points.shape[1] - 2)
    down, right = row - (a << 16), column - (b << 16)
    upper = int(points[a, b, axis]) * (65536 - right) + int(points[a, b + 1, axis]) * right
    lower = int(points[a + 1, b, axis]) * (65536 - right) + int(points[a + 1, b + 1, axis]) * right
    return (upper * (65536 - down) + lower * down + (1 << 31)) >> 32


@jit(from_python=True)
def _distort_cpu(y: Any, pixels: Any, points: Any, thickness: Any, fill: Any) -> None:
    """y_nijc = pixels_n at the place that the grid has for (i, j), with thicker or thinner strokes; `fill` outside of
    the picture. This kernel uses one thread, as `augment` does.
    """
    height, width = max(y.shape[1] - 1, 1), max(y.shape[2] - 1, 1)
    for n in range(y.shape[0]):
        picture, grid, share = pixels[n], points[n], abs(int(thickness[n]))
        for i in range(y.shape[1]):
            down = i * (grid.shape[0] - 1) * 65536 // height
            for j in range(y.shape[2]):
                right = j * (grid.shape[1] - 1) * 65536 // width
                row, column = _between(grid, 0, down, right), _between(grid, 1, down, right)
                for c in range(y.shape[3]):
                    outside = int(fill[c])
                    value = _pixel(picture, row, column, c, outside)
                    if share:
                        extreme = value
                        for step in (-256, 256):
                            beside = _pixel(picture, row, column + step, c, outside)
                            below = _pixel(picture, row + step, column, c, outside)
                            if thickness[n] > 0:
                                extreme = max(extreme, beside, below)
                            else:
                                extreme = min(extreme, beside, below)
                        value += ((extreme - value) * share) >> 8
                    y[n, i, j, c] = (value + 32768) >> 16


distort = Kernel("augmentation.distort", cpu=_distort_cpu)

augment = Kernel("augmentation.augment", cpu=_augment_cpu)
