"""Room on the disk, taken before HDF5 writes: if a write of its own fails, HDF5 1.14 crashes the process later."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path


class Room:
    """What a file may grow to. Where the system cannot reserve it (macOS, Windows), that it is free is all that counts."""

    def __init__(self, path: Path) -> None:
        self._path, self._taken = path, 0

    def take(self, count: int) -> None:
        """`count` bytes more. Raises OSError if the disk is full, a quota reached, or files cannot be so large."""
        if hasattr(os, "posix_fallocate"):
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                os.posix_fallocate(descriptor, self._taken, count)
            finally:
                os.close(descriptor)
        elif shutil.disk_usage(self._path.parent).free < count:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._taken += count
