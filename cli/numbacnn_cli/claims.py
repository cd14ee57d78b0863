"""Names that commands write under: of two that run side by side, only one has a name.

Whoever chose a name holds a lock on a file that stands for it, in a folder of the user's among the system's temporary
files, so that nothing is left beside what is written. The system lets go of a lock when its process ends, however it ends.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filelock import BaseFileLock

_held: dict[str, BaseFileLock] = {}


@contextmanager
def held_until_the_end() -> Iterator[None]:
    """Releases at the end of the block whatever names this process claimed within it."""
    try:
        yield
    finally:
        while _held:
            _held.popitem()[1].release()


def claim(name: str) -> bool:
    """Claims a file's or a folder's whole name for this process. Returns False if another process has it.

    Where no file can be locked, every name is free.
    """
    from filelock import FileLock, Timeout

    if name in _held:
        return True
    try:
        folder = Path(tempfile.gettempdir()) / f"numbacnn-{_user()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        lock = FileLock(folder / f"{hashlib.sha256(os.fsencode(name)).hexdigest()[:32]}.lock")
        lock.acquire(timeout=0)
    except Timeout:
        return False
    except (OSError, NotImplementedError):
        return True
    _held[name] = lock
    return True


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else getpass.getuser()
