"""A rectangle of a picture and its padding, copied to where a product or a transform reads it."""

from __future__ import annotations

from typing import Any

from ..compilation import jit
from ..product import copy_panel
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
    """`gather` of channels first .. first+taken alone, whole panels; corner (n, top, left), extent (rows, columns)."""
    height, width, channels = volume
    n, top, left = corner
    lanes = 64 // x.itemsize
    begin, end = max(0, -left), max(0, min(extent[1], width - left))
    for i in range(extent[0]):
        line = i * extent[1] * taken
        if not 0 <= top + i < height or begin >= end:
            target[line : line + extent[1] * taken] = 0
            continue
        target[line : line + begin * taken] = 0
        target[line + end * taken : line + extent[1] * taken] = 0
        source = ((n * height + top + i) * width + left) * channels + first
        if taken == channels:
            for c in range(begin * channels, end * channels, lanes):
                copy_panel(target, line + c, x, source + c)
            continue
        for j in range(begin, end):
            for c in range(0, taken, lanes):
                copy_panel(target, line + j * taken + c, x, source + j * channels + c)
