"""One process at a time in a run's folder."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import TrainingError

LOCK = ".lock"
"""The file that is locked. It stays: to remove it would be to let two processes lock two files of one name."""

_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL}


@contextmanager
def claimed(folder: Path) -> Iterator[bool]:
    """The folder is this process's until the block ends, or the process does; False where the file system has no locks.

    Raises TrainingError if it is another's, OSError if nothing can be written there.
    """
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise TrainingError(
            f"{folder}: another numbacnn is training in this folder; wait until it ends, or stop it"
        ) from None
    except NotImplementedError:
        locked = False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        locked = False
    else:
        locked = True
    try:
        yield locked
    finally:
        lock.release()
