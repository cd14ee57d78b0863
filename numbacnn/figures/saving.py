"""Figures as files."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ..errors import UsageError, nearest

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
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with open(partial, "wb") as file:
            figure.savefig(file, format=suffix[1:], dpi=figure.dpi, metadata=FORMATS[suffix])
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
