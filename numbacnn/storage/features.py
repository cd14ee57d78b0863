"""Features of a data set's pictures in a file, so that they are computed once.

features   (N,D) float32, a picture a row
labels     (N) int64
record     JSON: what they are of (model, data, split, layer)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import DataError
from ..limits import need_described
from .hdf5 import Reader, writing

KIND = "numbacnn features"
IN_MEMORY = 1 << 30
"""Bytes up to which stored features are read at once."""


class Features(NamedTuple):
    """The contents of a file of features."""

    rows: Any
    labels: Any
    record: dict[str, Any]


def write_features(
    path: Path, parts: Iterable[Any], shape: tuple[int, int], labels: Any, record: Mapping[str, Any]
) -> None:
    """Writes parts of rows, (N,D) in all, as they come; `path` is replaced at the end. Raises DataError."""
    with writing(path, KIND, DataError) as file:
        file.json("record", dict(record))
        file.array("labels", np.asarray(labels, np.int64))
        rows, place = file.rows("features", shape, np.float32), 0
        for part in parts:
            rows[place : place + len(part)] = part
            place += len(part)


class StoredFeatures:
    """The features in a file, read when they are asked for. Raises DataError if the file is damaged or another one."""

    def __init__(self, path: Path) -> None:
        file = Reader(path, KIND, DataError)
        self.record = file.json("record")
        self._rows = file.array("features", ("f4",))
        self.labels = file.array("labels", ("i8",)).read()
        self.shape = self._rows.shape
        if len(self.shape) != 2 or self.labels.shape != self.shape[:1] or not isinstance(self.record, dict):
            raise DataError(
                f"{path}: features {self.shape} and labels {self.labels.shape} do not belong together"
            )
        self._memory = self._rows.read() if self._rows.nbytes <= IN_MEMORY else None

    def read(self, indices: Any) -> Any:
        """The rows of these indices (n,D)."""
        if self._memory is not None:
            return self._memory[indices]
        found = np.empty((len(indices), self.shape[1]), np.float32)
        for place, index in enumerate(indices):
            found[place] = self._rows.read_rows(int(index), int(index) + 1)[0]
        return found


def read_features(path: Path) -> Features:
    """The features in a file. Raises DataError if it is damaged or another file."""
    with Reader(path, KIND, DataError) as file:
        record = file.json("record")
        rows, labels = file.array("features", ("f4",)), file.array("labels", ("i8",))
        if len(rows.shape) != 2 or labels.shape != rows.shape[:1] or not isinstance(record, dict):
            raise DataError(f"{path}: features {rows.shape} and labels {labels.shape} do not belong together")
        need_described(rows.nbytes + labels.nbytes, path, "its features take", DataError)
        return Features(rows.read(), labels.read(), record)
