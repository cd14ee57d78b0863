"""The picture files in a folder and in the folders in it; and what else is there, with why it is no picture."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import DataError

SUFFIXES = frozenset(
    (
        *(
            ".jpg",
            ".jpeg",
            ".jpe",
            ".jfif",
            ".png",
            ".apng",
            ".webp",
            ".gif",
            ".bmp",
            ".dib",
            ".tif",
            ".tiff",
        ),
        *(
            ".ppm",
            ".pgm",
            ".pbm",
            ".pnm",
            ".avif",
            ".jp2",
            ".j2k",
            ".jpx",
            ".tga",
            ".pcx",
            ".sgi",
            ".ico",
            ".qoi",
            ".dds",
        ),
    )
)
"""Endings of names, in small letters, of the formats that `pictures.load` reads."""

SYSTEMS_OWN = frozenset(("thumbs.db", "desktop.ini", ".ds_store"))
"""Files that Windows and macOS put into folders, in small letters: nobody misses them, and nothing is said of them."""

HIDDEN = "hidden, their names begin with a dot"


@dataclass
class Listing:
    """`pictures` in order of their names; `below`, how many of them lie in folders further down.

    `left_out` counts the other files by the reason why they are not taken.
    """

    pictures: list[Path] = field(default_factory=list)
    below: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


def pictures_in(folder: Path) -> Listing:
    """Every picture in a folder, however deep. Links to folders are followed, each folder is looked into once.

    Raises DataError if a folder cannot be read.
    """
    listing, seen = Listing(), set()

    def complain(error: OSError) -> None:
        raise DataError(f"{error.filename or folder}: {error.strerror or error}") from None

    for where, folders, names in os.walk(folder, onerror=complain, followlinks=True):
        here = os.path.realpath(where)
        if here in seen:
            folders.clear()
            continue
        seen.add(here)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            if name.lower() in SYSTEMS_OWN:
                continue
            reason = why_not(name)
            if reason:
                listing.left_out[reason] += 1
            else:
                listing.pictures.append(Path(where, name))
                listing.below += Path(where) != folder
    listing.pictures.sort()
    return listing


def why_not(name: str) -> str:
    """Why a file of that name is not taken for a picture; "" if it is."""
    if name.startswith("."):
        return HIDDEN
    suffix = os.path.splitext(name)[1].lower()
    if suffix in SUFFIXES:
        return ""
    return f"{suffix} is no format of pictures that is read" if suffix else "names without a suffix"


def as_text(left_out: Counter[str]) -> str:
    """The counts and reasons in words: "12 files are left out: 10 (.txt is …), 2 (hidden …)"."""
    total = left_out.total()
    listed = ", ".join(f"{count} ({reason})" for reason, count in left_out.most_common())
    return f"{total} {'file is' if total == 1 else 'files are'} left out: {listed}"


def shortened(items: Iterable[object], most: int = 20) -> str:
    """The first few of many, and how many more there are, in one line."""
    texts = [str(item) for item in items]
    return ", ".join(texts[:most]) + (f" and {len(texts) - most} more" if len(texts) > most else "")
