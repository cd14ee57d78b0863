"""A picture and those that a network takes for alike (Krizhevsky et al., 2012, figure 4, right)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .board import LABEL, MARGIN, RULE, SMALL, Board, line_height
from .drawing import Drawing

SIDE = 1.3
GAP = 0.14
BELOW = 0.05
"""Between a picture and its caption."""
COLUMNS = 6


def neighbours(
    query: Any, pictures: Sequence[Any], captions: Sequence[str], *, provenance: str = ""
) -> Drawing:
    """The query (h,w,C) at the left, and right of a line the pictures, the nearest first, each with its caption below."""
    columns = min(len(pictures), COLUMNS)
    line = line_height(SMALL)
    step = SIDE + BELOW + line + GAP
    rows = -(-len(pictures) // columns)
    begin = MARGIN + SIDE + 2 * GAP
    above = line_height(LABEL)
    board = Board(
        begin + columns * (SIDE + GAP) - GAP + MARGIN,
        2 * MARGIN + above + rows * step - GAP,
        provenance=provenance,
    )
    board.text("the picture", MARGIN, MARGIN, width=SIDE, align="center")
    board.text("the nearest, and their distances", begin, MARGIN, width=columns * (SIDE + GAP) - GAP)
    board.picture(query, MARGIN, MARGIN + above, SIDE, SIDE)
    board.bar(MARGIN + SIDE + GAP - 0.005, MARGIN, 0.01, above + rows * step - GAP, RULE)
    for index, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        row, column = divmod(index, columns)
        left, top = begin + column * (SIDE + GAP), MARGIN + above + row * step
        board.picture(picture, left, top, SIDE, SIDE)
        board.text(caption, left, top + SIDE + BELOW, width=SIDE, size=SMALL, align="center")
    return board.figure
