"""Draws where a filter fits on a picture, stride by stride."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.patches import Rectangle

from .board import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    LABEL,
    MARGIN,
    SMALL,
    VERMILLION,
    Board,
    line_height,
    title_height,
    title_width,
    wrapped,
)
from .drawing import Drawing

if TYPE_CHECKING:
    from ..analysis.spatial import Placement

SIDE = 1.9
"""Inches of a picture with its padding."""
STEP = 0.13
"""Inches from one position's line to the next."""
SPACE = 0.45
NARROWEST = 2.5


def spatial(
    placements: Sequence[Placement], remedies: Sequence[str], title: str = "", *, provenance: str = ""
) -> Drawing:
    """Returns a figure with a column for each placement: the picture with the filter at its first position, below it
    one line for each position, and the verdict.

    A position that overhangs the border is red. `remedies` has one text for each placement that says what would fit.
    """
    column = max(SIDE, NARROWEST)
    lines = max(len(each.starts) + (not each.fits) for each in placements)
    texts = [wrapped(text, column, SMALL) for text in remedies]
    rows = max(len(text) for text in texts)
    top = MARGIN + title_height(title)
    heading = 2 * line_height(LABEL) + 0.05
    height = heading + SIDE + 0.12 + lines * STEP + 0.1 + line_height(LABEL) * 1.2 + rows * line_height(SMALL)
    width = max(2 * MARGIN + len(placements) * (column + SPACE) - SPACE, title_width(title))
    board = Board(width, top + height + MARGIN, title, provenance)
    for number, (each, text) in enumerate(zip(placements, texts, strict=True)):
        left = MARGIN + number * (column + SPACE)
        padded = f", padding {each.padding}" if each.padding else ""
        board.text(f"stride {each.stride}{padded}", left, top, width=column, weight="bold")
        board.text(
            f"{each.size}x{each.size} picture, {each.filter}x{each.filter} filter",
            left, top + line_height(LABEL), width=column, size=SMALL, color=FAINT,
        )  # fmt: skip
        begin = top + heading
        cell = SIDE / (each.size + 2 * each.padding)
        _grid(board, each, left, begin, cell)
        y = begin + SIDE + 0.12
        _positions(board, each, left, y, cell)
        y += lines * STEP + 0.1
        color = GREEN if each.fits else VERMILLION
        verdict = "fits" if each.fits else "doesn't fit!"
        board.text(each.formula, left, y, width=column, size=LABEL)
        board.text(verdict, left, y, width=column, size=LABEL, color=color, weight="bold", align="right")
        for line, words in enumerate(text):
            lower = y + line_height(LABEL) * 1.2 + line * line_height(SMALL)
            board.text(words, left, lower, width=column, size=SMALL, color=INK)
    return board.figure


def _grid(board: Board, each: Placement, left: float, top: float, cell: float) -> None:
    whole = each.size + 2 * each.padding
    for row in range(whole):
        for column in range(whole):
            inside = all(each.padding <= place < each.padding + each.size for place in (row, column))
            covered = row < each.filter and column < each.filter and each.starts
            board.axes.add_patch(
                Rectangle(
                    (left + column * cell, top + row * cell), cell, cell,
                    facecolor="#9CCBE8" if covered else "white" if inside else "#EBEBEB",
                    edgecolor="#888888" if inside else "#BBBBBB", linewidth=0.7,
                )
            )  # fmt: skip


def _positions(board: Board, each: Placement, left: float, top: float, cell: float) -> None:
    """Draws a line for each position, from its first cell to its last, and at last the position that does not fit."""
    border = each.size + each.padding
    following = (each.starts[-1] + each.stride) if each.starts else -each.padding
    for line, start in enumerate((*each.starts, *(() if each.fits else (following,)))):
        over = start + each.filter > border
        x, y = left + (start + each.padding) * cell, top + line * STEP
        wide = min(each.filter * cell, NARROWEST - (start + each.padding) * cell)
        patch = Rectangle(
            (x + 0.01, y), max(wide - 0.02, 0.02), STEP * 0.6,
            facecolor="none" if over else BLUE, edgecolor=VERMILLION if over else BLUE,
            linestyle="--" if over else "-", linewidth=1.0,
        )  # fmt: skip
        board.axes.add_patch(patch)
    x = left + (each.size + 2 * each.padding) * cell
    lines = len(each.starts) + (not each.fits)
    board.axes.plot((x, x), (top - 0.06, top + lines * STEP), color=INK, linewidth=0.8)
