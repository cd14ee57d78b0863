"""Draws pictures beside those that a network finds most alike (Krizhevsky et al., 2012, figure 4, right)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .board import INK, LABEL, MARGIN, RULE, SMALL, VERMILLION, Board, line_height, title_height, title_width
from .drawing import Drawing

SIDE = 1.3
SMALLER = 0.85
"""Inches of a picture where there are several queries."""
GAP = 0.14
BELOW = 0.05
"""Inches between a picture and its caption."""
COLUMNS = 6


class Neighbourhood(NamedTuple):
    """A query (h,w,C) and the pictures nearest to it, nearest first, each with a caption.

    `others` says for each of them whether its class differs from the query's.
    """

    query: Any
    name: str
    pictures: Sequence[Any]
    captions: Sequence[str]
    others: Sequence[bool]


def neighbours(
    query: Any, pictures: Sequence[Any], captions: Sequence[str], *, provenance: str = ""
) -> Drawing:
    """Returns a figure of the query (h,w,C) at the left and, right of a line, the pictures, nearest first, each with
    its caption below.
    """
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


def neighbour_rows(rows: Sequence[Neighbourhood], title: str = "", *, provenance: str = "") -> Drawing:
    """Returns a figure with a row for each query: the query at the left and, right of a line, the pictures nearest to
    it. Captions of pictures of another class are red.
    """
    columns = max(len(row.pictures) for row in rows)
    step = SMALLER + BELOW + line_height(SMALL) + 0.1
    begin, top = MARGIN + SMALLER + 2 * GAP, MARGIN + title_height(title)
    board = Board(
        max(begin + columns * (SMALLER + GAP) - GAP + MARGIN, title_width(title)),
        top + len(rows) * step + MARGIN,
        title,
        provenance,
    )
    board.bar(MARGIN + SMALLER + GAP - 0.005, top, 0.01, len(rows) * step - 0.1, RULE)
    for row in rows:
        shown = [
            (row.query, row.name, False),
            *zip(row.pictures, row.captions, row.others, strict=True),
        ]
        for place, (picture, caption, other) in enumerate(shown):
            left = MARGIN if place == 0 else begin + (place - 1) * (SMALLER + GAP)
            board.picture(picture, left, top, SMALLER, SMALLER)
            board.text(
                caption, left, top + SMALLER + BELOW, width=SMALLER + GAP / 2, size=SMALL,
                color=VERMILLION if other else INK,
            )  # fmt: skip
        top += step
    return board.figure
