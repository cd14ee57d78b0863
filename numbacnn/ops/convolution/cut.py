"""How one layer's batch is cut into tiles, and where the elements of a patch lie in a tile's strip.

A tile is a few output rows of one picture, or a few small pictures. Its strip is the part of the input that those
rows see, copied with its padding once, not F*F times; patches are then read out of the strip by tables of
offsets (im2col without the columns). All of this depends on shapes alone.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..compilation import threads
from ..product import columns_of_panel

_PIXELS = 192
"""Output pixels of a tile: enough that a panel of weights, once in the first cache, is used a while."""
_STRIP = 128 << 10
"""Elements of a strip: 512 KB of float32, about half of a core's second cache."""
_SUM_BYTES = 32 << 20
_SUM_PARTS = 8
"""A weight gradient is summed in at most so many parts, fewer where they would take more than so many bytes."""

Terms = tuple[int, ...]
"""A window as `Window.terms` gives it; a padding may be negative here (rows of the input left out)."""


class Cut(NamedTuple):
    """See `cut`. The tables are offsets in a strip (images, strip_rows, strip_columns, C)."""

    pixels: Any
    """Of the patch of every output pixel of a tile."""
    rows: Any
    """Of the first patch of every output row of a tile."""
    stretches: Any
    """Of every contiguous stretch of a patch: a row (S*C), or a cell's share of channels (C/G)."""
    stretch: int
    """Elements of a stretch."""
    taps: Any
    """Of every element of a patch."""
    tile: tuple[int, int]
    """(pictures, output rows) of a tile; one of them is 1, or the rows are all of a picture's."""
    strip: tuple[int, int, int]
    """(rows, columns, elements) of one picture's strip."""
    tiles: int
    parts: int
    """Partial sums of a weight gradient, which are added in order."""
    packed: int
    """Workspace for the weights of all groups as the product wants them."""
    slice: int
    """Workspace of one worker: its strip, and its share of a gradient as the product wants it."""
    gradient: int
    """Elements of a weight gradient, and workspace for one of its parts."""

    # How much is done at a time follows the workspace that there is; no result does.

    def workers(self, room: float) -> int:
        """Workers of the forward pass in a workspace of `room` elements beside the packed filters."""
        return max(1, int(min(room / self.slice, threads())))

    def parts_at_a_time(self, room: float) -> tuple[int, int]:
        """(workers, parts of the weight gradient that they do before these are added) in `room` elements."""
        for workers in range(min(threads(), self.parts), 1, -1):
            parts = int(min((room - workers * self.slice) / self.gradient, self.parts))
            if parts >= workers:
                return workers, parts
        return 1, max(1, int(min((room - self.slice) / self.gradient, self.parts)))

    def workspace(self, room: float) -> int:
        """Elements that the forward pass and the weight gradient take of `room`, or else the least."""
        workers, parts = self.parts_at_a_time(room)
        return max(self.forward_workspace(room), workers * self.slice + parts * self.gradient)

    def forward_workspace(self, room: float) -> int:
        """Elements that the forward pass takes of `room`, or else the least."""
        return self.packed + self.workers(room - self.packed) * self.slice


@lru_cache(maxsize=512)
def cut(output: tuple[int, ...], channels: int, filters: int, terms: Terms, groups: int) -> Cut:
    """The cut of an output (N, P, Q) of `filters` K over `channels` C."""
    count, rows, cells = output
    tall, wide, down, across, *_, tall_step, wide_step = terms
    share, own_filters = channels // groups, filters // groups
    depth = tall * wide * share
    columns = (cells - 1) * across + (wide - 1) * wide_step + 1

    def strip_rows(taken: int) -> int:
        return (taken - 1) * down + (tall - 1) * tall_step + 1

    pictures, taken = 1, max(1, min(rows, _PIXELS // cells))
    while taken > 1 and strip_rows(taken) * columns * channels > _STRIP:
        taken -= 1
    if taken == rows:
        pictures = max(1, min(_PIXELS // (rows * cells), _STRIP // (strip_rows(rows) * columns * channels)))
    width = columns_of_panel(4)
    padded = -(-own_filters // width) * width
    # The workspace does not depend on the pictures in hand: a Program asks once, for its whole batch.
    size = pictures * (strip_rows(taken) * columns * channels + taken * cells * padded)
    # A small batch is cut into eight tiles all the same, so that it keeps several threads busy.
    if pictures > 1:
        pictures = min(pictures, max(1, count // 8))
    else:
        taken = min(taken, max(1, -(-count * rows // 8)))
    taken = -(-rows // -(-rows // taken))
    tiles = -(-count // pictures) * -(-rows // taken)

    picture = strip_rows(taken) * columns * channels
    row_offsets = (
        np.arange(pictures)[:, None] * picture + np.arange(taken) * (down * columns * channels)
    ).ravel()
    pixel_offsets = (row_offsets[:, None] + np.arange(cells) * (across * channels)).ravel()
    cell_offsets = np.arange(tall)[:, None] * (tall_step * columns * channels) + np.arange(wide) * (
        wide_step * channels
    )
    contiguous = groups == 1 and wide_step == 1
    stretch_offsets = cell_offsets[:, 0] if contiguous else cell_offsets.ravel()
    stretch = wide * channels if contiguous else share
    parts = max(1, min(_SUM_PARTS, _SUM_BYTES // (4 * depth * filters)))
    return Cut(
        pixels=pixel_offsets,
        rows=row_offsets,
        stretches=np.ascontiguousarray(stretch_offsets),
        stretch=stretch,
        taps=(stretch_offsets[:, None] + np.arange(stretch)).ravel(),
        tile=(pictures, taken),
        strip=(strip_rows(taken), columns, picture),
        tiles=tiles,
        parts=min(parts, tiles),
        packed=groups * depth * padded,
        slice=size,
        gradient=depth * filters,
    )
