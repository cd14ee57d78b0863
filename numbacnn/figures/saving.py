"""Figures as files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from ..errors import UsageError, nearest, without_controls
from ..provenance import FIGURE
from ..replacing import replacing
from .board import MAX_SIDE

MAX_DOTS = 400_000_000
"""Of a PNG for which dots an inch are asked for: four bytes each while it is drawn."""

FORMATS: dict[str, dict[str, Any]] = {
    ".png": {"heading": "Title", "provenance": "Description", "program": "Software"},
    ".svg": {"heading": "Title", "provenance": "Description", "program": "Creator"},
    ".pdf": {"heading": "Title", "provenance": "Subject", "program": "Creator"},
}
"""The words of each format for what a file says of itself."""

# Without these dates a figure drawn twice is the same file.
DATES: dict[str, dict[str, Any]] = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}

AS_TEXT: Any = {"pdf.fonttype": 42, "svg.fonttype": "none"}
"""Letters stay letters: PDF gets the fonts themselves (TrueType), SVG text that can be searched and edited."""


def save(figure: Figure, path: str | Path, dpi: int | None = None) -> None:
    """Write a figure as PNG, SVG or PDF, by the name's ending; whole or not at all.

    `dpi` are dots an inch, if not the figure's own: of all of a PNG, of the pictures in an SVG or PDF. The file says
    what made the figure, where the figure knows that (`Drawing`). Raises UsageError for another ending or for more dots
    than a PNG takes, OSError if the folder cannot be written to.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise UsageError(f"'{path}': a figure cannot be written as '{suffix}'{nearest(suffix, FORMATS)}")
    if dpi is not None:
        _check_dots(figure, dpi)
    with replacing(path) as partial, rc_context(AS_TEXT):
        figure.savefig(
            partial, format=suffix[1:], dpi=dpi or figure.dpi, metadata=DATES[suffix] | _said(figure, suffix)
        )


def _check_dots(figure: Figure, dpi: int) -> None:
    width, height = figure.get_size_inches()
    most = int(min(MAX_SIDE / max(width, height), np.sqrt(MAX_DOTS / (width * height))))
    if dpi > max(most, figure.dpi):
        raise UsageError(
            f"{dpi} dots an inch: this figure of {width:.1f}x{height:.1f} inches takes at most {most}"
        )


def as_png(figure: Figure, dpi: float) -> bytes:
    """The figure as a PNG, for a page that holds it."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=dpi)
    return picture.getvalue()


def as_pixels(figure: Figure, dpi: float) -> Any:
    """The figure as (h,w,3) uint8, to be looked at at once."""
    picture = io.BytesIO()
    figure.savefig(picture, format="rgba", dpi=dpi)
    width, height = (int(length * dpi + 1e-6) for length in figure.get_size_inches())
    return np.frombuffer(picture.getvalue(), np.uint8).reshape(height, width, 4)[..., :3]


def _said(figure: Figure, suffix: str) -> dict[str, str]:
    from .. import __version__

    said = {
        "heading": getattr(figure, "heading", ""),
        "provenance": getattr(figure, "provenance", ""),
        "program": f"{FIGURE} {__version__}",
    }
    return {word: without_controls(said[key]) for key, word in FORMATS[suffix].items() if said[key]}
