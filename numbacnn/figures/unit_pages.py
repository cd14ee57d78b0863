"""Draws units of several layers in one figure, layer by layer (Zeiler and Fergus, 2013, figure 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
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
from .units import walked_as_rgb

if TYPE_CHECKING:
    from ..analysis.deconvnet import UnitPatches

SIDE = 1.14
"""Inches of the longer side of a 3x3 grid."""
BETWEEN, SPACE = 0.05, 0.2
"""Inches between the two grids of a unit, and between two units."""
NUMBER = 6.0
"""Points, the size of a unit's number."""
LINE = 2
"""Dots between the pictures of a grid."""
NOTE = (
    "each unit: its nine strongest activations walked back to pixels, each on a scale of its own (grey is 0), and the "
    "parts of the pictures that caused them"
)


class LayerUnits(NamedTuple):
    """Some units of a layer, and the heading above them."""

    heading: str
    units: Sequence[UnitPatches]


def layers_page(
    layers: Sequence[LayerUnits], title: str = "", *, columns: int = 4, provenance: str = ""
) -> Drawing:
    """Returns a figure with each layer's units in rows of `columns`: a 3x3 grid of reconstructions beside the grid of
    the patches that caused them.
    """
    sizes = [_size(layer.units[0]) for layer in layers]
    step_x = 2 * SIDE + BETWEEN + SPACE
    columns = min(columns, max(len(layer.units) for layer in layers))
    heights = [
        line_height(LABEL) + _rows(layer, columns) * (line_height(NUMBER) + tall + 0.06)
        for layer, (_, tall) in zip(layers, sizes, strict=True)
    ]
    width = max(2 * MARGIN + columns * step_x - SPACE, title_width(title), 4.2)
    top = MARGIN + title_height(title)
    begin = top + line_height(SMALL) + 0.1
    between = 0.1
    board = Board(width, begin + sum(heights) + between * len(layers) + MARGIN, title, provenance)
    board.text(NOTE, MARGIN, top, width=width - 2 * MARGIN, size=SMALL, color=FAINT)
    for layer, (wide, tall), height in zip(layers, sizes, heights, strict=True):
        board.text(layer.heading, MARGIN, begin, width=width - 2 * MARGIN, weight="bold")
        for index, entry in enumerate(layer.units):
            row, column = divmod(index, columns)
            left = MARGIN + column * step_x
            upper = begin + line_height(LABEL) + row * (line_height(NUMBER) + tall + 0.06)
            board.text(f"unit {entry.unit}", left, upper, width=SIDE, size=NUMBER, color=FAINT)
            walked = [walked_as_rgb(values, wide / 3) for values in entry.reconstructions]
            patches = [_smaller(as_rgb(patch), wide / 3) for patch in entry.patches]
            for place, pictures in enumerate((walked, patches)):
                x = left + place * (wide + BETWEEN)
                board.picture(_grid(pictures, wide), x, upper + line_height(NUMBER), wide, tall)
        begin += height + between
    return board.figure


def _size(entry: UnitPatches) -> tuple[float, float]:
    """Returns (width, height) in inches of a grid of such patches."""
    tall, wide = np.shape(entry.patches[0])[:2]
    return SIDE * wide / max(tall, wide), SIDE * tall / max(tall, wide)


def _rows(layer: LayerUnits, columns: int) -> int:
    return -(-len(layer.units) // columns)


def _smaller(picture: Pixels, inches: float) -> Pixels:
    """Returns the picture, averaged down if it has more columns than its place has dots."""
    height, width = picture.shape[:2]
    dots = max(1, round(inches * DPI))
    if width <= dots:
        return picture
    size = dots, max(1, round(height * dots / width))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))


def _grid(pictures: Sequence[Any], inches: float) -> Pixels:
    """Returns up to nine pictures as one, with white lines between them; small ones are enlarged by a whole factor."""
    tall, wide = pictures[0].shape[:2]
    factor = max(1, round(inches * DPI / 3 / wide))
    high, broad = tall * factor, wide * factor
    grid = np.full((3 * high + 2 * LINE, 3 * broad + 2 * LINE, 3), 255, np.uint8)
    for place, picture in enumerate(pictures[:9]):
        row, column = divmod(place, 3)
        top, left = row * (high + LINE), column * (broad + LINE)
        enlarged = np.asarray(picture).repeat(factor, axis=0).repeat(factor, axis=1)
        grid[top : top + high, left : left + broad] = enlarged
    return grid
