"""Draws pictures in rows and columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .board import MARGIN, SMALL, Board, line_height, tile_side, title_height, title_width
from .drawing import Drawing

GAP = 0.05


def image_grid(
    images: Any,
    captions: Sequence[str] | None = None,
    columns: int = 10,
    title: str = "",
    *,
    side: float | None = None,
    provenance: str = "",
) -> Drawing:
    """Returns a figure of pictures (N,H,W,C), uint8 or float in [0, 1], each with a caption below it if `captions` are
    given.

    The longer side of each picture is about `side` inches (None: 0.8; 2 for a single picture).
    """
    count = len(images)
    columns = max(1, min(columns, count))
    height, width = np.shape(images[0])[:2]
    side = tile_side(max(height, width), side or (0.8 if count > 1 else 2.0))
    wide, tall = side * width / max(height, width), side * height / max(height, width)
    line = line_height(SMALL) if captions else 0.0
    step_x, step_y = max(wide, 0.55 if captions else 0.0) + GAP, tall + line + GAP
    top = MARGIN + title_height(title)
    board = Board(
        max(2 * MARGIN + columns * step_x - GAP, title_width(title) if title else 0.0),
        top + -(-count // columns) * step_y - GAP + MARGIN,
        title,
        provenance,
    )
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        left, upper = MARGIN + column * step_x, top + row * step_y
        board.picture(image, left, upper, step_x - GAP, tall)
        if captions:
            board.text(
                captions[index], left, upper + tall + 0.015, width=step_x - GAP, size=SMALL, align="center"
            )
    return board.figure
