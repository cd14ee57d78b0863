"""Imports CIFAR-10 and CIFAR-100 as published: batches of 32x32 RGB pictures, binary or as Python pickles (A.
Krizhevsky).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ...limits import need_memory
from ..contents import Contents
from .arrays import Field, contents_of
from .known import recognise
from .pickles import load_pickle
from .reading import ReadOptions

_PIXELS = 3 * 32 * 32
_NAME_FILES = ("batches.meta.txt", "fine_label_names.txt")


def matches(source: Path) -> bool:
    """Returns whether a folder has batches of CIFAR-10 or CIFAR-100."""
    return source.is_dir() and bool(_batches(source, "train"))


def read(source: Path, options: ReadOptions) -> Contents:
    """Reads the batches of a folder. Raises DataError."""
    parts: dict[str, tuple[Field, Field]] = {}
    for split in ("train", "test"):
        paths = _batches(source, split)
        if not paths:
            raise DataError(f"{source}: the {split} batches are missing")
        batches = [_binary(path) if path.suffix == ".bin" else _pickled(path) for path in paths]
        where = f"{source}: {paths[0].name}" + ("…" if len(paths) > 1 else "")
        images = (
            np.concatenate([images for images, _ in batches]).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        )
        labels = np.concatenate([labels for _, labels in batches])
        parts[split] = (images, f"{where} pictures"), (labels, f"{where} labels")
    names = _class_names(source)
    many = max(int(labels.max()) for _, (labels, _) in parts.values()) >= 10
    known = recognise(Path("cifar-100" if many else "cifar-10"))
    return contents_of(source, parts, names, known, pixel_range=options.pixel_range, notes=_gaps(source))


def _batches(source: Path, split: str) -> list[Path]:
    """Returns the files of a split, the binary ones if both kinds are there."""
    for suffix in (".bin", ""):
        ten = "data_batch_*" if split == "train" else "test_batch"
        found = sorted(path for path in source.glob(ten + suffix) if path.is_file() and path.suffix == suffix)
        hundred = source / (split + suffix)
        if not found and hundred.is_file() and (suffix or (source / "meta").is_file()):
            found = [hundred]
        if found:
            return found
    return []


def _gaps(source: Path) -> list[str]:
    """Returns a note if some of CIFAR-10's five training batches are missing."""
    there = {path.stem for path in _batches(source, "train")}
    missing = [f"data_batch_{number}" for number in range(1, 6) if f"data_batch_{number}" not in there]
    if "train" in there or not missing:
        return []
    return [f"of CIFAR-10's five training batches are missing: {', '.join(missing)}"]


def _binary(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """Reads a binary batch: for each picture a label (in CIFAR-100 a coarse one before it) and its three planes."""
    values = _read(path)
    label_bytes = 1 if "batch" in path.name else 2
    record = label_bytes + _PIXELS
    if not len(values) or len(values) % record:
        raise DataError(
            f"{path}: {len(values)} bytes; a multiple of {record}, {label_bytes} + 3072, is expected"
        )
    records = np.frombuffer(values, np.uint8).reshape(-1, record)
    return records[:, label_bytes:], records[:, label_bytes - 1]


def _pickled(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    batch = load_pickle(_read(path), path)
    if not isinstance(batch, dict):
        raise DataError(
            f"{path}: a {type(batch).__name__} is pickled; a dict with 'data' and 'labels' is expected"
        )
    images = batch.get("data")
    labels = batch.get("fine_labels", batch.get("labels"))
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.shape[1:] != (_PIXELS,):
        raise DataError(f"{path}: 'data' is no array of bytes (N, {_PIXELS})")
    if not isinstance(labels, list) or not all(type(label) is int and 0 <= label < 256 for label in labels):
        raise DataError(f"{path}: 'labels' is no list of whole numbers from 0")
    if len(labels) != len(images):
        raise DataError(f"{path}: {len(labels)} labels for {len(images)} pictures")
    return images, np.array(labels, np.int64)


def _class_names(source: Path) -> list[str]:
    for file in _NAME_FILES:
        if (source / file).is_file():
            lines = _read(source / file).decode("utf-8-sig", "replace").splitlines()
            return [line.strip() for line in lines if line.strip()]
    for file, key in (("batches.meta", "label_names"), ("meta", "fine_label_names")):
        if (source / file).is_file():
            meta = load_pickle(_read(source / file), source / file)
            names = meta.get(key) if isinstance(meta, dict) else None
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                raise DataError(f"{source / file}: '{key}' is no list of names")
            return names
    return []


def _read(path: Path) -> bytes:
    try:
        # The file, what it is made into, and all of them in one array.
        need_memory(3 * path.stat().st_size, f"{path} takes")
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None
