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


class Features(NamedTuple):
    """What a file holds."""

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


def read_features(path: Path) -> Features:
    """The features in a file. Raises DataError if it is damaged or another file."""
    with Reader(path, KIND, DataError) as file:
        record = file.json("record")
        rows, labels = file.array("features", ("f4",)), file.array("labels", ("i8",))
        if len(rows.shape) != 2 or labels.shape != rows.shape[:1] or not isinstance(record, dict):
            raise DataError(f"{path}: features {rows.shape} and labels {labels.shape} do not belong together")
        need_described(rows.nbytes + labels.nbytes, path, "its features take", DataError)
        return Features(rows.read(), labels.read(), record)
