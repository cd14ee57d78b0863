"""TOML files that people write: the one place that reads them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from .errors import NumbacnnError, cut

MAX_BYTES = 1 << 20
MAX_LINE = 10_000
"""Characters."""
MAX_POINTS = 64
"""Between two commas. A key of many parts, `a.b.c`, takes Python's parser time with the square of their number."""

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class Toml(NamedTuple):
    """A file's values, and its text for whoever wants to name a line."""

    values: dict[str, Any]
    text: str


def read_toml(path: Path, problem: type[NumbacnnError]) -> Toml:
    """The values in a TOML file of UTF-8, with or without a byte order mark.

    Raises `problem` that names the file, and the line and column of what is no TOML.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise problem(
                f"{path}: {path.stat().st_size:,} bytes; a TOML file of at most {MAX_BYTES:,} is expected"
            )
        data = path.read_bytes()
    except OSError as error:
        raise problem(f"{path}: {error.strerror or error}") from None
    text = _decoded(data, path, problem)
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > MAX_LINE:
            raise problem(
                f"{path}:{number}: a line of {len(line):,} characters; at most {MAX_LINE:,} are expected"
            )
        if max(piece.count(".") for piece in line.split(",")) > MAX_POINTS:
            raise problem(f"{path}:{number}: a key of more than {MAX_POINTS} parts: {cut(line.strip())}")
    try:
        return Toml(tomllib.loads(text), text)
    except RecursionError:
        raise problem(f"{path}: not TOML that can be read: its values nest too deeply") from None
    except ValueError as error:  # tomllib's own, and Python's for a number of thousands of digits
        raise problem(_described(path, text, str(error))) from None


def _decoded(data: bytes, path: Path, problem: type[NumbacnnError]) -> str:
    if data.startswith(_UTF_16) or b"\0" in data[:64]:
        raise problem(f"{path}: not UTF-8 but UTF-16 or binary; save it as UTF-8 text")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise problem(
            f"{path}:{line}: byte 0x{data[error.start]:02x} is no UTF-8; save the file as UTF-8 text"
        ) from None


def _described(path: Path, text: str, reason: str) -> str:
    """`file:line: not TOML: what is wrong at which column: the line`."""
    lines = text.splitlines() or [""]
    found = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", reason)
    what = cut(reason[: found.start()] if found else reason, 200)
    what = what[:1].lower() + what[1:]
    if found is None:
        return f"{path}: not TOML: {what}"
    number, column = (int(found[1]), int(found[2])) if found[1] else (len(lines), len(lines[-1]) + 1)
    shown = lines[number - 1].strip() if number <= len(lines) else ""
    return f"{path}:{number}: not TOML: {what} at column {column}{f': {cut(shown)}' if shown else ''}"
