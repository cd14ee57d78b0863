"""What excites the units of a layer (Zeiler and Fergus, 2013, figure 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from matplotlib.figure import Figure

from .board import (
    FAINT,
    LABEL,
    MARGIN,
    SMALL,
    Board,
    line_height,
    signed_as_rgb,
    tile_side,
    title_height,
    title_width,
)

SIDE = 0.42
GAP = 0.02
SPACE = 0.3


class UnitPatches(Protocol):
    """A unit's strongest activations, the patches (h,w,C) behind them and their reconstructions, best first."""

    @property
    def unit(self) -> int: ...
    @property
    def activations(self) -> Any: ...
    @property
    def patches(self) -> Sequence[Any]: ...
    @property
    def reconstructions(self) -> Sequence[Any]: ...


def layer_units(units: Sequence[UnitPatches], title: str = "") -> Figure:
    """For each unit a 3x3 block of reconstructions, grey being 0, beside the 3x3 patches that caused them.

    Each reconstruction has a scale of its own.
    """
    height, width = units[0].patches[0].shape[:2]
    side = tile_side(max(height, width), SIDE)
    wide, tall = side * width / max(height, width), side * height / max(height, width)
    block_x, block_y = 3 * (wide + GAP) - GAP, 3 * (tall + GAP) - GAP
    panel = 2 * block_x + 0.08
    columns = min(len(units), 4)
    step_x, step_y = panel + SPACE, line_height(LABEL) + block_y + SPACE / 2
    top = MARGIN + title_height(title) + line_height(SMALL) + 0.08
    board_width = max(2 * MARGIN + columns * step_x - SPACE, 4.2, title_width(title))
    board = Board(board_width, top + -(-len(units) // columns) * step_y - SPACE / 2 + MARGIN, title)
    note = "left: walked back to pixels (grey is 0); right: the parts of pictures that caused it"
    board.text(
        note, MARGIN, MARGIN + title_height(title), width=board_width - 2 * MARGIN, size=SMALL, color=FAINT
    )
    for index, entry in enumerate(units):
        row, column = divmod(index, columns)
        left, upper = MARGIN + column * step_x, top + row * step_y
        board.text(f"unit {entry.unit}", left, upper, width=block_x)
        strength = f"up to {np.max(entry.activations):.3g}"
        board.text(strength, left, upper, width=panel, size=SMALL, color=FAINT, align="right")
        walked = [signed_as_rgb(values, np.abs(values).max()) for values in entry.reconstructions]
        for block, pictures in enumerate((walked, entry.patches)):
            for place, picture in enumerate(pictures[:9]):
                down, across = divmod(place, 3)
                x = left + block * (block_x + 0.08) + across * (wide + GAP)
                y = upper + line_height(LABEL) + down * (tall + GAP)
                board.picture(picture, x, y, wide, tall)
    return board.figure
