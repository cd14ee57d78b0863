"""Parts of pictures that `viz correspondence` hides: read from a table, or the same place in every picture."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numbacnn.errors import DataError, UsageError, cut

if TYPE_CHECKING:
    from cyclopts import Token

    from numbacnn.analysis import Box

    from ..pictures import Photograph

COLUMNS = ("image", "part", "top", "left", "bottom", "right")
LARGEST_TABLE = 1 << 20
"""Bytes; thousands of lines, and far more pictures than a figure holds."""

Corners = tuple[int, int, int, int]
"""Top, left, bottom, right: rows and columns of pixels, the last two not included."""
Named = tuple[str, Corners]


def as_named(_: Any, tokens: Sequence[Token]) -> tuple[Named, ...]:
    """The converter of --part: NAME=TOP,LEFT,BOTTOM,RIGHT."""
    return tuple(_named(token.value) for token in tokens)


def _named(text: str) -> Named:
    name, equals, corners = text.partition("=")
    numbers = corners.split(",")
    if not (name.strip() and equals and len(numbers) == 4 and all(map(_is_whole, numbers))):
        raise ValueError(
            f"'{cut(text)}' is no part; write NAME=TOP,LEFT,BOTTOM,RIGHT in pixels, for example eye=10,12,18,20"
        )
    top, left, bottom, right = map(int, numbers)
    if top >= bottom or left >= right:
        raise ValueError(f"'{cut(text)}' holds no pixel: top is above bottom, and left is left of right")
    return name.strip(), (top, left, bottom, right)


def _is_whole(text: str) -> bool:
    return text.strip().isascii() and text.strip().isdecimal() and len(text.strip()) <= 9


def read_table(path: Path) -> tuple[list[Path], dict[str, list[Corners]]]:
    """A table of parts: the pictures (named from its folder), and part -> its place in each of them.

    Raises DataError for what is no such table, or where a picture lacks a part.
    """
    found: dict[str, dict[str, Corners]] = {}
    parts: dict[str, None] = {}
    for number, row in _rows(path):
        where = f"{path}, line {number}"
        image, part = (row[0] or "").strip(), (row[1] or "").strip()
        corners = [each or "" for each in row[2:]]
        if not (image and part and all(map(_is_whole, corners))):
            raise DataError(f"{where}: an image, a part and four whole numbers of pixels are expected")
        top, left, bottom, right = map(int, corners)
        if top >= bottom or left >= right:
            raise DataError(
                f"{where}: rows {top} to {bottom}, columns {left} to {right} hold no pixel; top is above bottom, and left "
                "is left of right"
            )
        if part in found.setdefault(image, {}):
            raise DataError(f"{where}: '{cut(part)}' of {cut(image)} is there already")
        found[image][part] = top, left, bottom, right
        parts[part] = None
    for image, own in found.items():
        missing = [part for part in parts if part not in own]
        if missing:
            raise DataError(
                f"{path}: {cut(image)} has no '{cut(missing[0])}'; every part is expected of every picture"
            )
    if not found:
        raise DataError(f"{path}: no line but the first; a line a picture and part is expected")
    return [path.parent / image for image in found], {
        part: [own[part] for own in found.values()] for part in parts
    }


def _rows(path: Path) -> list[tuple[int, list[str | None]]]:
    """The numbers of lines, and their six columns."""
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    if path.stat().st_size > LARGEST_TABLE:
        raise DataError(
            f"{path}: {path.stat().st_size:,} bytes; a table of parts has at most {LARGEST_TABLE:,}"
        )
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.DictReader(file)
            if not set(COLUMNS) <= set(lines.fieldnames or ()):
                raise DataError(
                    f"{path}: a first line with the columns {','.join(COLUMNS)} is expected, as CSV"
                )
            return [(lines.line_num, [line[column] for column in COLUMNS]) for line in lines]
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path}: no table as CSV ({cut(error)})") from None


def seen(
    places: Sequence[Corners], photographs: Sequence[Photograph], names: Sequence[str], shape: tuple[int, ...]
) -> list[Box]:
    """Places in files, in the pixels of what the network sees of each (H,W,C). Raises DataError for one that it does not see."""
    from numbacnn.analysis import Box

    boxes = []
    for corners, photograph, name in zip(places, photographs, names, strict=True):
        (rows, columns), (top, left, bottom, right) = photograph.size, photograph.part
        if corners[2] > rows or corners[3] > columns:
            raise DataError(
                f"{name}: a part {_said(corners)} lies outside its {rows} rows and {columns} columns"
            )
        tall, wide = shape[0] / (bottom - top), shape[1] / (right - left)
        place = (
            max(round((corners[0] / rows - top) * tall), 0),
            max(round((corners[1] / columns - left) * wide), 0),
            min(round((corners[2] / rows - top) * tall), shape[0]),
            min(round((corners[3] / columns - left) * wide), shape[1]),
        )
        if place[0] >= place[2] or place[1] >= place[3]:
            raise DataError(f"{name}: the network sees nothing of a part {_said(corners)}")
        boxes.append(Box(*place))
    return boxes


def the_same(place: Corners, name: str, count: int, shape: tuple[int, ...]) -> list[Box]:
    """One place, in each of `count` pictures as the network sees them. Raises UsageError for one outside of them."""
    from numbacnn.analysis import Box

    if place[2] > shape[0] or place[3] > shape[1]:
        raise UsageError(
            f"--part {name}: {_said(place)} lies outside the {shape[0]} rows and {shape[1]} columns that the network sees"
        )
    return [Box(*place)] * count


def _said(corners: Corners) -> str:
    return f"of rows {corners[0]} to {corners[2]} and columns {corners[1]} to {corners[3]}"
