"""A folder of pictures a class: SOURCE/class/*.jpg, or SOURCE/train/class/*.jpg with test and validation beside it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ...fitting import fit
from ..contents import Contents
from ..dataset import Split
from ..pictures import SUFFIXES, is_grey, load, size_of
from .known import recognise

_SPLITS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
}


def matches(source: Path) -> bool:
    return source.is_dir() and any(_folders(folder) or _pictures(folder) for folder in _folders(source))


def read(source: Path, size: int) -> Contents:
    """Pictures become (size, size, 3), or (size, size, 1) if all are grey: shorter side to `size`, centre cut out."""
    roots = _split_folders(source)
    found = {split: _classes(root) for split, root in roots.items()}
    names = list(found["train"])
    if len(names) < 2:
        raise DataError(
            f"{roots['train']}: pictures of {len(names)} class; one folder a class, 2 at least, is expected"
        )
    for split, classes in found.items():
        strange = next((name for name in classes if name not in names), None)
        if strange is not None:
            raise DataError(f"{roots[split] / strange}: no class of that name is in {roots['train']}")
    paths = [path for classes in found.values() for pictures in classes.values() for path in pictures]
    shape = (size, size, 1 if all(map(is_grey, paths)) else 3)
    splits = {}
    for split, classes in found.items():
        labels = [np.full(len(classes[name]), names.index(name), np.int64) for name in classes]
        files = [path for pictures in classes.values() for path in pictures]
        splits[split] = Split(_FileImages(files, shape), np.concatenate(labels))
    known = recognise(source, len(names))
    width, height = size_of(paths[0])
    notes = () if min(width, height) >= size else (_enlarged(paths[0], width, height, size),)
    return Contents(known.name, splits, tuple(names), known.source, known.licence, notes)


def _split_folders(source: Path) -> dict[str, Path]:
    """Split -> its folder of classes; without train/ the source is one. Pictures in train/ make it a class, of trains."""
    roots: dict[str, Path] = {}
    for folder in _folders(source):
        split = _SPLITS.get(folder.name.lower())
        if split is None or not _folders(folder):
            continue
        if split in roots:
            raise DataError(
                f"{source}: {roots[split].name} and {folder.name} are both for {split}; one is expected"
            )
        roots[split] = folder
    return roots if "train" in roots else {"train": source}


def _enlarged(path: Path, width: int, height: int, size: int) -> str:
    return f"{path.name} is {width}x{height}, smaller than {size}x{size}, and is enlarged; a smaller size would not"


def _classes(root: Path) -> dict[str, list[Path]]:
    """Class -> its pictures, both in order of their names. Raises DataError for a class without any."""
    classes = {folder.name: _pictures(folder) for folder in _folders(root)}
    empty = next((name for name, pictures in classes.items() if not pictures), None)
    if empty is not None:
        raise DataError(
            f"{root / empty}: no picture in it ({', '.join(sorted(SUFFIXES))}); a folder a class is expected"
        )
    if not classes:
        raise DataError(f"{root}: no folder in it; one folder of pictures a class is expected")
    return classes


def _folders(path: Path) -> list[Path]:
    return sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _pictures(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    )


class _FileImages:
    """Pictures in files of their own, decoded when they are asked for."""

    def __init__(self, paths: Sequence[Path], shape: tuple[int, int, int]) -> None:
        self._paths = paths
        self.shape = (len(paths), *shape)

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, key: Any) -> NDArray[np.uint8]:
        wanted = np.arange(len(self))[key]
        images = np.empty((wanted.size, *self.shape[1:]), np.uint8)
        with ThreadPoolExecutor() as pool:  # Pillow lets go of the interpreter while it decodes
            for place, picture in enumerate(pool.map(self._load, wanted.reshape(-1))):
                images[place] = picture
        return images.reshape(*wanted.shape, *self.shape[1:])

    def _load(self, index: int) -> Any:
        return fit(load(self._paths[index]), self.shape[1:])
