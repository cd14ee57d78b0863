"""Unpacks from archives of data sets only the files that an importer reads."""

from __future__ import annotations

import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from ..errors import FetchError

_LARGEST = 512 << 20
"""Bytes of one file, at most."""
_MOST_MEMBERS = 1000


def unpack(archive: Path, folder: Path) -> Path:
    """Writes the regular files of a .tar.gz into `folder`, without their folders, and returns it. Raises FetchError."""
    taken = 0
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                name = PurePosixPath(member.name).name
                if not member.isfile() or not name or name.startswith("."):
                    continue
                taken += 1
                if member.size > _LARGEST or taken > _MOST_MEMBERS:
                    raise FetchError(f"{archive}: it unpacks to more than a data set has")
                source = tar.extractfile(member)
                assert source is not None
                with source, (folder / name).open("wb") as target:
                    shutil.copyfileobj(source, target)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        if isinstance(error, FetchError):
            raise
        raise FetchError(f"{archive}: it cannot be unpacked ({error})") from None
    return folder
