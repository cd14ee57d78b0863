"""Writes figures as files."""

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
"""The most dots of a PNG for which a resolution is asked for; each takes four bytes while it is drawn."""

FORMATS: dict[str, dict[str, Any]] = {
    ".png": {"heading": "Title", "provenance": "Description", "program": "Software"},
    ".svg": {"heading": "Title", "provenance": "Description", "program": "Creator"},
    ".pdf": {"heading": "Title", "provenance": "Subject", "program": "Creator"},
}
"""The metadata keys of each format."""

# Without these dates a figure drawn twice is the same file.
DATES: dict[str, dict[str, Any]] = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}

AS_TEXT: Any = {"pdf.fonttype": 42, "svg.fonttype": "none"}
"""Keeps letters as text: PDF files embed the fonts (TrueType), text in SVG files can be searched and edited."""


def save(figure: Figure, path: str | Path, dpi: int | None = None) -> None:
    """Writes a figure as PNG, SVG or PDF, by the suffix of the path; completely or not at all.

    `dpi` replaces the figure's own dots an inch: of the whole PNG, or of the pictures in an SVG or PDF. The file's
    metadata has the figure's provenance (`Drawing`). Raises UsageError for another suffix or for more dots than a PNG
    may have, OSError if the file cannot be written.
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
    """Returns the bytes of the figure as a PNG, for a page that embeds it."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=dpi)
    return picture.getvalue()


def as_pixels(figure: Figure, dpi: float) -> Any:
    """Returns the figure as (h,w,3) uint8, for a preview."""
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
