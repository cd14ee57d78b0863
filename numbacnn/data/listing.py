"""Lists the picture files in a folder and its subfolders, and counts the other files by the reason why they are no
pictures.
"""

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
"""Suffixes, in lower case, of the formats that `pictures.load` reads."""

SYSTEMS_OWN = frozenset(("thumbs.db", "desktop.ini", ".ds_store"))
"""Files that Windows and macOS put into folders, in lower case; they are left out without a note."""

HIDDEN = "hidden, their names begin with a dot"


@dataclass
class Listing:
    """`pictures` sorted by name; `below`, the number of them in subfolders.

    `left_out` counts the other files by the reason why they are left out.
    """

    pictures: list[Path] = field(default_factory=list)
    below: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


def pictures_in(folder: Path) -> Listing:
    """Returns every picture in a folder, at any depth. Links to folders are followed; each folder is searched once.

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
    """Returns the reason why a file of that name is not taken for a picture; "" if it is."""
    if name.startswith("."):
        return HIDDEN
    suffix = os.path.splitext(name)[1].lower()
    if suffix in SUFFIXES:
        return ""
    return f"{suffix} is no format of pictures that is read" if suffix else "names without a suffix"


def as_text(left_out: Counter[str]) -> str:
    """Returns counts and reasons in words: "12 files are left out: 10 (.txt is ...), 2 (hidden ...)"."""
    total = left_out.total()
    listed = ", ".join(f"{count} ({reason})" for reason, count in left_out.most_common())
    return f"{total} {'file is' if total == 1 else 'files are'} left out: {listed}"


def shortened(items: Iterable[object], most: int = 20) -> str:
    """Returns the first items of many and the number of the others, in one line."""
    texts = [str(item) for item in items]
    return ", ".join(texts[:most]) + (f" and {len(texts) - most} more" if len(texts) > most else "")
