"""Figures as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ..errors import UsageError, nearest
from ..replacing import replacing

# Without these dates a figure drawn twice is the same file.
FORMATS: dict[str, dict[str, Any]] = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure as PNG, SVG or PDF, by the name's ending; whole or not at all.

    Raises UsageError for another ending, OSError if the folder cannot be written to.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise UsageError(f"'{path}': a figure cannot be written as '{suffix}'{nearest(suffix, FORMATS)}")
    with replacing(path) as partial:
        figure.savefig(partial, format=suffix[1:], dpi=figure.dpi, metadata=FORMATS[suffix])
