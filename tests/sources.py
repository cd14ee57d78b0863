"""Sources that importers read: pictures and labels drawn at random, written as IDX files and folders."""

from __future__ import annotations

import gzip
import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from numbacnn.data import pictures
from numbacnn.data.importers import read_source
from numbacnn.storage import write_dataset

GENERATOR = np.random.default_rng(0)
GREY = GENERATOR.integers(0, 256, (20, 4, 5), np.uint8)
LABELS = (np.arange(20) % 4).astype(np.uint8)


def write_idx(
    folder: Path, part: str, images: np.ndarray, labels: np.ndarray, *, packed: bool = False
) -> None:
    for array, kind in ((images, "images-idx3"), (labels, "labels-idx1")):
        data = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
        path = folder / f"{part}-{kind}-ubyte{'.gz' if packed else ''}"
        path.write_bytes(gzip.compress(data) if packed else data)


COLOUR = GENERATOR.integers(0, 256, (8, 3072), np.uint8)


def write_folder(
    root: Path, classes: Iterable[str] = "ab", count: int = 5, shape: tuple[int, ...] = (6, 8, 3)
) -> None:
    for name in classes:
        (root / name).mkdir(parents=True)
        for index in range(count):
            picture = np.full(shape, ord(name[0]) + index, np.uint8)
            pictures.save(root / name / f"{index}.png", picture)
        (root / name / "Thumbs.db").write_bytes(b"")


def written(tmp_path: Path, **options: Any) -> list[str]:
    """What is said of a source when it is imported."""
    contents = read_source(tmp_path, **options)
    return [*contents.notes, *write_dataset(tmp_path.parent / "out.h5", contents)]


TRACE = Path("trace-of-a-pickle")
"""Where a pickle that is carried out would leave something, in the current folder."""


class Evil:
    def __reduce__(self) -> Any:
        return os.system, (f"touch {TRACE}",)
