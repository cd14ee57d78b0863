"""Which pixels a class depends on, beside the picture and laid over it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib import colormaps
from PIL import Image

from .board import FAINT, LABEL, MARGIN, SMALL, Board, Pixels, as_rgb, line_height, tile_side
from .drawing import Drawing

SIDE, PHOTOGRAPH = 1.6, 2.6
"""Inches of a picture's longer side: of what a network sees, and of photographs that are larger than that."""

GAP = 0.06
HEADERS = ("picture", "saliency", "laid over")


class Part(NamedTuple):
    """What a network saw of a picture: rows and columns from, to, as shares of its height and width."""

    top: float
    left: float
    bottom: float
    right: float


WHOLE = Part(0.0, 0.0, 1.0, 1.0)


def saliency_panel(
    images: Any,
    maps: Any,
    captions: Sequence[str],
    *,
    parts: Sequence[tuple[float, float, float, float]] = (),
    provenance: str = "",
) -> Drawing:
    """Three pictures for each of `images` (h,w,C), of any sizes: it, its map (H,W) from 0, and the map laid over it.

    Each map has a scale of its own, up to its 99.5th percentile, and lies over the part of its picture that the network
    saw, by default all of it; what the network did not see is pale. Captions may be of several lines.
    """
    parts = parts or [WHOLE] * len(images)
    blocks = 1 if len(images) <= 3 else 2
    lines = [caption.split("\n") for caption in captions]
    text_height = max(map(len, lines)) * line_height(LABEL) + 0.02
    larger = any(
        np.shape(image)[:2] != np.shape(values)[:2] for image, values in zip(images, maps, strict=True)
    )
    cells = [_cell(np.shape(image)[:2], PHOTOGRAPH if larger else SIDE) for image in images]
    wide, tall = max(cell[0] for cell in cells), max(cell[1] for cell in cells)
    block = 3 * wide + 2 * GAP
    rows = -(-len(images) // blocks)
    header = line_height(SMALL)
    between = 0.4
    step = text_height + tall + 0.15
    board = Board(
        2 * MARGIN + blocks * (block + between) - between,
        2 * MARGIN + header + rows * step - 0.15,
        provenance=provenance,
    )
    for index, (image, values, part) in enumerate(zip(images, maps, parts, strict=True)):
        row, column = divmod(index, blocks)
        left, top = MARGIN + column * (block + between), MARGIN + header + row * step
        if row == 0:
            for place, name in enumerate(HEADERS):
                x = left + place * (wide + GAP)
                board.text(name, x, MARGIN, width=wide, size=SMALL, color=FAINT, align="center")
        for number, text in enumerate(lines[index]):
            board.text(text, left, top + number * line_height(LABEL), width=block)
        for place, picture in enumerate(_triple(as_rgb(image), np.asarray(values), Part(*part))):
            board.picture(picture, left + place * (wide + GAP), top + text_height, wide, tall)
    return board.figure


def _cell(size: tuple[int, ...], inches: float) -> tuple[float, float]:
    """(width, height) in inches of a picture's place."""
    height, width = size
    side = tile_side(max(height, width), inches)
    return side * width / max(height, width), side * height / max(height, width)


def _triple(image: Pixels, values: Any, part: Part) -> tuple[Pixels, Pixels, Pixels]:
    limit = np.percentile(values, 99.5) or values.max() or 1.0
    strength, seen = _over(np.clip(values / limit, 0, 1).astype(np.float32), image.shape[:2], part)
    heat = colormaps["inferno"](strength)[..., :3]
    grey = image @ np.array([0.299, 0.587, 0.114]) / 255
    faded = np.repeat((0.35 + 0.65 * grey)[..., None], 3, axis=2)
    # The square root keeps what is weak visible under a map that is mostly weak.
    weight = np.sqrt(strength)[..., None]
    unseen = ~seen[..., None]
    return (
        image,
        as_rgb(np.where(unseen, 1.0, heat)),
        as_rgb(np.where(unseen, 0.6 + 0.4 * faded, (1 - weight) * faded + weight * heat)),
    )


def _over(strength: Any, size: tuple[int, int], part: Part) -> tuple[Any, Any]:
    """A map (H,W) on a picture of `size`: its values, smooth where it is enlarged and 0 where there is none, and where."""
    if strength.shape == size:
        return strength, np.ones(size, bool)
    rows, columns = size
    top, bottom = round(part.top * rows), round(part.bottom * rows)
    left, right = round(part.left * columns), round(part.right * columns)
    inside = Image.fromarray(strength).resize((right - left, bottom - top), Image.Resampling.BILINEAR)
    placed, seen = np.zeros(size, np.float32), np.zeros(size, bool)
    placed[top:bottom, left:right] = np.clip(np.asarray(inside), 0, 1)
    seen[top:bottom, left:right] = True
    return placed, seen
