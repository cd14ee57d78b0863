"""Arrays that people bring, made into pictures and labels or refused with the place of what is wrong.

`where` opens every message: the file and the field.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError

MAX_CLASSES = 100_000
"""More than any labelled set has; a label above it is damage or not a label."""

_SLAB = 1 << 22
"""Values looked at together, so that checking a large array does not double its memory."""


def as_pixels(array: NDArray[Any], where: str) -> NDArray[np.uint8]:
    """Pictures (N,H,W,C) uint8, C 1 or 3, of (N,H,W), (N,H,W,C) or (N,C,H,W).

    Takes uint8 as it is, whole numbers from 0 to 255, and floats in [0, 1] or [0, 255], which it rounds.
    Raises DataError.
    """
    array = _as_volumes(array, where)
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind not in "bfiu":
        raise DataError(f"{where}: values of type {array.dtype}; numbers are expected")
    low, high = array.min(), array.max()
    if not (low >= 0 and high <= 255):
        index = _first(array, lambda values: ~((values >= 0) & (values <= 255)))
        value = array[index]
        place = ", ".join(map(str, index))
        wanted = "0 to 1 or 0 to 255" if array.dtype.kind == "f" else "0 to 255"
        raise DataError(f"{where}[{place}] is {value}; pixels from {wanted} are expected")
    scale = 255 if array.dtype.kind == "b" or (array.dtype.kind == "f" and high <= 1) else 1
    pixels = np.empty(array.shape, np.uint8)
    for part in _slabs(array):
        pixels[part] = np.rint(array[part] * float(scale)) if array.dtype.kind in "bf" else array[part]
    return pixels


def _as_volumes(array: NDArray[Any], where: str) -> NDArray[Any]:
    if array.ndim == 3:
        array = array[..., None]
    elif array.ndim == 4 and array.shape[3] not in (1, 3) and array.shape[1] in (1, 3):
        array = array.transpose(0, 2, 3, 1)
    if array.ndim != 4 or array.shape[3] not in (1, 3) or 0 in array.shape[1:]:
        raise DataError(
            f"{where}: shape {array.shape}; (N, height, width), or with 1 or 3 channels (N, height, width, channels), "
            "is expected"
        )
    if not len(array):
        raise DataError(f"{where}: empty; at least one picture is expected")
    return array


def as_labels(labels: NDArray[Any], classes: int, count: int, where: str) -> NDArray[np.int64]:
    """Labels (N) int64 in [0, classes) for `count` pictures, of (N) or (N,1). Raises DataError."""
    labels = flat_labels(labels, where)
    if len(labels) != count:
        raise DataError(f"{where}: {len(labels)} labels for {count} pictures")
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if wrong.size:
        index = int(wrong[0])
        raise DataError(
            f"{where}[{index}] is {labels[index]}; with {classes} classes, 0 to {classes - 1} is expected"
        )
    return labels.astype(np.int64, copy=False)


def flat_labels(labels: NDArray[Any], where: str) -> NDArray[Any]:
    """Whole numbers (N). Raises DataError for another shape or type."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise DataError(f"{where}: shape {labels.shape}; one whole number a picture, (N), is expected")
    if labels.dtype.kind not in "iu":
        raise DataError(f"{where}: values of type {labels.dtype}; whole numbers are expected")
    return labels


def as_class_names(names: Sequence[str], labels: Iterable[NDArray[Any]], where: str) -> tuple[str, ...]:
    """The names given, or "0", "1", … up to the highest label. Raises DataError for names that cannot be."""
    if not names:
        highest = max(
            (int(values.max()) for values in labels if values.size and values.dtype.kind in "iu"), default=0
        )
        if highest >= MAX_CLASSES:
            raise DataError(f"{where}: a label is {highest}; labels count the classes from 0")
        return tuple(str(index) for index in range(highest + 1))
    for index, name in enumerate(names):
        if not name.strip() or "\0" in name:
            raise DataError(f"{where}: class name {index} is {name!r}; a name is expected")
    if len(set(names)) < len(names):
        twice = next(name for name in names if list(names).count(name) > 1)
        raise DataError(f"{where}: two classes are named '{twice}'")
    return tuple(names)


def _slabs(array: NDArray[Any]) -> Iterable[slice]:
    rows = max(1, _SLAB // max(1, array[0].size))
    return (slice(start, start + rows) for start in range(0, len(array), rows))


def _first(array: NDArray[Any], is_wrong: Any) -> tuple[int, ...]:
    """Index of the first value that is wrong."""
    for part in _slabs(array):
        wrong = is_wrong(array[part])
        if wrong.any():
            first, *rest = np.unravel_index(int(wrong.argmax()), wrong.shape)
            return (int(first) + part.start, *map(int, rest))
    raise AssertionError("nothing is wrong")
