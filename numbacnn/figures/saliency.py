"""Draws which pixels a class depends on, beside the picture and laid over it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from .board import FAINT, LABEL, MARGIN, SMALL, Board, as_rgb, line_height, tile_side
from .drawing import Drawing
from .heat import WHOLE, heat_and_overlay

SIDE, PHOTOGRAPH = 1.6, 2.6
"""Inches of a picture's longer side: of a picture in the network's size, and of a photograph that is larger."""

GAP = 0.06


def saliency_panel(
    images: Any,
    maps: Any,
    captions: Sequence[str],
    *,
    method: str = "saliency",
    signed: bool = False,
    view: Literal["side-by-side", "overlay"] = "side-by-side",
    parts: Sequence[tuple[float, float, float, float]] = (),
    provenance: str = "",
) -> Drawing:
    """Returns a figure with three pictures for each of `images` (h,w,C), of any sizes: the picture, its map (H,W), and
    the map laid over it; with view "overlay" the last alone.

    Each map has its own scale and covers the part of its picture that the network saw, by default all of it
    (`heat.heat_and_overlay`). Maps of a `signed` method are red where they are positive and blue where they are
    negative. Captions may have several lines.
    """
    headers = ("picture", f"{method}{': red for, blue against' if signed else ''}", "laid over")
    parts = parts or [WHOLE] * len(images)
    overlay = view == "overlay"
    shown = 1 if overlay else 3
    blocks = min(len(images), 4) if overlay else 1 if len(images) <= 3 else 2
    lines = [caption.split("\n") for caption in captions]
    text_height = max(map(len, lines)) * line_height(LABEL) + 0.02
    larger = any(
        np.shape(image)[:2] != np.shape(values)[:2] for image, values in zip(images, maps, strict=True)
    )
    cells = [_cell(np.shape(image)[:2], PHOTOGRAPH if larger else SIDE) for image in images]
    wide, tall = max(cell[0] for cell in cells), max(cell[1] for cell in cells)
    block = shown * (wide + GAP) - GAP
    rows = -(-len(images) // blocks)
    header = 0.0 if overlay else line_height(SMALL)
    between = 0.25 if overlay else 0.4
    step = text_height + tall + 0.15
    board = Board(
        2 * MARGIN + blocks * (block + between) - between,
        2 * MARGIN + header + rows * step - 0.15,
        provenance=provenance,
    )
    for index, (image, values, part) in enumerate(zip(images, maps, parts, strict=True)):
        row, column = divmod(index, blocks)
        left, top = MARGIN + column * (block + between), MARGIN + header + row * step
        if row == 0 and not overlay:
            for place, name in enumerate(headers):
                x = left + place * (wide + GAP)
                board.text(name, x, MARGIN, width=wide, size=SMALL, color=FAINT, align="center")
        for number, text in enumerate(lines[index]):
            board.text(text, left, top + number * line_height(LABEL), width=block)
        heat, laid = heat_and_overlay(image, values, part, signed=signed)
        for place, picture in enumerate((laid,) if overlay else (as_rgb(image), heat, laid)):
            board.picture(picture, left + place * (wide + GAP), top + text_height, wide, tall)
    return board.figure


def _cell(size: tuple[int, ...], inches: float) -> tuple[float, float]:
    """Returns (width, height) in inches of the place of a picture."""
    height, width = size
    side = tile_side(max(height, width), inches)
    return side * width / max(height, width), side * height / max(height, width)
