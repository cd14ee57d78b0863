"""Draws the kernels of a convolution as a mosaic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from ..errors import ShapeError, UsageError, nearest
from .board import (
    DPI,
    FAINT,
    LABEL,
    MARGIN,
    SMALL,
    Board,
    Pixels,
    line_height,
    signed_as_rgb,
    text_width,
    title_height,
    title_width,
    wrapped,
)
from .drawing import Drawing

MAX_FILTERS, MAX_CHANNELS = 32, 32
"""Rows and columns of a mosaic of filters over many channels, at most."""

NUMBER = 5.0
"""Points, the size of the number of a filter or channel."""

NUMBER_LINE = 0.1
"""Inches that a line of such numbers takes."""

Scale = Literal["shared", "own"]


class _Tiles(NamedTuple):
    pixels: Pixels  # (rows, columns, R, S, 3)
    used: int  # tiles, from the left and from above; what follows stays empty
    note: str
    by_channel: bool  # a row is a filter and a column a channel, else each tile is a filter


def filter_mosaic(
    kernels: Any,
    *,
    scale: Scale = "shared",
    title: str = "",
    says: Sequence[str] = (),
    marks: Mapping[int, str] | None = None,
    provenance: str = "",
) -> Drawing:
    """Returns a figure of kernels (R,S,C,K): in colour where C is 3, in grey where C is 1, else with a row for each
    filter and a column for each channel.

    Grey is 0. With the scale "shared", white and black are plus and minus the largest weight of all; with "own", of
    each tile. Of filters over other than 1 or 3 channels, the first 32 with their first 32 channels are shown. Each
    filter has its number, from 0, as `viz layers --units` takes it, in the colour that `marks` gives it. `says` are
    sentences below the mosaic, such as a verdict.
    """
    tiles = _tiles(kernels, scale)
    rows, columns, tall, wide = tiles.pixels.shape[:4]
    factor = _enlargement(max(columns * wide, rows * tall), max(wide, tall))
    enlarged = tiles.pixels.repeat(factor, axis=2).repeat(factor, axis=3)
    gap = max(4, factor // 3)
    step = wide * factor + gap
    numbered = not tiles.by_channel and text_width(str(tiles.used - 1), NUMBER) < step / DPI
    gap_below = max(gap, round(NUMBER_LINE * DPI)) if numbered else gap
    mosaic = _assemble(tiles._replace(pixels=enlarged), gap, gap_below)
    height, width = mosaic.shape[0] / DPI, mosaic.shape[1] / DPI
    left = MARGIN if numbered else MARGIN + text_width("0000", NUMBER)
    top = MARGIN + title_height(title) + (NUMBER_LINE if numbered or tiles.by_channel else 0.0)
    room = max(left - MARGIN + width, 3.2, title_width(title) - 2 * MARGIN)
    lines = [line for sentence in says for line in wrapped(sentence, room, LABEL)]
    below = 0.06 + len(lines) * line_height(LABEL) + (0.06 if lines else 0)
    board = Board(
        room + 2 * MARGIN, top + height + 0.06 + line_height(SMALL) + below + MARGIN, title, provenance
    )
    board.picture(mosaic, left, top, width, height)
    if numbered:
        for index in range(tiles.used):
            row, column = divmod(index, columns)
            y = top + row * (tall * factor + gap_below) / DPI - NUMBER_LINE + 0.02
            _number(board, index, left + column * step / DPI, y, step / DPI, (marks or {}).get(index, FAINT))
    else:
        _number_rows(board, tiles, left, top, (tall * factor + gap) / DPI, marks or {})
    if tiles.by_channel:
        widest = text_width(str(columns - 1), NUMBER)
        every = next(
            stride for stride in (1, 2, 4, 8, 16, 32) if widest < stride * step / DPI or stride == 32
        )
        for channel in range(0, columns, every):
            _number(board, channel, left + channel * step / DPI, top - NUMBER_LINE, every * step / DPI)
    board.text(tiles.note, MARGIN, top + height + 0.06, width=room, size=SMALL, color=FAINT)
    for place, line in enumerate(lines):
        y = top + height + 0.12 + line_height(SMALL) + place * line_height(LABEL)
        board.text(line, MARGIN, y, width=room + 0.1, weight="normal")
    return board.figure


def _number(board: Board, number: int, left: float, top: float, width: float, color: str = FAINT) -> None:
    board.text(str(number), left, top, width=width, size=NUMBER, color=color)


def _number_rows(
    board: Board, tiles: _Tiles, left: float, top: float, step: float, marks: Mapping[int, str]
) -> None:
    """Writes the number of each row's first filter at its left."""
    rows, columns = tiles.pixels.shape[:2]
    every = max(1, int(np.ceil(NUMBER_LINE / step)))
    for row in range(0, rows, every):
        number = row if tiles.by_channel else row * columns
        y, width = top + row * step, left - MARGIN - 0.03
        board.text(
            str(number), MARGIN, y, width=width, size=NUMBER, color=marks.get(number, FAINT), align="right"
        )


def mosaic_array(kernels: Any, scale: Scale = "shared") -> Pixels:
    """Returns the mosaic with one pixel for each weight, tiles one pixel apart, as (h,w,3) uint8."""
    return _assemble(_tiles(kernels, scale), 1, 1)


def _tiles(kernels: Any, scale: Scale) -> _Tiles:
    values = np.asarray(kernels, np.float64)
    if values.ndim != 4 or not values.size:
        raise ShapeError(f"kernels of shape {values.shape}; expected (rows, columns, channels, filters)")
    if scale not in ("shared", "own"):
        raise UsageError(f"scale '{scale}'{nearest(scale, ('shared', 'own'))}")
    _, _, channels, filters = values.shape
    shown = values.transpose(3, 2, 0, 1)  # (K,C,R,S)
    note = ""
    if channels in (1, 3):
        used = filters
        columns = _columns(filters)
        empty = np.zeros((-filters % columns, *shown.shape[1:]))
        pictures = np.concatenate([shown, empty]).reshape(-1, columns, *shown.shape[1:])
    else:
        kept = shown[:MAX_FILTERS, :MAX_CHANNELS]
        used = kept.shape[0] * kept.shape[1]
        pictures = kept[:, :, None]  # (rows, columns, 1, R, S)
        note = f"a row a filter ({_of(len(kept), filters)}), a column a channel ({_of(kept.shape[1], channels)}); "
    largest = np.abs(shown).max()
    if scale == "own":
        limits = np.abs(pictures).max(axis=(2, 3, 4), keepdims=True)
        note += "grey is 0, each tile on its own scale"
    else:
        limits = np.full((1, 1, 1, 1, 1), largest)
        note += f"grey is 0, white +{largest:.3g}, black −{largest:.3g}"
    scaled = (pictures / np.where(limits > 0, limits, 1)).transpose(0, 1, 3, 4, 2)  # channels last
    flat = signed_as_rgb(scaled.reshape(-1, scaled.shape[3], scaled.shape[4]), 1.0)
    return _Tiles(flat.reshape(*scaled.shape[:4], 3), used, note, channels not in (1, 3))


def _of(shown: int, there: int) -> str:
    return f"all {there}" if shown == there else f"the first {shown} of {there}"


def _columns(count: int) -> int:
    """Returns the columns of a mosaic that is one to two times as wide as high, without an empty place if possible."""
    narrow = int(np.ceil(np.sqrt(count)))
    return next((columns for columns in range(narrow, 2 * narrow) if count % columns == 0), narrow)


def _enlargement(dots: int, tile: int) -> int:
    """Returns how many dots wide a weight is drawn: the mosaic is about 7 inches wide, no tile wider than 1 inch."""
    return max(1, min(7 * DPI // dots, DPI // tile))


def _assemble(tiles: _Tiles, gap: int, gap_below: int) -> Pixels:
    rows, columns, tall, wide, _ = tiles.pixels.shape
    mosaic = np.full((rows * (tall + gap_below) - gap_below, columns * (wide + gap) - gap, 3), 255, np.uint8)
    for index in range(tiles.used):
        row, column = divmod(index, columns)
        top, left = row * (tall + gap_below), column * (wide + gap)
        mosaic[top : top + tall, left : left + wide] = tiles.pixels[row, column]
    return mosaic
