"""What a file that is already there holds, and whether numbacnn wrote it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

FIGURE, CHANGED_PICTURE = "a figure of numbacnn's", "a picture that numbacnn changed"
DATA_SET, MODEL, FEATURES = "a data set", "a trained model", "features of pictures"
FIGURE_DATA, PAGE = "the numbers behind a figure", "a page of numbacnn's"

_END = 1 << 16
"""Bytes at either end of an SVG or PDF file, within which its creator is named."""


class Found(NamedTuple):
    """The contents of a file: its format as a suffix ("" if unknown), and which of the kinds above it is (None: none)."""

    format: str
    ours: str | None


def look(path: Path) -> Found:
    """Returns what a file holds, by its contents and not by its name. Raises OSError if it cannot be read."""
    with path.open("rb") as file:
        ends = file.read(_END)
        file.seek(max(file.tell(), path.stat().st_size - _END))
        ends += file.read(_END)
    if ends.startswith(b"\x89PNG\r\n\x1a\n"):
        return Found(".png", _png(path))
    if ends.startswith(b"\x89HDF\r\n\x1a\n"):
        return Found(".h5", _hdf5(path))
    from numbacnn.provenance import FIGURE as MARK
    from numbacnn.provenance import GENERATOR

    if ends.startswith(b"GIF8"):
        return Found(".gif", FIGURE if b"\x21\xfe" + bytes([len(MARK)]) + MARK.encode() in ends else None)
    if ends.startswith(b"%PDF-"):
        return Found(".pdf", FIGURE if f"/Creator ({MARK}".encode() in ends else None)
    if ends[:1] == b"\x08" and ends[2:3] == b"\x12":
        return Found(".onnx", MODEL if ends[3:12] == b"\x08numbacnn" else None)
    if ends[8:9] == b"{":
        return Found(".safetensors", MODEL if b'"numbacnn.architecture"' in ends else None)
    if ends[:15].lower() == b"<!doctype html>":
        return Found(".html", PAGE if GENERATOR.encode() in ends else None)
    if b"<svg" in ends:
        return Found(".svg", FIGURE if re.search(rb"<cc:Agent>\s*<dc:title>" + MARK.encode(), ends) else None)
    return Found("", None)


def _png(path: Path) -> str | None:
    from PIL import Image

    from numbacnn import provenance

    try:
        with Image.open(path, formats=["PNG"]) as image:
            software = str(image.info.get("Software", ""))
    except (
        Exception
    ):  # a damaged file fails in whatever way its decoder happens to, and is not ours to replace
        return None
    for mark, meaning in ((provenance.CHANGED_PICTURE, CHANGED_PICTURE), (provenance.FIGURE, FIGURE)):
        if software.startswith(mark):
            return meaning
    return None


def _hdf5(path: Path) -> str | None:
    from numbacnn.errors import DataError
    from numbacnn.storage import datasets, features, models, numbers
    from numbacnn.storage.hdf5 import Reader

    kinds = {
        datasets.KIND: DATA_SET,
        models.KIND: MODEL,
        features.KIND: FEATURES,
        numbers.KIND: FIGURE_DATA,
    }
    for kind, meaning in kinds.items():
        try:
            Reader(path, kind, DataError).close()
        except DataError:
            continue
        return meaning
    return None
