"""Imports NumPy's .npz files, arrays by name. Pickled objects are not loaded."""

from __future__ import annotations

import math
import re
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError, cut
from ...limits import need_described
from ..contents import Contents
from ..listing import shortened
from .arrays import Field, contents_of
from .reading import ReadOptions

_SPLITS = {
    "train": {"train", "training"},
    "validation": {"val", "valid", "validation", "dev"},
    "test": {"test", "testing"},
}
_IMAGES = {"x", "image", "images", "img", "imgs", "data", "pixels"}
_LABELS = {"y", "label", "labels", "target", "targets"}
_CLASS_NAMES = {"class_names", "classes", "label_names", "names", "categories"}

_MOST_NAMES = 16 << 20
"""Bytes of an array of names, at most."""


def matches(source: Path) -> bool:
    """Returns whether a path is an .npz file."""
    return source.is_file() and source.suffix == ".npz"


def read(source: Path, options: ReadOptions) -> Contents:
    """Reads pictures and labels of the splits, by the names of the arrays. Raises DataError."""
    try:
        with zipfile.ZipFile(source) as archive:
            members = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
            pairs = _pairs(list(members))
            if "train" not in pairs:
                raise DataError(
                    f"{source}: no training pictures and labels, such as x_train and y_train, or images and labels; "
                    f"it has: {cut(', '.join(members), 1000) or 'nothing'}"
                )
            needed = sum(2 * members[key].file_size for pair in pairs.values() for key in pair)
            need_described(needed, source, "its pictures and labels take", DataError)
            fields = {
                split: tuple(_field(source, archive, members[key]) for key in pair)
                for split, pair in pairs.items()
            }
            names_key = next((key for key in members if key.lower() in _CLASS_NAMES), None)
            if names_key and members[names_key].file_size > _MOST_NAMES:
                raise DataError(
                    f"{source}: {names_key} has {members[names_key].file_size:,} bytes of class names"
                )
            names = _names(*_field(source, archive, members[names_key])) if names_key else []
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{source}: cannot be read as .npz ({error})") from None
    used = {key for pair in pairs.values() for key in pair} | {names_key}
    unused = [key for key in members if key not in used]
    notes = [f"not read of {source.name}: {shortened(unused)}"] if unused else []
    parts = {split: (images, labels) for split, (images, labels) in fields.items()}
    return contents_of(source, parts, names, pixel_range=options.pixel_range, notes=notes)


def _pairs(keys: list[str]) -> dict[str, tuple[str, str]]:
    """Returns for each split the keys of its pictures and labels; pictures without a split's name are training
    pictures.
    """
    found: dict[tuple[str, str], str] = {}
    for key in keys:
        words = set(re.split(r"[^a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).lower()))
        split = next((split for split, names in _SPLITS.items() if words & names), "train")
        for role, names in (("images", _IMAGES), ("labels", _LABELS)):
            if words & names and not words & {"name", "names"}:
                found.setdefault((split, role), key)
    return {
        split: (found[split, "images"], found[split, "labels"])
        for split in _SPLITS
        if (split, "images") in found and (split, "labels") in found
    }


def _field(source: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Field:
    key = entry.filename.removesuffix(".npy")
    where = f"{source}: {key}"
    with archive.open(entry) as file:
        try:
            version = np.lib.format.read_magic(file)
            header = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            shape, _, dtype = header(file)
        except (
            Exception
        ) as error:  # the header is Python source, and a damaged one fails in every way of that
            raise DataError(f"{where} is no array ({error})") from None
        if dtype.hasobject:
            raise DataError(
                f"{where} holds Python objects, which are not loaded; save it as an array of numbers"
            )
        # Before memory is taken for what a header only declares.
        declared = math.prod(shape) * dtype.itemsize
        if declared != entry.file_size - file.tell():
            raise DataError(
                f"{where} declares {declared} bytes {shape} and holds {entry.file_size - file.tell()}; it is damaged"
            )
    with archive.open(entry) as file:
        try:
            return np.lib.format.read_array(file, allow_pickle=False), where
        except ValueError as error:
            raise DataError(f"{where} cannot be read ({error})") from None


def _names(array: NDArray[Any], where: str) -> list[str]:
    if array.ndim != 1 or array.dtype.kind not in "US":
        raise DataError(f"{where} has shape {array.shape} and type {array.dtype}; a row of texts is expected")
    return [
        name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name) for name in array.tolist()
    ]
