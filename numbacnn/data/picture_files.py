"""Pictures in files of their own: as a split's pictures, and as a data set of labelled folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..fitting import fit
from .classes import SYNSET
from .dataset import Dataset, Split
from .listing import SUFFIXES, pictures_in, shortened
from .pictures import load_all, unreadable

if TYPE_CHECKING:
    from ..network import Network

SPLIT_FOLDERS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
}
"""Maps names of folders, in lower case, to the split that their classes belong to."""


class FileImages:
    """Pictures in files of their own, decoded when they are used, and brought to one size (`fitting.fit`).

    `siblings` are all files of the set: if one of them is broken, the error names all that are, and the `remedy`.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        shape: tuple[int, ...],
        siblings: Sequence[Path],
        *,
        shorter_side: int = 0,
        remedy: str = "",
    ) -> None:
        self._paths, self._siblings = paths, siblings
        self._shorter_side, self._remedy = shorter_side, remedy
        self.shape = (len(paths), *shape)

    def __len__(self) -> int:
        return len(self._paths)

    @property
    def paths(self) -> Sequence[Path]:
        """The files, in order."""
        return self._paths

    def __getitem__(self, key: Any) -> NDArray[np.uint8]:
        wanted = np.arange(len(self))[key]
        images = np.empty((wanted.size, *self.shape[1:]), np.uint8)
        paths = (self._paths[index] for index in wanted.reshape(-1))
        for place, picture in enumerate(load_all(paths, self._fit)):
            if isinstance(picture, DataError):  # nothing can come of it: the others are found for the message
                raise unreadable(self._siblings, picture, self._remedy)
            images[place] = picture
        return images.reshape(*wanted.shape, *self.shape[1:])

    def _fit(self, picture: NDArray[np.uint8]) -> Any:
        return fit(picture, self.shape[1:], self._shorter_side)


def open_folder(folder: Path, network: Network) -> Dataset:
    """Opens a folder of labelled pictures as a data set, brought to a network's size as its preprocessing says.

    Each class has a folder, all of them in train, test and validation or none of them; or the names of the files begin
    with WordNet's numbers (n01440764_tench.jpg). Without folders of splits, the same pictures are the training and the
    test split. Raises DataError for a folder without such pictures.
    """
    roots = {
        SPLIT_FOLDERS[path.name.lower()]: path
        for path in _folders(folder)
        if path.name.lower() in SPLIT_FOLDERS
    }
    found = {split: _labelled(root) for split, root in roots.items()} or dict.fromkeys(
        ("train", "test"), _labelled(folder)
    )
    names = sorted({name for own in found.values() for _, name in own})
    places = {name: place for place, name in enumerate(names)}
    every = [path for own in found.values() for path, _ in own]
    splits = {}
    for split, own in found.items():
        paths = [path for path, _ in own]
        labels = np.array([places[name] for _, name in own], np.int64)
        shorter_side = network.graph.pixels.shorter_side
        splits[split] = Split(
            FileImages(paths, network.input_shape, every, shorter_side=shorter_side), labels
        )
    height, width, channels = network.input_shape
    return Dataset(
        folder.name, splits, tuple(names), (height, width, channels), (0.0,) * channels, 1.0, path=folder
    )


def open_unlabelled(folder: Path, network: Network) -> Dataset:
    """Opens a folder of any pictures as a data set without classes, in which every label is -1.

    Raises DataError for a folder without pictures.
    """
    paths = pictures_in(folder).pictures
    if not paths:
        raise DataError(f"{folder}: no picture in this folder")
    height, width, channels = network.input_shape
    shorter_side = network.graph.pixels.shorter_side
    images = FileImages(paths, network.input_shape, paths, shorter_side=shorter_side)
    split = Split(images, np.full(len(paths), -1, np.int64))
    splits = {"train": split, "test": split}
    shape = (height, width, channels)
    return Dataset(folder.name, splits, network.class_names, shape, (0.0,) * channels, 1.0, path=folder)


def _labelled(root: Path) -> list[tuple[Path, str]]:
    """Returns every picture in a folder of classes, with the name of its class."""
    classes = {path.name: pictures_in(path).pictures for path in _folders(root)}
    found = [(path, name) for name, pictures in classes.items() for path in pictures]
    if found:
        return found
    pictures = [path for path in sorted(root.iterdir()) if path.suffix.lower() in SUFFIXES and path.is_file()]
    named = [(path, match[0]) for path in pictures if (match := SYNSET.match(path.name))]
    if not named or len(named) < len(pictures):
        nameless = [path.name for path in pictures if not SYNSET.match(path.name)]
        which = f", and {shortened(nameless, 3)} do not" if named else ""
        raise DataError(
            f"{root}: pictures of labelled classes are expected: a folder for each class, or names that begin with WordNet's "
            f"numbers (n01440764_tench.jpg){which}"
        )
    return named


def _folders(path: Path) -> list[Path]:
    return sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
