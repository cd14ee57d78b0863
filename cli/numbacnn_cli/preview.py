"""Pictures in the terminal: the terminal's own graphics where it has them, else a character for two pixels."""

from __future__ import annotations

import logging
import os
import sys
from importlib.util import find_spec
from typing import Any

from PIL import Image
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style

from .output import Output

WIDEST = 100
"""Columns; a small mosaic over a whole wide screen is harder to see, not easier."""


def shown(out: Output) -> bool:
    """Whether people look at a terminal with colours."""
    console = out.console
    shows_colours = console.color_system is not None and not console.no_color
    return not out.as_json and out.live and shows_colours and console.encoding.startswith("utf")


def preview(picture: Any, out: Output, *, blocks: Any = None) -> None:
    """Show (h,w,3) uint8 if people look at a terminal with colours; else nothing.

    A terminal that says it knows kitty's graphics or sixel gets the picture as it is, if textual-image is installed;
    others get half blocks, of `blocks` if that is given: a smaller picture with the same in it.
    """
    if not shown(out):
        return
    console = out.console
    width, height = min(console.width, WIDEST), max(console.height - 4, 10)
    graphics = _graphics()
    if graphics is not None:
        image = Image.fromarray(picture)
        across = min(
            width, round(2 * height * image.width / image.height)
        )  # a cell is about twice as high as wide
        console.print(graphics(image, width=max(1, across)), soft_wrap=False)
        return
    console.print(
        HalfBlocks(fitted(Image.fromarray(picture if blocks is None else blocks), width, 2 * height))
    )


def _graphics() -> Any:
    """What draws pictures by kitty's protocol or by sixels, if this process's terminal says that it knows one of them."""
    if find_spec("textual_image") is None or not _in_front():
        return None
    logging.getLogger("textual_image").setLevel(logging.ERROR)
    from textual_image import renderable  # asks the terminal as it is imported

    found = renderable.Image
    return found if found in (renderable.TGPImage, renderable.SixelImage) else None


def _in_front() -> bool:
    """Whether the terminal can be asked: it is on both sides, knows its size, and listens to this process.

    A process in the background would be stopped by the system for asking.
    """
    streams = (sys.__stdin__, sys.__stdout__)
    if any(stream is None or stream.closed or not stream.isatty() for stream in streams):
        return False
    try:
        in_front = not hasattr(os, "tcgetpgrp") or os.tcgetpgrp(0) == os.getpgrp()
        return in_front and min(os.get_terminal_size()) > 0
    except OSError:
        return False


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
