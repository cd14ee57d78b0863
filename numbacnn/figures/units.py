"""Draws what excites the units of a layer (Zeiler and Fergus, 2013, figure 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

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
    line_height,
    signed_as_rgb,
    tile_side,
    title_height,
    title_width,
)
from .drawing import Drawing

if TYPE_CHECKING:
    from ..analysis.deconvnet import UnitPatches

SIDE = 0.46
GAP = 0.03
SPACE = 0.3
TINY = 4.5
"""Points, the size of the text under a patch."""

UNDER = 0.075
"""Inches that this text takes."""


def walked_as_rgb(walked: Any, inches: float) -> Pixels:
    """Returns a reconstruction (h,w,C) as a picture (h,w,3) uint8 for a place of `inches`: grey is 0, white (or a full
    colour) its largest values.

    A reconstruction that is larger than its place is averaged down before it is scaled; otherwise its dots of both
    signs would cancel to grey. The scale ignores a few largest values, so that single ones do not hide the rest.
    """
    values = _averaged(np.asarray(walked, np.float32), max(1, round(inches * DPI)))
    sizes = np.abs(values)
    return signed_as_rgb(values, float(np.percentile(sizes, 99.7)) or float(sizes.max()))


def _averaged(values: Any, dots: int) -> Any:
    """Returns the values (h,w,C) averaged to at most `dots` columns."""
    height, width, channels = values.shape
    if width <= dots:
        return values
    size = dots, max(1, round(height * dots / width))
    planes = [
        Image.fromarray(np.ascontiguousarray(values[..., channel])).resize(size, Image.Resampling.BOX)
        for channel in range(channels)
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=2)


def layer_units(
    units: Sequence[UnitPatches],
    title: str = "",
    *,
    classes: Sequence[Sequence[str]] = (),
    provenance: str = "",
) -> Drawing:
    """Returns a figure with, for each unit, a 3x3 block of reconstructions, in which grey is 0, beside the 3x3 patches
    that caused them.

    Each reconstruction has its own scale, and its activation stands below it. Below each patch stands its class, where
    `classes` has the classes of every unit's patches.
    """
    height, width = units[0].patches[0].shape[:2]
    side = tile_side(max(height, width), SIDE)
    wide, tall = side * width / max(height, width), side * height / max(height, width)
    block_x, block_y = 3 * (wide + GAP) - GAP, 3 * (tall + GAP + UNDER) - GAP
    panel = 2 * block_x + 0.08
    columns = min(len(units), 4)
    step_x, step_y = panel + SPACE, line_height(LABEL) + block_y + SPACE / 2
    top = MARGIN + title_height(title) + line_height(SMALL) + 0.08
    board_width = max(2 * MARGIN + columns * step_x - SPACE, 4.2, title_width(title))
    board = Board(
        board_width, top + -(-len(units) // columns) * step_y - SPACE / 2 + 0.04 + MARGIN, title, provenance
    )
    note = "left: walked back to pixels (grey is 0), with the activation; right: the part of the picture that caused it"
    if classes:
        note += ", with its class"
    board.text(
        note, MARGIN, MARGIN + title_height(title), width=board_width - 2 * MARGIN, size=SMALL, color=FAINT
    )
    for index, entry in enumerate(units):
        row, column = divmod(index, columns)
        left, upper = MARGIN + column * step_x, top + row * step_y
        board.text(f"unit {entry.unit}", left, upper, width=block_x)
        walked = [walked_as_rgb(values, wide) for values in entry.reconstructions]
        for block, pictures in enumerate((walked, entry.patches)):
            for place, picture in enumerate(pictures[:9]):
                down, across = divmod(place, 3)
                x = left + block * (block_x + 0.08) + across * (wide + GAP)
                y = upper + line_height(LABEL) + down * (tall + GAP + UNDER)
                board.picture(picture, x, y, wide, tall)
                words = f"{entry.activations[place]:.3g}" if block == 0 else ""
                if block and classes:
                    words = classes[index][place]
                board.text(words, x, y + tall + 0.008, width=wide, size=TINY, color=FAINT, align="center")
    return board.figure
