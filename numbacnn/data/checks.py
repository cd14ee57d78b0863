"""Checks arrays that people bring, and makes pictures and labels of them; an error names the place of what is wrong.

`where` begins every message: the file and the field.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, cut
from ..limits import MAX_CLASSES

Range = tuple[float, float]
"""The values that stand for black and white."""

_BYTES, _SHARES = (0, 255), (0, 1)

_SLAB = 1 << 22
"""The number of values that are checked together, so that checking a large array does not double its memory."""


def as_pixels(array: NDArray[Any], where: str, pixel_range: Range | None = None) -> NDArray[np.uint8]:
    """Returns pictures (N,H,W,C) uint8, C 1 or 3, of an array (N,H,W), (N,H,W,C) or (N,C,H,W).

    `pixel_range` has the values of black and white, such as (16, 0) for ink of 16 on paper of 0; left out, it is what
    `ranges_of` finds. Fractions are rounded. Raises DataError for values outside the range.
    """
    array = _as_volumes(array, where)
    pixel_range = pixel_range or ranges_of([array])[0]
    black, white = pixel_range
    if array.dtype == np.uint8 and (black, white) == _BYTES:
        return array
    if array.dtype.kind not in "bfiu":
        raise DataError(f"{where}: values of type {array.dtype}; numbers are expected")
    lowest, highest = sorted(pixel_range)
    low, high = array.min(), array.max()
    if not (low >= lowest and high <= highest):
        index = _first(array, lambda values: ~((values >= lowest) & (values <= highest)))
        wanted = "0 to 1 or 0 to 255" if array.dtype.kind == "f" else "0 to 255"
        if pixel_range in (_BYTES, _SHARES):
            wanted = f"pixels from {wanted} are expected{_hint(float(low), float(high))}"
        else:
            wanted = f"the range given is {lowest:g} to {highest:g}"
        raise DataError(f"{where}[{', '.join(map(str, index))}] is {array[index]}; {wanted}")
    pixels = np.empty(array.shape, np.uint8)
    for part in _slabs(array):
        if (black, white) == _BYTES and array.dtype.kind in "iu":
            pixels[part] = array[part]
        else:
            pixels[part] = np.rint((array[part] - float(black)) * (255 / (white - black)))
    return pixels


def ranges_of(arrays: Iterable[NDArray[Any]]) -> list[Range]:
    """Returns the values of black and white in each of the arrays of one set, where the user does not give them.

    They are 0 and 1 for truth values, and for floats if no float of the set exceeds 1; else 0 and 255. All splits are
    checked together, as one of them may happen to be dark.
    """
    arrays = list(arrays)
    small = all(not array.size or array.max() <= 1 for array in arrays if array.dtype.kind == "f")
    return [
        _SHARES if array.dtype.kind == "b" or (array.dtype.kind == "f" and small) else _BYTES
        for array in arrays
    ]


def _hint(low: float, high: float) -> str:
    """Returns how to import values from `low` to `high`, if their scale is obvious."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    if -1 <= low < 0 and high <= 1:
        return "; for values from -1 to 1, say --range=-1,1"
    if low >= 0 and high <= 65535:
        white = next(white for white in (1023, 4095, 16383, 65535) if high <= white)
        return f"; if {white} is white, say --range 0,{white}"
    return f"; say which values are black and white: --range={low:g},{high:g}"


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
    """Returns labels (N) int64 in [0, classes) for `count` pictures, of an array (N) or (N,1). Raises DataError."""
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
    """Returns whole numbers (N). Raises DataError for another shape or type."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise DataError(f"{where}: shape {labels.shape}; one whole number a picture, (N), is expected")
    if labels.dtype.kind not in "iu":
        raise DataError(f"{where}: values of type {labels.dtype}; whole numbers are expected")
    return labels


def as_class_names(names: Sequence[str], labels: Iterable[NDArray[Any]], where: str) -> tuple[str, ...]:
    """Returns the names given, or "0", "1", ... up to the highest label. Raises DataError for names that are not
    possible.
    """
    if not names:
        highest = max(
            (int(values.max()) for values in labels if values.size and values.dtype.kind in "iu"), default=0
        )
        if highest >= MAX_CLASSES:
            raise DataError(f"{where}: a label is {highest}; labels count the classes from 0")
        return tuple(str(index) for index in range(highest + 1))
    for index, name in enumerate(names):
        if not name.strip() or "\0" in name:
            raise DataError(f"{where}: class name {index} is {cut(repr(name))}; a name is expected")
    if len(set(names)) < len(names):
        twice = next(name for name, count in Counter(names).items() if count > 1)
        raise DataError(f"{where}: two classes are named '{cut(twice)}'")
    return tuple(names)


def _slabs(array: NDArray[Any]) -> Iterable[slice]:
    rows = max(1, _SLAB // max(1, array[0].size))
    return (slice(start, start + rows) for start in range(0, len(array), rows))


def _first(array: NDArray[Any], is_wrong: Any) -> tuple[int, ...]:
    """Returns the index of the first value for which `is_wrong` holds."""
    for part in _slabs(array):
        wrong = is_wrong(array[part])
        if wrong.any():
            first, *rest = np.unravel_index(int(wrong.argmax()), wrong.shape)
            return (int(first) + part.start, *map(int, rest))
    raise AssertionError("nothing is wrong")
