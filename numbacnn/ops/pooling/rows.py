"""A row of a pool by vectors, and what a pool's sums are divided by."""

from __future__ import annotations

from typing import Any

from ..compilation import jit
from .values import pool_windows

SUM, PADDED, INSIDE = 0, 1, 2
MAXIMUM = -1
"""In the place of a sum's divisor: the pool is a maximum."""


@jit
def cells_within(start: Any, extent: Any, end: Any) -> Any:
    """Returns how many cells of a window are before the end of the padded input."""
    return min(start + extent, end) - start


@jit
def pool_row(
    y: Any,
    y_at: Any,
    cells: Any,
    channels: Any,
    x: Any,
    x_at: Any,
    first: Any,
    row: Any,
    maps: Any,
    pool: Any,
    slope: Any,
    lanes: Any,
    divisor: Any,
) -> None:
    """Writes row `row` of a pool, `cells` cells from y_at on in y, of maps (rows, columns, cells from one row to the next) whose row
    `first` begins at x_at in x, flat arrays. A cell of x has room for whole vectors of `lanes` channels: half a panel where there are no more channels, else
    a whole one.
    """
    tall, wide, down, across, above, below, before, after = pool
    height, width, line = maps
    padded = (channels + lanes - 1) // lanes * lanes
    top = row * down - above
    begin, end = max(top, 0), min(top + tall, height)
    # The windows of these cells lie on the picture as a whole.
    inside = min((before + across - 1) // across, cells)
    outside = max(min((width - wide + before) // across + 1, cells), inside)
    chunks = (channels + lanes - 1) // lanes
    for chunk in range(chunks):
        # A whole vector writes beyond its cell what cells and channels that come after it write over.
        c = (chunks - 1 - chunk) * lanes
        q = 0
        while q < cells:
            taken = outside - q if q == inside and outside > q else 1
            left = q * across - before
            near, far = max(left, 0), min(left + wide, width)
            by = 0
            if divisor == SUM:
                by = 1
            elif divisor == PADDED:
                by = cells_within(top, tall, height + below) * cells_within(left, wide, width + after)
            elif divisor != MAXIMUM:
                by = (end - begin) * (far - near)
            pool_windows(
                y, y_at + q * channels + c, channels,
                x, x_at + ((begin - first) * line + near) * padded + c, across * padded, line * padded, padded,
                end - begin, far - near, by, slope, channels, (cells - q) * channels - c, taken,
            )  # fmt: skip
            q += taken
