"""Files written whole or not at all."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives the path of a new file to write beside `path`; at the end it takes the place of `path` in one step.

    Whatever happens before that, an exception, a kill or a power cut, leaves the old file as it was. A kill leaves
    the `.partial` file too. Raises OSError.
    """
    path = Path(os.path.realpath(path))  # a link stays a link
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.partial")
    try:
        yield partial
        _synchronise(partial, os.O_RDWR)
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    if os.name != "nt":  # Windows cannot open a folder, and writes its entries through
        _synchronise(path.parent, os.O_RDONLY)


def is_partial(name: str) -> bool:
    """Whether a file of that name was being written: if nobody is writing it now, a kill has left it."""
    return re.fullmatch(r".+\.[0-9a-f]{8}\.partial", name) is not None


def _synchronise(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
