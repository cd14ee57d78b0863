"""Names of files and folders in the place of pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from glob import glob, has_magic
from pathlib import Path
from typing import Any

from .errors import DataError


def as_paths(given: Any) -> list[Path] | None:
    """The files that a name, or a list of names, stands for: a folder's pictures, what fits a wildcard; None for no names.

    Raises DataError for a folder without pictures, or a wildcard that no file fits.
    """
    names = [given] if isinstance(given, (str, os.PathLike)) else given
    if not isinstance(names, (list, tuple)) or not names:
        return None
    if not all(isinstance(name, (str, os.PathLike)) for name in names):
        return None
    from .data.listing import pictures_in

    found: list[Path] = []
    for path in expanded([Path(name) for name in names]):
        if not path.is_dir():
            found.append(path)
            continue
        pictures = pictures_in(path).pictures
        if not pictures:
            raise DataError(f"{path}: no picture in this folder")
        found.extend(pictures)
    return found


def expanded(paths: Sequence[Path]) -> list[Path]:
    """The paths, and in place of a wildcard that the shell has left as it is, what fits it, in order of their names.

    A file whose name has such signs in it is that file. Raises DataError for a wildcard that nothing fits.
    """
    found: list[Path] = []
    for path in paths:
        if os.path.lexists(path) or not has_magic(str(path)):
            found.append(path)
            continue
        fitting = sorted(glob(os.path.expanduser(path), recursive=True))
        if not fitting:
            raise DataError(f"{path}: no file fits that")
        found.extend(map(Path, fitting))
    return found


def pictures_of(paths: Sequence[Path]) -> Iterator[Any]:
    """The picture (h,w,c) uint8 in each file; several are read at a time. Raises DataError that lists all that cannot be read."""
    from .data.pictures import load_all, unreadable

    for picture in load_all(paths, lambda picture: picture):
        if isinstance(picture, DataError):
            raise unreadable(paths, picture)
        yield picture
