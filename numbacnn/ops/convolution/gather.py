"""A rectangle of a picture and its padding, copied to where a product or a transform reads it."""

from __future__ import annotations

from typing import Any

from ..compilation import jit
from ..vectors import copy


@jit
def gather(target: Any, x: Any, volume: Any, n: Any, top: Any, left: Any, rows: Any, columns: Any) -> None:
    """Target (rows, columns, C) = picture n of x from (top, left), zeros beyond its border; both flat, volume (H, W, C)."""
    height, width, channels = volume
    begin, end = max(0, -left), max(0, min(columns, width - left))
    for i in range(rows):
        line = target[i * columns * channels : (i + 1) * columns * channels]
        if 0 <= top + i < height and begin < end:
            source = ((n * height + top + i) * width + left) * channels
            line[: begin * channels] = 0
            copy(
                line[begin * channels : end * channels],
                x[source + begin * channels : source + end * channels],
            )
            line[end * channels :] = 0
        else:
            line[:] = 0


@jit
def gather_share(target: Any, x: Any, volume: Any, corner: Any, extent: Any, first: Any, taken: Any) -> None:
    """`gather` of channels first .. first+taken alone; corner (n, top, left), extent (rows, columns)."""
    height, width, channels = volume
    n, top, left = corner
    for i in range(extent[0]):
        for j in range(extent[1]):
            cell = target[(i * extent[1] + j) * taken :][:taken]
            if 0 <= top + i < height and 0 <= left + j < width:
                copy(cell, x[((n * height + top + i) * width + left + j) * channels + first :])
            else:
                cell[:] = 0
