"""Imports IDX, the format of MNIST: a big-endian header (magic number, sizes), then the values (Y. LeCun)."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ...limits import need_described
from ..contents import Contents
from .arrays import Field, contents_of
from .reading import ReadOptions

_PARTS = {"train": ("train",), "test": ("t10k", "test")}
_UNSIGNED_BYTE = 0x08


def matches(source: Path) -> bool:
    """Returns whether a folder has IDX files of pictures and labels."""
    return source.is_dir() and any("idx3" in entry.name for entry in source.iterdir())


def read(source: Path, options: ReadOptions) -> Contents:
    """Reads the pictures and labels of both splits. Raises DataError."""
    parts: dict[str, tuple[Field, Field]] = {}
    for split, words in _PARTS.items():
        images, labels = _find(source, words, "idx3"), _find(source, words, "idx1")
        parts[split] = (read_idx(images, 3), str(images)), (read_idx(labels, 1), str(labels))
    return contents_of(source, parts, pixel_range=options.pixel_range)


def _find(source: Path, words: tuple[str, ...], kind: str) -> Path:
    found = sorted(
        entry
        for entry in source.iterdir()
        if kind in entry.name
        and any(word in entry.name for word in words)
        and entry.suffix in ("", ".gz", f".{kind}-ubyte")
    )
    plain = [entry for entry in found if entry.suffix != ".gz"]
    found = plain or found  # unpacked beside its .gz: the same twice
    if len(found) != 1:
        what = "images" if kind == "idx3" else "labels"
        names = ", ".join(entry.name for entry in found) or "none"
        raise DataError(
            f"{source}: one file {words[0]}-{what}-{kind}-ubyte, or that with .gz, is expected; there: {names}"
        )
    return found[0]


def read_idx(path: Path, dimensions: int) -> NDArray[Any]:
    """Returns the array (uint8) of an IDX file, which may be .gz, with this number of axes. Raises DataError."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            magic = file.read(4)
            if len(magic) < 4 or magic[:2] != b"\0\0":
                raise DataError(f"{path}: not an IDX file: it starts with {magic!r}")
            if magic[2] != _UNSIGNED_BYTE or magic[3] != dimensions:
                raise DataError(
                    f"{path}: IDX of type 0x{magic[2]:02x} and {magic[3]} dimensions; bytes (0x08) and {dimensions} "
                    "are expected"
                )
            sizes = file.read(4 * dimensions)
            if len(sizes) < 4 * dimensions:
                raise DataError(f"{path}: it ends within its header")
            shape = struct.unpack(f">{dimensions}I", sizes)
            return _values(path, file, shape)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None


def _values(path: Path, file: Any, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    declared = math.prod(shape)
    # gzip cannot pack more than 1032 to 1: a header cannot make memory be taken for what no file of this size holds.
    if declared > path.stat().st_size * (1032 if path.suffix == ".gz" else 1):
        raise DataError(f"{path}: it declares {declared} values {shape} and does not hold them")
    need_described(declared, path, f"{declared:,} values take", DataError)
    values = np.empty(declared, np.uint8)
    got = 0
    while got < declared and (count := file.readinto(values[got:].data)):
        got += count
    if got < declared or file.read(1):
        more_or_less = "more" if got == declared else str(got)
        raise DataError(f"{path}: it declares {declared} values {shape} and holds {more_or_less}")
    return values.reshape(shape)
