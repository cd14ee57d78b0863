"""Files written whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LONGEST_START = 180
"""Bytes of a name that its `.partial` file begins with: names of more than 255 are refused by most file systems."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives the path of a new file to write beside `path`; at the end it takes the place of `path` in one step.

    Whatever happens before that, an exception, a kill or a power cut, leaves the old file as it was. A kill leaves
    the `.partial` file too. Raises OSError, which names `path` and not the `.partial` file.
    """
    target = Path(os.path.realpath(path))  # a link stays a link
    partial = _partial(target)
    try:
        yield partial
        _synchronise(partial, os.O_RDWR)
        os.replace(partial, target)
    except BaseException as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is not None and Path(error.filename) == partial:
            error.filename = str(path)
        raise
    if os.name != "nt":  # Windows cannot open a folder, and writes its entries through
        _synchronise(target.parent, os.O_RDONLY)


def try_to_write(path: Path) -> None:
    """Finds out whether `replacing` can write `path`, and leaves everything as it was. Raises OSError, naming `path`."""
    target = Path(os.path.realpath(path))
    if len(os.fsencode(target.name)) > 255:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), str(path))
    partial = _partial(target)
    try:
        partial.open("xb").close()
        partial.unlink()
    except OSError as error:
        error.filename = str(path)
        raise


def _partial(target: Path) -> Path:
    start = os.fsdecode(os.fsencode(target.name)[:_LONGEST_START])
    return target.with_name(f"{start}.{secrets.token_hex(4)}.partial")


def is_partial(name: str) -> bool:
    """Whether a file of that name was being written: if nobody is writing it now, a kill has left it."""
    return re.fullmatch(r".+\.[0-9a-f]{8}\.partial", name) is not None


def _synchronise(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
