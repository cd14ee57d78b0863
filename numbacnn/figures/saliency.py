"""Which pixels a class depends on, beside the picture and laid over it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from .board import FAINT, LABEL, MARGIN, SMALL, Board, Pixels, as_rgb, line_height, tile_side

SIDE = 1.6
GAP = 0.06
HEADERS = ("picture", "saliency", "laid over")


def saliency_panel(images: Any, maps: Any, captions: Sequence[str]) -> Figure:
    """Three pictures for each of `images` (N,H,W,C): it, its map (N,H,W) from 0, and the map laid over it.

    Each map has a scale of its own, up to its 99.5th percentile. Captions may be of several lines.
    """
    blocks = 1 if len(images) <= 3 else 2
    lines = [caption.split("\n") for caption in captions]
    text_height = max(map(len, lines)) * line_height(LABEL) + 0.02
    height, width = np.shape(images[0])[:2]
    side = tile_side(max(height, width), SIDE)
    wide, tall = side * width / max(height, width), side * height / max(height, width)
    block = 3 * wide + 2 * GAP
    rows = -(-len(images) // blocks)
    header = line_height(SMALL)
    between = 0.4
    step = text_height + tall + 0.15
    board = Board(2 * MARGIN + blocks * (block + between) - between, 2 * MARGIN + header + rows * step - 0.15)
    for index, (image, values) in enumerate(zip(images, maps, strict=True)):
        row, column = divmod(index, blocks)
        left, top = MARGIN + column * (block + between), MARGIN + header + row * step
        if row == 0:
            for place, name in enumerate(HEADERS):
                x = left + place * (wide + GAP)
                board.text(name, x, MARGIN, width=wide, size=SMALL, color=FAINT, align="center")
        for number, text in enumerate(lines[index]):
            board.text(text, left, top + number * line_height(LABEL), width=block)
        for place, picture in enumerate(_triple(as_rgb(image), np.asarray(values))):
            board.picture(picture, left + place * (wide + GAP), top + text_height, wide, tall)
    return board.figure


def _triple(image: Pixels, values: Any) -> tuple[Pixels, Pixels, Pixels]:
    limit = np.percentile(values, 99.5) or values.max() or 1.0
    strength = np.clip(values / limit, 0, 1)
    heat = colormaps["inferno"](strength)[..., :3]
    grey = image @ np.array([0.299, 0.587, 0.114]) / 255
    faded = np.repeat((0.35 + 0.65 * grey)[..., None], 3, axis=2)
    # The square root keeps what is weak visible under a map that is mostly weak.
    weight = np.sqrt(strength)[..., None]
    return (
        image,
        as_rgb(heat),
        as_rgb((1 - weight) * faded + weight * colormaps["inferno"](strength)[..., :3]),
    )
