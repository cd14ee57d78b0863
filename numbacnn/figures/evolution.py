"""Draws units of a layer from epoch to epoch (Zeiler and Fergus, 2013, figure 4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from .board import FAINT, LABEL, MARGIN, SMALL, Board, as_rgb, line_height, title_height, title_width
from .drawing import Drawing
from .units import walked_as_rgb

if TYPE_CHECKING:
    from ..analysis.evolution import Stage

SIDE = 0.62
GAP = 0.04
NOTE = "each unit's strongest activation in all pictures, walked back to pixels (grey is 0), above what caused it"


class _Sizes(NamedTuple):
    wide: float
    tall: float


def layer_evolution(stages: Sequence[Stage], title: str = "", *, provenance: str = "") -> Drawing:
    """Returns a figure with a row for each unit and a column for each epoch; each cell has the reconstruction above the
    patch that caused it.
    """
    units = stages[0].units
    height, width = units[0].patches[0].shape[:2]
    size = _Sizes(SIDE * width / max(height, width), SIDE * height / max(height, width))
    label = 0.62
    blocks = 2 if len(units) > 4 and len(stages) <= 8 else 1
    block = label + len(stages) * (size.wide + GAP) + 0.2
    rows = -(-len(units) // blocks)
    step = 2 * size.tall + GAP + 0.1
    board_width = max(2 * MARGIN + blocks * block - 0.2, title_width(title), 4.2)
    top = MARGIN + title_height(title)
    begin = top + line_height(SMALL) + 0.08
    board = Board(board_width, begin + line_height(SMALL) + rows * step - 0.1 + MARGIN, title, provenance)
    board.text(NOTE, MARGIN, top, width=board_width - 2 * MARGIN, size=SMALL, color=FAINT)
    for place in range(blocks):
        for column, stage in enumerate(stages):
            left = MARGIN + place * block + label + column * (size.wide + GAP)
            heading = f"epoch {stage.epoch}" if column == 0 else str(stage.epoch)
            board.text(heading, left, begin, width=size.wide + GAP, size=SMALL, color=FAINT, align="center")
    for index, unit in enumerate(units):
        place, row = divmod(index, rows)
        left, upper = MARGIN + place * block, begin + line_height(SMALL) + row * step
        board.text(f"unit {unit.unit}", left, upper + size.tall - 0.06, width=label, size=LABEL)
        for column, stage in enumerate(stages):
            own, x = stage.units[index], left + label + column * (size.wide + GAP)
            board.picture(walked_as_rgb(own.reconstructions[0], size.wide), x, upper, *size)
            board.picture(as_rgb(own.patches[0]), x, upper + size.tall + GAP / 2, *size)
    return board.figure
