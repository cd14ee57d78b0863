"""Draws a network as the lecture's volumes: boxes as high as the maps and as deep as there are channels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.colors import to_rgb
from matplotlib.patches import FancyArrowPatch, Polygon

from .board import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    MARGIN,
    ORANGE,
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
    from ..analysis.outline import Outlined

COLORS = {
    "input": "#9A9A9A",
    "convolution": BLUE,
    "pool": GREEN,
    "block": ORANGE,
    "dense": VERMILLION,
    "other": "#B5A46B",
}
WORDS = {
    "input": "pictures",
    "convolution": "convolution",
    "pool": "pooling",
    "block": "block of several layers",
    "dense": "fully connected",
    "other": "other",
}
TALLEST, LEAST = 1.5, 0.1
"""Inches of a box's height, at most and at least."""
SLANT = 0.3
"""How far a box's side goes to the right and up, as a share of the width that it stands for."""
GAP = 0.22
NARROWEST = 0.72
"""Inches from one box to the next at least, so that the text under them has room."""
WIDEST = 11.0
LINES = 3


def architecture(volumes: Sequence[Outlined], title: str = "", *, provenance: str = "") -> Drawing:
    """Returns a figure of the volumes in rows from left to right; above each stands the layer that makes it, below its
    size.

    Heights grow with the square root of the maps' heights, depths with the logarithm of the number of channels, so that
    small ones can be seen.
    """
    largest = max((volume.shape[0] for volume in volumes if len(volume.shape) == 3), default=1)
    boxes = [_size(volume, largest) for volume in volumes]
    steps = [max(NARROWEST, depth + SLANT * tall + GAP) for depth, tall in boxes]
    rows = _rows(steps)
    line, above = line_height(SMALL), LINES * line_height(SMALL) + 0.06
    heights = [above + max((1 + SLANT) * boxes[i][1] for i in row) + line + 0.25 for row in rows]
    kinds = [kind for kind in COLORS if any(volume.kind == kind for volume in volumes)]
    legend = sum(0.25 + 0.075 * len(WORDS[kind]) for kind in kinds)
    width = max(*(sum(steps[i] for i in row) for row in rows), legend, title_width(title) - 2 * MARGIN)
    top = MARGIN + title_height(title)
    board = Board(2 * MARGIN + width, top + sum(heights) + line + 2 * MARGIN, title, provenance)
    for row, height in zip(rows, heights, strict=True):
        left, ground = MARGIN, top + height - line - 0.25
        for place in row:
            volume, (depth, tall) = volumes[place], boxes[place]
            highest = _box(board, left, ground, depth, tall, COLORS[volume.kind])
            _write(board, volume, left, (top, highest), ground, steps[place])
            if place + 1 < len(volumes):
                start = left + depth + SLANT * tall
                end = left + steps[place]
                _arrow(board, start + 0.02, end - 0.03, ground - min(tall, 0.2) / 2)
            left += steps[place]
        top += height
    left = MARGIN
    for kind in kinds:
        board.bar(left, top + 0.02, 0.12, 0.12, COLORS[kind])
        board.text(WORDS[kind], left + 0.17, top, width=2.0, color=FAINT)
        left += 0.25 + 0.075 * len(WORDS[kind])
    return board.figure


def _size(volume: Outlined, largest: int) -> tuple[float, float]:
    """Returns (depth, height) of a volume's box in inches."""
    if len(volume.shape) == 1:
        return 0.09, min(TALLEST, 0.25 + 0.1 * math.log2(volume.shape[0] + 1))
    tall = max(LEAST, TALLEST * math.sqrt(volume.shape[0] / largest))
    return 0.05 + 0.055 * math.log2(volume.shape[2] + 1), tall


def _rows(steps: Sequence[float]) -> list[list[int]]:
    """Returns the boxes' indices row by row: as few rows as possible, all about equally wide."""
    count = math.ceil(sum(steps) / WIDEST)
    share = sum(steps) / count
    rows: list[list[int]] = [[]]
    taken = 0.0
    for place, step in enumerate(steps):
        if rows[-1] and taken + step / 2 > share * len(rows) and len(rows) < count:
            rows.append([])
        rows[-1].append(place)
        taken += step
    return rows


def _box(board: Board, left: float, ground: float, depth: float, tall: float, color: str) -> float:
    """Draws a box that stands on the line `ground`: front, top and right side; a flat output has a thin side. Returns
    the height up to which it reaches.
    """
    back = SLANT * tall if depth > 0.09 else 0.05
    right, top = left + depth, ground - tall
    faces = (
        ([(left, ground), (right, ground), (right, top), (left, top)], 0.25),
        ([(left, top), (right, top), (right + back, top - back), (left + back, top - back)], 0.5),
        ([(right, ground), (right, top), (right + back, top - back), (right + back, ground - back)], 0.0),
    )
    for corners, paler in faces:
        shade = tuple(part + (1 - part) * paler for part in to_rgb(color))
        board.axes.add_patch(Polygon(corners, facecolor=shade, edgecolor="white", linewidth=0.6))
    return top - back


def _write(
    board: Board, volume: Outlined, left: float, room: tuple[float, float], ground: float, step: float
) -> None:
    """Writes the layer that makes the volume above its box, between the two heights of `room`, and the volume's size
    below.
    """
    times = f"{volume.times} x " if volume.times > 1 else ""
    lines = wrapped(f"{times}{volume.says}", step - 0.06, SMALL)[:LINES]
    y = max(room[0], room[1] - 0.05 - len(lines) * line_height(SMALL))
    for number, text in enumerate(lines):
        board.text(text, left, y + number * line_height(SMALL), width=step - 0.04, size=SMALL, color=INK)
    shape = "x".join(map(str, volume.shape)) if len(volume.shape) == 3 else str(volume.shape[0])
    board.text(shape, left, ground + 0.04, width=step - 0.02, size=SMALL, color=INK, weight="bold")


def _arrow(board: Board, start: float, end: float, y: float) -> None:
    if end - start > 0.06:
        arrow = FancyArrowPatch(
            (start, y),
            (end, y),
            arrowstyle="-|>",
            mutation_scale=6,
            color=FAINT,
            linewidth=0.8,
            shrinkA=0,
            shrinkB=0,
        )
        board.axes.add_patch(arrow)
