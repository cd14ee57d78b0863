"""Figures as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from ..errors import UsageError, nearest, without_controls
from ..provenance import FIGURE
from ..replacing import replacing

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


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure as PNG, SVG or PDF, by the name's ending; whole or not at all.

    The file says what made the figure, where the figure knows that (`Drawing`). Raises UsageError for another ending,
    OSError if the folder cannot be written to.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise UsageError(f"'{path}': a figure cannot be written as '{suffix}'{nearest(suffix, FORMATS)}")
    with replacing(path) as partial, rc_context(AS_TEXT):
        figure.savefig(
            partial, format=suffix[1:], dpi=figure.dpi, metadata=DATES[suffix] | _said(figure, suffix)
        )


def _said(figure: Figure, suffix: str) -> dict[str, str]:
    from .. import __version__

    said = {
        "heading": getattr(figure, "heading", ""),
        "provenance": getattr(figure, "provenance", ""),
        "program": f"{FIGURE} {__version__}",
    }
    return {word: without_controls(said[key]) for key, word in FORMATS[suffix].items() if said[key]}
