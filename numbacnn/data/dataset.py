"""Dataset: labelled pictures in splits, as training, evaluation, analysis and attacks read them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, UsageError, need_whole
from ..framing import Framing, measure, sampled
from ..listing import Listing
from .checks import as_class_names, as_labels, as_pixels, ranges_of
from .classes import match_classes
from .statistics import PixelStatistics, doubts

if TYPE_CHECKING:
    from ..network import Network

Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]

SPLITS = ("train", "validation", "test")


class Images(Protocol):
    """Pictures (N,H,W,C) uint8: an array, or an object that reads them when they are used.

    `images[key]` takes an index, a slice, or indices in any order, with repetitions. Training and evaluation read on a
    thread of their own.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """(N,H,W,C)."""

    def __len__(self) -> int: ...

    def __getitem__(self, key: Any, /) -> Any: ...


@dataclass(frozen=True, eq=False)
class Split:
    """Pictures (N,H,W,C) uint8 and their labels (N) int64, from 0.

    `class_names` has the name of each label; a split of a Dataset has the Dataset's names. Without names, a label is
    the index of a network's class.
    """

    images: Images
    labels: Labels
    class_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"Split({len(self)} of {'x'.join(map(str, self.images.shape[1:]))})"

    def read(self, indices: NDArray[np.integer[Any]] | slice) -> Pixels:
        """Returns the pictures (n,H,W,C) of these indices, in this order; of a slice perhaps as a view."""
        return np.asarray(self.images[indices])

    @property
    def in_memory(self) -> bool:
        """Whether its pictures lie in memory, at the latest when the first of them has been read."""
        return _lie_in_memory(self.images)

    def batches(self, size: int) -> Iterator[tuple[Pixels, Labels]]:
        """Yields (pictures, labels) of `size` pictures in order; the last batch may be smaller. Raises UsageError for a
        size below 1.
        """
        need_whole("batch size", size)
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            yield self.read(part), self.labels[part]

    def subset(self, indices: NDArray[np.integer[Any]]) -> Split:
        """Returns the pictures of these indices as a split; nothing is read or copied yet."""
        return replace(self, images=_Subset(self.images, indices), labels=self.labels[indices])

    def with_classes_of(self, network: Network) -> Split:
        """Returns the same pictures with labels that are indices of the network's classes, matched by name.

        Where one side has no names, labels stay as they are. Raises DataError that names the classes that the network
        does not know.
        """
        if self.class_names in ((), network.class_names):
            return self
        places = match_classes(self.class_names, network.class_names, np.unique(self.labels).tolist())
        return replace(self, labels=places[self.labels], class_names=network.class_names)


def _lie_in_memory(images: Images) -> bool:
    return isinstance(images, np.ndarray) or bool(getattr(images, "in_memory", False))


class _Subset:
    def __init__(self, images: Images, indices: NDArray[np.integer[Any]]) -> None:
        self._images, self._indices = images, indices
        self.shape = (len(indices), *images.shape[1:])
        self.in_memory = _lie_in_memory(images)

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, key: Any) -> Any:
        return self._images[self._indices[key]]


class _Joined:
    """The pictures of several splits, one after another."""

    def __init__(self, parts: Sequence[Images]) -> None:
        self._parts = parts
        self._ends = np.cumsum([len(part) for part in parts])
        self.shape = (int(self._ends[-1]), *parts[0].shape[1:])
        self.in_memory = all(map(_lie_in_memory, parts))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        wanted = np.arange(len(self))[key]
        found = np.empty((*wanted.shape, *self.shape[1:]), np.uint8)
        for part, end in zip(self._parts, self._ends, strict=True):
            own = (wanted < end) & (wanted >= end - len(part))
            if own.any():
                found[own] = part[wanted[own] - (end - len(part))]
        return found


@dataclass(frozen=True, eq=False)
class Dataset:
    """Pictures of one size, in splits. `path` is None for the embedded set and for arrays.

    `mean_rgb` is the mean of each channel over the training split, in [0, 255]; `standard_deviation`, one number, is
    that of all values after the mean is subtracted (lecture: data preprocessing).
    """

    name: str
    splits: dict[str, Split]
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    mean_rgb: tuple[float, ...]
    standard_deviation: float
    source: str = ""
    licence: str = ""
    path: Path | None = None
    framing: Framing | None = None
    """How drawings are placed in its pictures, if the set is of drawings."""

    def __post_init__(self) -> None:
        named = {name: replace(split, class_names=self.class_names) for name, split in self.splits.items()}
        object.__setattr__(self, "splits", named)

    def __repr__(self) -> str:
        return self._listing().text()

    def _repr_html_(self) -> str:
        """Returns the HTML that a notebook shows."""
        return self._listing().html()

    @property
    def has_classes(self) -> bool:
        """Whether its pictures are labelled. The labels of a folder without classes are -1."""
        return any((split.labels >= 0).any() for split in self.splits.values())

    def _listing(self) -> Listing:
        """Returns a table with a row for each split, and the classes."""
        size = "x".join(map(str, self.image_shape))
        named = ", ".join(self.class_names[:12]) + (", …" if self.classes > 12 else "")
        heading = f"Dataset {self.name}: pictures of {size}, {self.classes} classes ({named})"
        rows = [(name, f"{len(split):,}") for name, split in self.splits.items()]
        return Listing(heading, ("split", "pictures"), rows)

    @staticmethod
    def open(name_or_path: str | Path) -> Dataset:
        """Opens the embedded data set "digits", or the one in a .h5 file; pictures are read when they are used.

        Raises DataError.
        """
        # The one import against the order of rooms: people look for `open` here, and only storage knows HDF5.
        from ..storage.datasets import open_dataset

        return open_dataset(name_or_path)

    @staticmethod
    def from_arrays(
        name: str,
        *,
        train: tuple[Any, Any],
        test: tuple[Any, Any] | None = None,
        validation: tuple[Any, Any] | None = None,
        class_names: Sequence[str] = (),
        source: str = "",
        licence: str = "",
    ) -> Dataset:
        """Makes a data set of arrays: a pair of pictures and labels for each split.

        Pictures are (N,H,W,C), or (N,H,W) if they are grey: uint8, whole numbers from 0 to 255, or floats in [0, 1] or
        [0, 255], which are rounded. Labels (N) count from 0. Arrays of uint8 are not copied. Warns if the pixels seem
        to be on another scale. Raises DataError that names the split and the index.
        """
        pairs = {"train": train, "validation": validation, "test": test}
        given = {split: pair for split, pair in pairs.items() if pair is not None}
        arrays = {split: np.asarray(pair[0]) for split, pair in given.items()}
        ranges = dict(zip(arrays, ranges_of(arrays.values()), strict=True))
        images = {
            split: as_pixels(array, f"{name}: {split} images", ranges[split])
            for split, array in arrays.items()
        }
        labels = {split: np.asarray(pair[1]) for split, pair in given.items()}
        names = as_class_names(class_names, labels.values(), name)
        splits = {
            split: Split(
                images[split],
                as_labels(labels[split], len(names), len(images[split]), f"{name}: {split} labels"),
            )
            for split in given
        }
        shape = check_splits(splits, name)
        statistics = {split: PixelStatistics(shape[2]) for split in splits}
        for split, own in statistics.items():
            for pictures, _ in splits[split].batches(1024):
                own.add(pictures)
        for doubt in doubts(statistics, None):
            warnings.warn(f"{name}: {doubt}", stacklevel=2)
        train_statistics = statistics["train"]
        mean, deviation = train_statistics.mean, train_statistics.deviation
        framing = measure(splits["train"].read(sampled(len(splits["train"]))))
        return Dataset(name, splits, names, shape, mean, deviation, source, licence, framing=framing)

    def with_classes_of(self, network: Network) -> Dataset:
        """Returns the same pictures with the network's class names, and labels that are indices of them.

        Each class becomes the network's class of the same name, or, if one side has no names, of the same index
        (`data.classes.matched_by_index`). Raises DataError that names the classes that the network does not know.
        """
        try:
            splits = {name: split.with_classes_of(network) for name, split in self.splits.items()}
        except DataError as error:
            raise DataError(f"{self.path or self.name}: {error}") from None
        return replace(self, splits=splits, class_names=network.class_names)

    def with_validation_learned(self) -> Dataset:
        """Returns the data set with the validation pictures added to the end of the training split. Mean and deviation
        stay those of the training split.
        """
        if self.validation is None:
            return self
        parts = [self.train, self.validation]
        images = _Joined([part.images for part in parts])
        learned = Split(images, np.concatenate([part.labels for part in parts]))
        rest = {name: split for name, split in self.splits.items() if name not in ("train", "validation")}
        return replace(self, splits={"train": learned, **rest})

    def with_few_learned(self, per_class: int, seed: int = 0) -> Dataset:
        """Returns the data set with a training split of only `per_class` pictures of each class, or all if there are
        fewer, drawn at random with `seed`.
        """
        labels, taken = self.train.labels, []
        for label in np.unique(labels):
            generator = np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, 1, int(label)]))
            taken.append(generator.permutation(np.flatnonzero(labels == label))[:per_class])
        few = self.train.subset(np.sort(np.concatenate(taken)))
        return replace(self, splits={**self.splits, "train": few})

    def split(self, name: str) -> Split:
        """Returns the split of that name. Raises UsageError that lists the splits."""
        if name not in self.splits:
            raise UsageError(
                f"{self.path or self.name}: no split '{name}'; there are: {', '.join(self.splits)}"
            )
        return self.splits[name]

    @property
    def train(self) -> Split:
        """The training split."""
        return self.split("train")

    @property
    def validation(self) -> Split | None:
        """The validation split; None if the data set has none."""
        return self.splits.get("validation")

    @property
    def test(self) -> Split:
        """The test split."""
        return self.split("test")

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self.class_names)


def check_splits(splits: dict[str, Split], where: str) -> tuple[int, int, int]:
    """Returns the size (H,W,C) of all pictures. Raises DataError if a split is empty or sizes differ."""
    first = splits["train"].images.shape[1:]
    for name, split in splits.items():
        if not len(split):
            raise DataError(f"{where}: the {name} split is empty; at least one picture is expected")
        if split.images.shape[1:] != first:
            sizes = ["x".join(map(str, shape)) for shape in (first, split.images.shape[1:])]
            raise DataError(
                f"{where}: pictures of {name} are {sizes[1]} and those of train {sizes[0]}; one size is expected"
            )
    height, width, channels = first
    return height, width, channels
