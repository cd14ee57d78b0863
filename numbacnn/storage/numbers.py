"""The numbers behind a figure in a file: named arrays, each with what it means.

Every array has the attribute `meaning`, in words, with its axes and its unit. Arrays of different sizes that belong
together (pictures of any size) are a group, 0, 1, 2, …. The file itself has `title`, `provenance` (what made the
figure) and `numbacnn` (the version).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from .hdf5 import Writer, writing

KIND = "numbacnn figure data"


def write_numbers(
    path: Path, numbers: Mapping[str, tuple[Any, str]], *, title: str = "", provenance: str = ""
) -> None:
    """Writes numbers by name: values and what they mean, with axes and unit; "/" in a name makes groups.

    Values are an array, texts, or a list of arrays of different sizes; None stands for a number that there is not.
    The file is written whole or not at all. Raises DataError where it cannot be written.
    """
    from .. import __version__

    with writing(path, KIND, DataError) as file:
        file.describe("/", title=title, provenance=provenance, numbacnn=__version__)
        for name, (values, meaning) in numbers.items():
            _write(file, name, values, meaning)


def _write(file: Writer, name: str, values: Any, meaning: str) -> None:
    if _is_ragged(values):
        for index, value in enumerate(values):
            file.array(f"{name}/{index}", np.atleast_1d(value))
    else:
        array = np.atleast_1d(np.asarray(values))
        if array.dtype.kind == "U":
            file.texts(name, [str(text) for text in array.ravel()])
        else:
            plain = {"O": np.float64, "b": np.uint8}.get(array.dtype.kind, array.dtype)
            file.array(name, array.astype(plain))
    file.describe(name, meaning=meaning)


def _is_ragged(values: Any) -> bool:
    return (
        isinstance(values, Sequence)
        and not isinstance(values, str)
        and len({np.shape(value) for value in values}) > 1
    )
