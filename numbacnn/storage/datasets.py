"""Data sets in HDF5.

/                       kind = "numbacnn data set", format_version = 1
name, source, licence   text (1)
class_names             text (classes)
framing                 JSON (1), if the pictures are drawings: how they lie in them (`framing.Framing`)
mean_rgb (C), standard_deviation (1)    float64, of the training split
train, test, perhaps validation:
    images              uint8 (N,H,W,C), C 1 or 3
    labels              unsigned (N), from 0
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.checks import as_class_names, as_labels
from ..data.contents import Contents
from ..data.dataset import SPLITS, Dataset, Split, check_splits
from ..data.listing import shortened
from ..data.pictures import MAX_PIXELS
from ..data.statistics import PixelStatistics, doubts
from ..errors import DataError, UsageError, cut, nearest
from ..framing import MAX_SIDE, Framing, measure, sampled
from ..limits import need_described
from .hdf5 import CHUNK_BYTES, Array, Reader, writing

KIND = "numbacnn data set"
EMBEDDED = {"digits": Path(__file__).parent.parent / "data" / "digits.h5"}
"""Data sets in the package: name -> file."""

MEMORY_LIMIT = 1 << 30
"""Bytes up to which a split is read into memory as a whole, once, when its first picture is."""

_LOOKED_AT = 64 << 20
"""Bytes from which on a read is compared with the memory that may be taken."""

_LABEL_TYPES = ("u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8")

Watch = Callable[[Iterable[slice], str, int], Iterable[slice]]
"""Passes items on and shows how far they are: (items, description, how many)."""


def open_dataset(name_or_path: str | Path) -> Dataset:
    """The embedded data set of that name, or the one in a .h5 file. Its pictures are read when they are used.

    Raises UsageError if there is none, DataError if its file is damaged, forged or not as described above.
    """
    name, path = str(name_or_path), Path(name_or_path)
    if name in EMBEDDED:
        return _read(EMBEDDED[name], path=None)
    if not path.suffix and not path.exists():
        raise UsageError(
            f"unknown data set '{cut(name)}'{nearest(name, EMBEDDED)}; or give a .h5 file, which "
            "'numbacnn data import SOURCE OUT.h5' makes"
        )
    if not path.exists():
        raise UsageError(
            f"{name}: no such file; 'digits', or a .h5 file made by 'numbacnn data import', is expected"
        )
    if path.is_dir() or (path.is_file() and path.suffix not in (".h5", ".hdf5")):
        raise UsageError(f"{name}: not a data set yet; 'numbacnn data import {name} OUT.h5' makes it one")
    return _read(path, path=path)


def _read(file_path: Path, path: Path | None) -> Dataset:
    file = Reader(file_path, KIND, DataError)
    try:
        texts = file.texts("class_names")
        if not texts:
            raise DataError(f"{file_path}: class_names is empty; a name a class is expected")
        names = as_class_names(texts, (), f"{file_path}: class_names")
        _need_room(file)
        splits = {split: _read_split(file, split, len(names)) for split in SPLITS if _has_split(file, split)}
        shape = check_splits(splits, str(file_path))
        mean = _numbers(file, "mean_rgb", shape[2])
        deviation = _numbers(file, "standard_deviation", 1)
        framing = _read_framing(file)
        name, source, licence = (file.text(field) for field in ("name", "source", "licence"))
    except BaseException:
        file.close()
        raise
    # The file stays open for the pictures: if another takes its place, these are still the ones that were checked.
    return Dataset(name, splits, names, shape, mean, deviation[0], source, licence, path, framing)


def _read_framing(file: Reader) -> Framing | None:
    if not file.has("framing"):
        return None
    try:
        return Framing.from_dict(file.json("framing"))
    except DataError as error:
        raise DataError(f"{file.path}: {error}") from None


def _need_room(file: Reader) -> None:
    """Raises DataError if all labels together, as they will be in memory, take more than the file may ask for."""
    splits = [split for split in SPLITS if _has_split(file, split)]
    fields = [f"{split}/labels" for split in splits if file.has(f"{split}/labels")]
    labels = [file.array(field, _LABEL_TYPES, (None,)) for field in fields]
    # int64, what is stored, and what checking them takes.
    needed = sum(array.shape[0] * (8 + array.dtype.itemsize + 3) for array in labels)
    need_described(needed, file.path, f"{sum(array.shape[0] for array in labels):,} labels take", DataError)


def _has_split(file: Reader, split: str) -> bool:
    if file.has(split):
        return True
    if split == "validation":
        return False
    raise DataError(f"{file.path}: {split} is missing; a data set has train, test and perhaps validation")


def _read_split(file: Reader, split: str, classes: int) -> Split:
    images = file.array(f"{split}/images", "u1", (None, None, None, None))
    labels = file.array(f"{split}/labels", _LABEL_TYPES, (None,))
    if images.shape[3] not in (1, 3) or 0 in images.shape[1:]:
        raise DataError(
            f"{file.path}: {split}/images has shape {images.shape}; (N, H, W, 1 or 3) is expected"
        )
    if math.prod(images.shape[1:3]) > MAX_PIXELS:
        raise DataError(
            f"{file.path}: {split}/images has pictures of {images.shape[1]}x{images.shape[2]} pixels; at most "
            f"{MAX_PIXELS:,} are read"
        )
    if labels.shape[0] != images.shape[0]:
        raise DataError(
            f"{file.path}: {split}/labels has {labels.shape[0]} labels for {images.shape[0]} pictures"
        )
    checked = as_labels(labels.read(), classes, images.shape[0], f"{file.path}: {split}/labels")
    return Split(_StoredImages(images), checked)


def _numbers(file: Reader, field: str, count: int) -> tuple[float, ...]:
    numbers = file.array(field, ("f8", "f4"), (count,)).read()
    for index, number in enumerate(numbers):
        if not 0 <= number <= 255:
            raise DataError(f"{file.path}: {field}[{index}] is {number}; a value from 0 to 255 is expected")
    return tuple(float(number) for number in numbers)


class _StoredImages:
    """Pictures in a file: small splits come into memory at first use, large ones stay where they are."""

    def __init__(self, stored: Array) -> None:
        self._stored = stored
        self._memory: NDArray[Any] | None = None
        self.shape = stored.shape
        self._row_bytes = math.prod(stored.shape[1:])

    @property
    def in_memory(self) -> bool:
        """See `Split.in_memory`."""
        return bool(self._stored.nbytes <= MEMORY_LIMIT)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        if self._memory is None and self.in_memory:
            self._memory = self._stored.read()
            self._memory.flags.writeable = False  # slices are views, and what they show is every reader's
        if self._memory is not None:
            return self._memory[key]
        return self._gather(key)

    def __reduce__(self) -> Any:
        """Another process opens the file for itself."""
        return _reopened, (self._stored.path, self._stored.field, self.shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.asarray(self[:], dtype)

    def _gather(self, key: Any) -> Any:
        if isinstance(key, slice) and key.step in (None, 1):
            start, stop, _ = key.indices(len(self))
            self._need_room(max(0, stop - start))
            return self._stored.read_rows(start, max(start, stop))
        wanted = np.arange(len(self))[key]
        indices = wanted.reshape(-1)
        self._need_room(indices.size)
        images = np.empty((indices.size, *self.shape[1:]), np.uint8)
        # HDF5 is slow at lists of indices: every chunk is read once, from its first wanted row to its last.
        order = np.argsort(indices, kind="stable")
        chunks = indices[order] // self._stored.chunk_rows
        for places in np.split(order, np.flatnonzero(np.diff(chunks)) + 1):
            if places.size:
                first, last = int(indices[places[0]]), int(indices[places[-1]])
                images[places] = self._stored.read_rows(first, last + 1)[indices[places] - first]
        return images.reshape(*wanted.shape, *self.shape[1:])

    def _need_room(self, count: int) -> None:
        if count * self._row_bytes > _LOOKED_AT:
            what = f"{count:,} pictures of {'x'.join(map(str, self.shape[1:]))} at once take"
            need_described(count * self._row_bytes, self._stored.path, what, DataError)


def _reopened(path: Path, field: str, shape: tuple[int, ...]) -> _StoredImages:
    """The pictures in a file that an unpickled data set had open. Raises DataError if they are not there any more."""
    stored = Reader(path, KIND, DataError).array(field, "u1", (None, None, None, None))
    if stored.shape != shape:
        raise DataError(
            f"{path}: {field} has shape {stored.shape}, and had {shape}; the file is another by now"
        )
    return _StoredImages(stored)


def write_dataset(
    path: str | Path,
    contents: Contents,
    *,
    compress: bool = False,
    watch: Watch = lambda items, description, total: items,
) -> list[str]:
    """Writes a data set, picture by picture, so that it need not fit into memory; `path` is replaced at the end.

    Returns what its pixels and labels make doubtful, for the user to know. Raises DataError if the contents are not a data set, or the file cannot be written.
    """
    path = Path(path)
    shape = check_splits(contents.splits, contents.name)
    statistics = {name: PixelStatistics(shape[2]) for name in contents.splits}
    with writing(path, KIND, DataError) as file:
        file.text("name", contents.name)
        file.text("source", contents.source)
        file.text("licence", contents.licence)
        file.texts("class_names", contents.class_names)
        for name, split in contents.splits.items():
            file.array(
                f"{name}/labels", split.labels.astype(np.min_scalar_type(len(contents.class_names) - 1))
            )
            # Not compressed unless asked: gzip made CIFAR-10 8 % smaller and reading it 7 times slower, lzf 2 % and 3.
            stored = file.rows(f"{name}/images", (len(split), *shape), np.uint8, compress=compress)
            for part in watch(*_parts(split, name)):
                pictures = split.read(part)
                stored[part] = pictures
                statistics[name].add(pictures)
        framing = _framing(contents.splits["train"])
        if framing is not None:
            file.json("framing", framing.as_dict())
        file.array("mean_rgb", np.array(statistics["train"].mean))
        file.array("standard_deviation", np.array([statistics["train"].deviation]))
    return [*doubts(statistics, contents.pixel_range), *_classes_without_pictures(contents)]


def _framing(train: Split) -> Framing | None:
    if max(train.images.shape[1:3]) > MAX_SIDE:  # none that are read only to be measured
        return None
    return measure(train.read(sampled(len(train))))


def _classes_without_pictures(contents: Contents) -> list[str]:
    names = contents.class_names
    counts = np.bincount(contents.splits["train"].labels, minlength=len(names))
    empty = [names[label] for label in np.flatnonzero(counts == 0)]
    if not empty:
        return []
    begin = "labels begin at 1 and are counted from 0: " if empty == [names[0]] else ""
    classes = "class" if len(empty) == 1 else "classes"
    return [f"{begin}no training picture is of {classes} {shortened(map(repr, empty))}"]


def _parts(split: Split, name: str) -> tuple[list[slice], str, int]:
    """Whole chunks of about 4 MiB."""
    row = math.prod(split.images.shape[1:])
    rows = max(1, CHUNK_BYTES // row) * max(1, 16 * CHUNK_BYTES // max(CHUNK_BYTES, row))
    parts = [slice(start, min(start + rows, len(split))) for start in range(0, len(split), rows)]
    return parts, name, len(parts)
