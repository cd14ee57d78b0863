"""Draws the volumes that a picture becomes, as the lecture does: maps behind maps, layer after layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib import colormaps
from PIL import Image

from .board import (
    DPI,
    FAINT,
    LABEL,
    MARGIN,
    SMALL,
    Board,
    Pixels,
    as_rgb,
    line_height,
    title_height,
    title_width,
)
from .drawing import Drawing

SIDE = 0.95
STEP = 0.075
"""Inches by which each map stands behind the one before it."""
MAPS = 8
EDGE = 2
"""Dots of the white edge around a map."""
COLUMNS, ALL_IN_A_ROW = 8, 10
GAP = 0.22
NOTE = "of each layer its strongest maps, the strongest in front; bright: active (a scale a layer)"


class Volume(NamedTuple):
    """A layer's name and its output for one picture: (H,W,C) or flat (D)."""

    name: str
    values: Any


def activation_volumes(
    image: Any, layers: Sequence[Volume], says: Sequence[str] = (), title: str = "", *, provenance: str = ""
) -> Drawing:
    """Returns a figure of the picture (h,w,C) followed by every layer: the strongest maps of a volume one behind the
    other, a flat output as a column.

    `says` are lines below the picture, such as the network's answer.
    """
    cell = SIDE + (MAPS - 1) * STEP
    count = len(layers) + 1
    columns = count if count <= ALL_IN_A_ROW else COLUMNS
    text = 2 * line_height(SMALL)
    step = cell + text + 0.1
    rows = -(-count // columns)
    top = MARGIN + title_height(title)
    width = max(2 * MARGIN + columns * (cell + GAP) - GAP, title_width(title), 5.0)
    begin = top + line_height(SMALL) + 0.08
    board = Board(width, begin + rows * step + len(says) * line_height(SMALL) + MARGIN, title, provenance)
    board.text(NOTE, MARGIN, top, width=width - 2 * MARGIN, size=SMALL, color=FAINT)
    for place in range(count):
        row, column = divmod(place, columns)
        left, upper = MARGIN + column * (cell + GAP), begin + row * step
        below = upper + cell + 0.02
        if place == 0:
            board.picture(image, left, upper + cell - SIDE, SIDE, SIDE)
            heading, shape = "the picture", np.shape(image)
        else:
            heading, values = layers[place - 1]
            shape = np.shape(values)
            _volume(board, np.asarray(values), left, upper, cell)
        board.text(heading, left, below, width=cell + GAP / 2, size=LABEL)
        size = "x".join(map(str, shape)) + ("" if len(shape) == 3 else " numbers")
        board.text(size, left, below + line_height(LABEL), width=cell, size=SMALL, color=FAINT)
    for place, line in enumerate(says):
        y = begin + rows * step + place * line_height(SMALL)
        board.text(line, MARGIN, y, width=width - 2 * MARGIN, size=SMALL)
    return board.figure


def _volume(board: Board, values: Any, left: float, upper: float, cell: float) -> None:
    low, high = min(0.0, float(values.min())), float(values.max())
    scaled = (values - low) / ((high - low) or 1.0)
    if values.ndim == 1 or values.shape[:2] == (1, 1):
        _column(board, scaled.ravel(), left, upper, cell)
        return
    order = np.argsort(-values.max(axis=(0, 1)), kind="stable")[:MAPS]
    height, width = values.shape[:2]
    wide, tall = SIDE * width / max(height, width), SIDE * height / max(height, width)
    for depth in reversed(range(len(order))):
        x = left + depth * STEP
        y = upper + cell - tall - depth * STEP
        board.picture(_sheet(scaled[..., order[depth]], wide), x, y, wide, tall)


def _sheet(values: Any, inches: float) -> Pixels:
    """Returns a map at the resolution at which it is drawn, with a white edge that sets it off from the map behind it."""
    dots = max(1, round(inches * DPI))
    height, width = values.shape
    size = dots, max(1, round(dots * height / width))
    how = Image.Resampling.NEAREST if width < dots else Image.Resampling.BOX
    pixels = np.array(Image.fromarray(_coloured(values)).resize(size, how))
    for edge in (pixels[:EDGE], pixels[-EDGE:], pixels[:, :EDGE], pixels[:, -EDGE:]):
        edge[...] = 255
    return pixels


def _column(board: Board, scaled: Any, left: float, upper: float, cell: float) -> None:
    """Draws a flat output as a column of numbers, or as several columns if it is long."""
    folds = max(1, int(np.ceil(len(scaled) / 64)))
    rows = -(-len(scaled) // folds)
    padded = np.full(rows * folds, np.nan)
    padded[: len(scaled)] = scaled
    pixels = _coloured(np.nan_to_num(padded).reshape(folds, rows).T)
    pixels[np.isnan(padded).reshape(folds, rows).T] = 255
    high = min(cell, 0.12 * rows)
    pixels = pixels.repeat(max(1, round(0.12 * rows / high / folds)), axis=1)
    board.picture(pixels, left, upper + cell - high, high * pixels.shape[1] / rows, high)


def _coloured(values: Any) -> Pixels:
    return as_rgb(colormaps["viridis"](np.clip(values, 0, 1))[..., :3])
