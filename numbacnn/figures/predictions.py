"""Draws a network's predictions: each picture with its likeliest classes as bars (Krizhevsky et al., 2012, figure 4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .board import LABEL, MARGIN, SMALL, Board, line_height, tile_side
from .drawing import Drawing

WIDTH = 2.2
PICTURE = 1.6
GAP = 0.22
BAR = 0.17
LEGEND = 0.24
RIGHT, OTHER, TRACK = "#F3B95F", "#9CCDEB", "#F2F2F2"
"""Orange and sky blue of Okabe and Ito, lightened so that text can be read on them, and the colour behind the bars."""


def predictions(
    images: Any,
    class_names: Sequence[str],
    probabilities: Any,
    captions: Sequence[str] | None = None,
    labels: Sequence[int | None] | Any = None,
    top: int = 5,
    *,
    provenance: str = "",
) -> Drawing:
    """Returns a figure of pictures (h,w,C), of any sizes, above the bars of their `top` likeliest classes;
    probabilities are (N, classes).

    Where `labels` has the true class's index, that class's bar is orange and its name stands over the picture, before
    the caption; a legend below says so.
    """
    probabilities = np.asarray(probabilities)
    top = min(top, len(class_names))
    columns = min(len(images), 4)
    line = line_height(LABEL)
    step = line + PICTURE + 0.08 + top * (BAR + 0.03) + GAP
    rows = -(-len(images) // columns)
    legend = LEGEND if labels is not None and any(label is not None for label in labels) else 0.0
    board = Board(
        2 * MARGIN + columns * (WIDTH + GAP) - GAP,
        2 * MARGIN + rows * step - GAP + legend,
        provenance=provenance,
    )
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        left, upper = MARGIN + column * (WIDTH + GAP), MARGIN + row * step
        label = None if labels is None else labels[index]
        words = [] if label is None else [class_names[label]]
        words += [captions[index]] if captions else []
        board.text(" · ".join(words), left, upper, width=WIDTH, align="center")
        side = tile_side(max(np.shape(image)[:2]), PICTURE)
        board.picture(
            image,
            left + (WIDTH - side) / 2,
            upper + line + max(0.0, (PICTURE - side) / 2),
            side,
            min(side, PICTURE),
        )
        order = np.argsort(-probabilities[index], kind="stable")[:top]
        for place, choice in enumerate(order):
            share = float(probabilities[index, choice])
            y = upper + line + PICTURE + 0.08 + place * (BAR + 0.03)
            _bar(board, left, y, class_names[choice], share, RIGHT if choice == label else OTHER)
    if legend:
        _legend(board, MARGIN + rows * step - GAP + 0.1)
    return board.figure


def _legend(board: Board, top: float) -> None:
    left = MARGIN
    for color, text in ((RIGHT, "the true class"), (OTHER, "another class")):
        board.bar(left, top + 0.01, 0.16, 0.1, color)
        board.text(text, left + 0.22, top, width=WIDTH / 2, size=SMALL)
        left += WIDTH / 2


def _bar(board: Board, left: float, top: float, name: str, share: float, color: str) -> None:
    board.bar(left, top, WIDTH, BAR, TRACK)
    board.bar(left, top, WIDTH * share, BAR, color)
    board.text(name, left + 0.05, top + 0.035, width=WIDTH - 0.6, size=SMALL)
    board.text(f"{100 * share:.1f} %", left, top + 0.035, width=WIDTH - 0.05, size=SMALL, align="right")
