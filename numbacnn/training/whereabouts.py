"""Finds a run's data set, also when the project's folder has been moved or the command is called from elsewhere."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any

from ..data import Dataset
from ..errors import DataError, TrainingError, cut


def data_record(dataset: Dataset, given: str, folder: Path) -> dict[str, Any]:
    """What a run in `folder` writes down of its data set, which was named as `given`.

    `data` is an embedded set's name or a file's whole path; for a file `data_from_run` is the way from the folder there,
    with slashes on every system (left out where there is none, between two drives). `data_pictures` are counted by split.
    """
    pictures = {name: len(split) for name, split in dataset.splits.items()}
    if dataset.path is None:
        return {"data": dataset.name, "data_pictures": pictures}
    path = dataset.path.resolve()
    record: dict[str, Any] = {"data": str(path), "data_given": given, "data_pictures": pictures}
    with suppress(ValueError):
        record["data_from_run"] = PurePath(os.path.relpath(path, folder.resolve())).as_posix()
    return record


def find_data(record: Mapping[str, Any], folder: Path) -> str:
    """The embedded data set's name, or a path where the file is that a run in `folder` was trained on.

    It is looked for as seen from the folder, as it was named, and where it was. Raises DataError, which names these places.
    """
    data = record["data"]
    if "data_given" not in record and not PurePath(data).is_absolute() and PurePath(data).suffix != ".h5":
        return str(data)  # an embedded one
    seen_from_run, given = record.get("data_from_run"), record.get("data_given")
    places = [folder / seen_from_run] if isinstance(seen_from_run, str) else []
    places += [Path(given)] if isinstance(given, str) else []
    places.append(Path(data))
    paths = list(dict.fromkeys(os.path.normpath(place) for place in places))
    for path in paths:
        if os.path.isfile(path):
            return path
    listed = ", ".join(cut(path, 200) for path in paths)
    raise DataError(f"the data set that the run was trained on is no longer there (looked for: {listed})")


def need_same_data(dataset: Dataset, record: Mapping[str, Any], folder: Path) -> None:
    """Raises TrainingError if the data set has other numbers of pictures than the one that the run began with."""
    begun = record.get("data_pictures")
    if not isinstance(begun, dict):  # a run of an older version
        return
    found = {name: len(split) for name, split in dataset.splits.items()}
    for name in sorted({*begun, *found}):
        if begun.get(name, 0) != found.get(name, 0):
            raise TrainingError(
                f"{dataset.path or dataset.name} has {found.get(name, 0)} pictures in '{cut(name)}', and the run in {folder} "
                f"began with {cut(begun.get(name, 0))}: a run cannot go on with other data; start a new one"
            )
