"""Imports a folder with a folder of pictures for each class: SOURCE/class/*.jpg, or SOURCE/train/class/*.jpg with test
and validation beside it.

Folders within a class's folder are searched too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...errors import DataError
from ..contents import Contents
from ..dataset import Split
from ..listing import SUFFIXES, SYSTEMS_OWN, as_text, pictures_in, shortened, why_not
from ..picture_files import SPLIT_FOLDERS, FileImages
from ..pictures import Header, broken, header, unreadable
from .known import recognise
from .reading import ReadOptions

_REMEDY = "--skip-broken goes on without what cannot be read"


def matches(source: Path) -> bool:
    """Returns whether a folder has folders with pictures."""
    return source.is_dir() and any(pictures_in(folder).pictures for folder in _folders(source))


def read(source: Path, options: ReadOptions) -> Contents:
    """Reads the pictures as (size, size, 3), or (size, size, 1) if all are grey: the shorter side is scaled to `size`,
    the centre cut out.
    """
    roots = _split_folders(source)
    found = _Found()
    classes = {split: found.classes(root) for split, root in roots.items()}
    found.beside(source, roots)
    names = list(classes["train"])
    if len(names) < 2:
        raise DataError(
            f"{roots['train']}: pictures of {len(names)} class, {shortened(names)}; one folder a class, 2 at least, is "
            "expected"
        )
    for split, own in classes.items():
        strange = next((name for name in own if name not in names), None)
        if strange is not None:
            raise DataError(f"{roots[split] / strange}: no class of that name is in {roots['train']}")
    if options.skip_broken:
        classes = found.without_broken(classes, options)
    paths = _paths(classes)
    headers = _headers(paths)
    shape = (options.size, options.size, 1 if all(one.is_grey for one in headers) else 3)
    splits = {}
    for split, own in classes.items():
        labels = [np.full(len(own[name]), names.index(name), np.int64) for name in own]
        splits[split] = Split(
            FileImages(_paths({split: own}), shape, paths, remedy=_REMEDY), np.concatenate(labels)
        )
    known = recognise(source, len(names))
    notes = [*found.notes()]
    if more := sum(one.has_more for one in headers):
        notes.append(f"of {more} files with several pictures in them (animations, pages) the first is taken")
    smaller = [
        path for path, one in zip(paths, headers, strict=True) if min(one.width, one.height) < options.size
    ]
    if smaller:
        notes.append(
            f"{len(smaller)} of {len(paths)} pictures are smaller than {options.size}x{options.size} and are enlarged, "
            f"{smaller[0].name} for instance; a smaller --size would not"
        )
    return Contents(known.name, splits, tuple(names), known.source, known.licence, tuple(notes))


@dataclass
class _Found:
    """What was found while searching the folders, for the notes."""

    left_out: Counter[str] = field(default_factory=Counter)
    below: int = 0
    broken: list[DataError] = field(default_factory=list)
    total: int = 0

    def classes(self, root: Path) -> dict[str, list[Path]]:
        """Returns each class's pictures, classes and pictures sorted by name. Raises DataError for a class without
        pictures.
        """
        classes = {}
        for folder in _folders(root):
            listing = pictures_in(folder)
            self.left_out += listing.left_out
            self.below += listing.below
            if not listing.pictures:
                what = f", {as_text(listing.left_out)}" if listing.left_out else ""
                raise DataError(
                    f"{folder}: no picture in it{what}; pictures ({', '.join(sorted(SUFFIXES))}) are expected in every "
                    "class's folder"
                )
            classes[folder.name] = listing.pictures
        if not classes:
            raise DataError(f"{root}: no folder in it; one folder of pictures a class is expected")
        return classes

    def beside(self, source: Path, roots: Mapping[str, Path]) -> None:
        """Counts the files beside the folders of the classes and of the splits."""
        for root in dict.fromkeys((source, *roots.values())):
            for entry in root.iterdir():
                if entry.is_file() and entry.name.lower() not in SYSTEMS_OWN:
                    self.left_out[why_not(entry.name) or "in no class's folder"] += 1
        if roots["train"] == source:
            return
        for folder in _folders(source):
            listing = pictures_in(folder) if folder not in roots.values() else None
            if listing is not None and listing.pictures:
                self.left_out[f"in {folder.name}, which is beside {roots['train'].name}"] += len(
                    listing.pictures
                )

    def without_broken(
        self, classes: Mapping[str, dict[str, list[Path]]], options: ReadOptions
    ) -> dict[str, dict[str, list[Path]]]:
        """Returns the pictures that can be read. Raises DataError for a class that has none."""
        paths = _paths(classes)
        self.total = len(paths)
        watched = options.watch(broken(paths), "looking for broken pictures", len(paths))
        errors = dict(zip(paths, watched, strict=True))
        self.broken = [error for error in errors.values() if error is not None]
        kept = {
            split: {name: [path for path in own if errors[path] is None] for name, own in parts.items()}
            for split, parts in classes.items()
        }
        for split, parts in kept.items():
            for name, own in parts.items():
                if not own:
                    raise DataError(
                        f"{name}, {split}: none of its pictures can be read; {errors[classes[split][name][0]]}"
                    )
        return kept

    def notes(self) -> list[str]:
        """Returns sentences on what was left out."""
        notes = []
        if self.left_out:
            notes.append(as_text(self.left_out))
        if self.below:
            pictures = "picture lies" if self.below == 1 else "pictures lie"
            notes.append(f"{self.below} {pictures} in folders within the classes' and count as of the class")
        if self.broken:
            listed = "; ".join(str(error) for error in self.broken[:20])
            more = f"; and {len(self.broken) - 20} more" if len(self.broken) > 20 else ""
            notes.append(
                f"{len(self.broken)} of {self.total} pictures cannot be read and are left out: {listed}{more}"
            )
        return notes


def _split_folders(source: Path) -> dict[str, Path]:
    """Returns the folder of each split; a source without train/ is one split. A train/ that has pictures itself is a
    class (of trains).
    """
    roots: dict[str, Path] = {}
    for folder in _folders(source):
        split = SPLIT_FOLDERS.get(folder.name.lower())
        if split is None or not _folders(folder):
            continue
        if split in roots:
            raise DataError(
                f"{source}: {roots[split].name} and {folder.name} are both for {split}; one is expected"
            )
        roots[split] = folder
    return roots if "train" in roots else {"train": source}


def _folders(path: Path) -> list[Path]:
    return sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _paths(classes: Mapping[str, Mapping[str, Sequence[Path]]]) -> list[Path]:
    return [path for own in classes.values() for pictures in own.values() for path in pictures]


def _headers(paths: Sequence[Path]) -> list[Header]:
    """Returns the header of every file. Raises DataError that lists all broken files, including those whose pixels are
    broken.
    """
    try:
        return [header(path) for path in paths]
    except DataError as error:
        raise unreadable(paths, error, _REMEDY) from None
