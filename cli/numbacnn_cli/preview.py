"""Pictures in the terminal: a character is two pixels, one above the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style

from .output import Output

WIDEST = 100
"""Columns; a small mosaic over a whole wide screen is harder to see, not easier."""


def preview(picture: Any, out: Output) -> None:
    """Show (h,w,3) uint8, or a picture file, if people look at a terminal with colours; else nothing."""
    console = out.console
    shows_colours = console.color_system is not None and not console.no_color
    if out.as_json or not out.live or not shows_colours or not console.encoding.startswith("utf"):
        return
    if isinstance(picture, (str, Path)):
        with Image.open(picture) as file:
            image = file.convert("RGB")
    else:
        image = Image.fromarray(picture)
    console.print(HalfBlocks(fitted(image, min(console.width, WIDEST), 2 * max(console.height - 4, 10))))


def fitted(image: Image.Image, width: int, height: int) -> Image.Image:
    """The picture enlarged a whole number of times, or averaged down, to fit."""
    scale = min(width / image.width, height / image.height)
    if scale >= 1:
        size = image.width * int(scale), image.height * int(scale)
        return image.resize(size, Image.Resampling.NEAREST)
    size = max(1, int(image.width * scale)), max(1, int(image.height * scale))
    return image.resize(size, Image.Resampling.BOX)


class HalfBlocks:
    """A picture for rich; the upper pixel is the colour of ``▀``, the lower one its background."""

    def __init__(self, image: Image.Image) -> None:
        self.image = image

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width, height = self.image.size
        data = self.image.tobytes()
        rows = [data[3 * width * row : 3 * width * (row + 1)] for row in range(height)]
        for row in range(0, height, 2):
            for x in range(0, 3 * width, 3):
                upper = _colour(rows[row][x : x + 3])
                lower = f" on {_colour(rows[row + 1][x : x + 3])}" if row + 1 < height else ""
                yield Segment("▀", Style.parse(upper + lower))
            yield Segment.line()


def _colour(pixel: bytes) -> str:
    return f"#{pixel.hex()}"
