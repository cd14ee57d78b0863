"""What the figures share: colours, and a board on which pictures and text are placed in inches."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.font_manager import FontProperties
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Rectangle
from matplotlib.textpath import text_to_path
from numpy.typing import NDArray

from ..errors import ShapeError, without_controls
from .drawing import Drawing
from .fonts import families, missing_characters_said_once

# Okabe and Ito (2008): told apart with any kind of colour vision, and in print.
BLUE, ORANGE, GREEN, VERMILLION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
INK, FAINT, RULE = "#222222", "#6E6E6E", "#D9D9D9"

DPI = 200
MAX_SIDE = 30_000
"""Pixels of a figure's longer side, at most; the PNG writer takes 65,535, but viewers take fewer."""

LEAST_DPI = 40
"""Dots an inch, at least; with fewer nothing can be read."""

TITLE, LABEL, SMALL = 11.0, 8.5, 7.0
"""Sizes of text, in points."""

BOLD = 1.15
"""How much wider bold letters are than regular ones, at most."""

MARGIN = 0.15
NARROWEST = 4.2
"""Inches that a board is wide at least if its provenance is a long text."""

Pixels = NDArray[np.uint8]


def as_rgb(image: Any) -> Pixels:
    """Returns a picture (h,w), (h,w,1) or (h,w,3), uint8 or float in [0, 1], as (h,w,3) uint8."""
    pixels = np.asarray(image)
    if pixels.dtype != np.uint8:
        pixels = np.rint(np.clip(np.nan_to_num(pixels), 0, 1) * 255).astype(np.uint8)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels


def signed_as_rgb(values: Any, largest: float) -> Pixels:
    """Returns signed values (h,w,C) as a picture (h,w,3) uint8: grey is 0, white (or a full colour) +largest, black
    -largest.
    """
    return as_rgb(0.5 + 0.5 * np.asarray(values, np.float64) / (largest or 1.0))


def text_width(text: str, size: float) -> float:
    """Returns the inches that a line of text takes at `size` points."""
    return size * _points(without_controls(text)) / 72


@lru_cache(maxsize=10_000)  # figures say the same names and numbers many times
def _points(text: str) -> float:
    """Returns the points that a line of text takes in letters of one point."""
    font = FontProperties(family=list(families(text)), size=1)
    with missing_characters_said_once():
        width, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(width)


def shortened(text: str, width: float, size: float) -> str:
    """Returns the line, cut with an ellipsis if it is wider than `width` inches."""
    text = without_controls(" ".join(text.split()))
    if text_width(text, size) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        fits = text_width(text[:middle].rstrip() + "…", size) <= width
        low, high = (middle, high) if fits else (low, middle - 1)
    return text[:low].rstrip() + "…"


def wrapped(text: str, width: float, size: float) -> list[str]:
    """Returns the text in lines of at most `width` inches, broken between words."""
    lines: list[str] = []
    for word in without_controls(" ".join(text.split())).split():
        if lines and text_width(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(shortened(word, width, size))
    return lines


def tile_side(pixels: int, inches: float) -> float:
    """Returns a side of about `inches` such that each of `pixels` pixels is the same whole number of dots wide, if
    there are few.
    """
    dots = round(inches * DPI)
    return (round(dots / pixels) * pixels if pixels <= dots / 3 else dots) / DPI


def chart(width: float, height: float, heading: str = "", provenance: str = "") -> Drawing:
    """Returns an empty figure of these inches whose axes matplotlib places; the provenance stands below them."""
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08)
    lines = wrapped(provenance, width - 2 * MARGIN, SMALL)
    height += len(lines) * line_height(SMALL)
    figure = Drawing(figsize=(width, height), dpi=DPI, facecolor="white", layout=layout)
    figure.heading, figure.provenance = heading, provenance
    if lines:
        figure.supxlabel(
            "\n".join(lines), x=MARGIN / width, ha="left", fontsize=SMALL, color=FAINT, parse_math=False
        )
    return figure


class Board:
    """A figure on which items are placed in inches; (left, top) is an item's upper left corner, measured from the
    figure's.

    The provenance stands below, and the figure grows by the height that it needs. Raises ShapeError for a figure that
    is too large to be drawn.
    """

    def __init__(self, width: float, height: float, title: str = "", provenance: str = "") -> None:
        width = (
            max(width, min(text_width(provenance, SMALL) + 2 * MARGIN + 0.05, NARROWEST))
            if provenance
            else width
        )
        lines = wrapped(provenance, width - 2 * MARGIN, SMALL)
        below = height - MARGIN + 0.08
        height += len(lines) * line_height(SMALL) + (0.08 if lines else 0.0)
        dpi = min(DPI, MAX_SIDE / max(width, height))
        if dpi < LEAST_DPI:
            raise ShapeError(
                f"a figure of {width:,.0f}x{height:,.0f} inches is too large to be drawn; fewer pictures, or fewer classes "
                "of each, are expected"
            )
        self.figure = Drawing(figsize=(width, height), dpi=dpi, facecolor="white")
        self.figure.heading, self.figure.provenance = title, provenance
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set(xlim=(0, width), ylim=(height, 0))
        self.axes.axis("off")
        if title:
            self.text(title, MARGIN, MARGIN, width=width - 2 * MARGIN, size=TITLE, weight="bold")
        for place, line in enumerate(lines):
            y = below + place * line_height(SMALL)
            self.text(line, MARGIN, y, width=width - 2 * MARGIN, size=SMALL, color=FAINT)

    def picture(self, image: Any, left: float, top: float, width: float, height: float) -> None:
        """Draws a picture as large as fits into the box, centred in it; enlarged pixels keep sharp edges."""
        pixels = as_rgb(image)
        scale = min(width / pixels.shape[1], height / pixels.shape[0])
        wide, tall = pixels.shape[1] * scale, pixels.shape[0] * scale
        left, top = left + (width - wide) / 2, top + (height - tall) / 2
        self.axes.imshow(
            pixels,
            extent=(left, left + wide, top + tall, top),
            interpolation="antialiased",  # nearest where it enlarges well, a filter where that would show
            aspect="auto",
        )
        # imshow moves the limits to what it drew
        self.axes.set(xlim=(0, self.figure.get_figwidth()), ylim=(self.figure.get_figheight(), 0))

    def text(
        self,
        text: str,
        left: float,
        top: float,
        *,
        width: float,
        size: float = LABEL,
        color: str = INK,
        align: str = "left",
        weight: str = "normal",
    ) -> None:
        """Draws one line of text, shortened to `width` inches; `align` places it within that width."""
        position = left + {"left": 0.0, "center": width / 2, "right": width}[align]
        self.axes.text(
            position,
            top,
            shortened(text, width / BOLD if weight == "bold" else width, size),
            fontsize=size,
            color=color,
            ha=align,
            va="top",
            weight=weight,
            parse_math=False,
        )

    def bar(self, left: float, top: float, width: float, height: float, color: str) -> None:
        """Draws a filled rectangle."""
        self.axes.add_patch(Rectangle((left, top), width, height, facecolor=color, linewidth=0))


def line_height(size: float) -> float:
    """Returns the inches from one line of text to the next at `size` points."""
    return size * 1.4 / 72


def title_height(title: str) -> float:
    """Returns the inches that a board's title takes under the upper margin."""
    return line_height(TITLE) + 0.06 if title else 0.0


def title_width(title: str) -> float:
    """Returns the inches that a board should be wide for its title."""
    return min(BOLD * text_width(title, TITLE) + 2 * MARGIN + 0.05, 8.0)
