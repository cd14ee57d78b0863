"""Fetches one published file into a folder, from a mirror or from its address: completely and checked, or not at all."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import FetchError, UsageError
from .catalogue import RemoteFile
from .transfer import MOST, NotTheFile, NotThere, Patience, Watch, forget, transfer
from .verifying import digest_of, fits, is_whole


@dataclass(frozen=True)
class Fetched:
    """A file that was fetched: what it belongs to, its SHA-256, and the digest that it was checked by ("" if none)."""

    path: Path
    url: str
    bytes: int
    sha256: str
    checked: str
    cached: bool
    """Whether the file was in the folder before."""


@dataclass(frozen=True)
class Wish:
    """How files are fetched: from which mirror (a folder or an address), and checked by the published digest, by the
    user's, or not at all.
    """

    mirror: str | None = None
    unverified: bool = False
    digest: str | None = None
    patience: Patience = field(default_factory=Patience)
    takes_digest: bool = True
    """Whether the user may give a digest: of a model's weights, but not of the several files of a data set."""

    @property
    def remedy(self) -> str:
        """What a user can do about a file that cannot be checked, for error messages."""
        given = "give its SHA-256 with --sha256, or " if self.takes_digest else ""
        return f"{given}take it as it is with --unverified"


def fetch_file(file: RemoteFile, name: str, folder: Path, wish: Wish, watch: Watch) -> Fetched:
    """Fetches a file into `folder`, which is made if it is missing. `name` is the name of the set or model, and of its
    folder on a mirror.

    Raises FetchError, and UsageError if there is no digest to check the file by.
    """
    import logging

    import pooch
    from filelock import FileLock, Timeout

    digest = "" if wish.unverified else wish.digest or file.digest
    if not digest and not wish.unverified:
        raise UsageError(
            f"nobody has published a digest of {file.name}, so that it cannot be told from another file: "
            f"{wish.remedy}"
        )
    pooch.get_logger().setLevel(logging.ERROR)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{file.name}.lock", timeout=0):
            return _fetch(file, name, folder, digest, wish, watch)
    except Timeout:
        raise FetchError(f"{folder / file.name} is being fetched by another command") from None
    except FetchError:
        raise
    except OSError as error:
        raise FetchError(
            f"{error.filename or folder}: cannot be written ({error.strerror or error})"
        ) from None


def _fetch(file: RemoteFile, name: str, folder: Path, digest: str, wish: Wish, watch: Watch) -> Fetched:
    import pooch

    path = folder / file.name
    addresses = _addresses(file, name, wish.mirror)
    known = digest or wish.digest or file.digest
    if path.is_file() and known and fits(path, known):
        return _found(path, addresses[0], known, cached=True)
    problems: list[str] = []
    for address in addresses:
        part = folder / f"{file.name}.part"
        try:
            _bring(address, part, digest, wish, watch)
        except FetchError as error:
            problems.append(str(error))
            if wish.mirror is not None and not isinstance(error, NotThere):
                break
            continue
        path.unlink(missing_ok=True)
        whole = digest if digest and is_whole(digest) else None
        pooch.retrieve(
            address,
            whole,
            file.name,
            folder,
            downloader=lambda _, target, __, part=part: _second_name(part, target),
        )
        forget(part)
        return _found(path, address, digest, cached=False)
    hint = (
        "" if wish.mirror is not None else ". --mirror names a folder or an address that has the same files"
    )
    raise FetchError("; ".join(dict.fromkeys(problems)) + hint)


def _bring(url: str, part: Path, digest: str, wish: Wish, watch: Watch) -> None:
    """Downloads the file to `part` and checks it. Raises FetchError, and then leaves nothing wrong there."""
    for last in (False, True):
        if "://" in url:
            try:
                resumed = transfer(url, part, watch, wish.patience)
            except FetchError as error:
                if isinstance(error, NotTheFile):
                    forget(part)
                raise
        else:
            _copy(Path(url), part)
            resumed = False
        if not digest or fits(part, digest):
            return
        algorithm, _, expected = digest.partition(":")
        found, size = digest_of(part, algorithm), part.stat().st_size
        forget(part)
        if last or not resumed:  # what was put together of two transfers may be of two files
            kind = {"md5": "MD5", "sha1": "SHA-1", "sha256": "SHA-256"}[algorithm]
            raise FetchError(
                f"{url} is not the file that was published: the {kind} of these {size:,} bytes is {found}, and "
                f"{expected}{'' if is_whole(digest) else '…'} is expected. It was thrown away. If you trust this file, "
                f"{wish.remedy}"
            )


def _second_name(part: Path, target: Any) -> None:
    """Gives the file the name under which pooch accepts it; until then the part is left as it is."""
    os.unlink(target)
    try:
        os.link(part, target)
    except OSError:
        shutil.copyfile(part, target)


def _copy(source: Path, part: Path) -> None:
    try:
        if source.stat().st_size > MOST:
            raise FetchError(f"{source}: {source.stat().st_size:,} bytes; at most {MOST:,} are expected")
        shutil.copyfile(source, part)
    except OSError as error:
        if isinstance(error, FetchError):
            raise
        raise FetchError(f"{source}: cannot be read ({error.strerror or error})") from None


def _addresses(file: RemoteFile, name: str, mirror: str | None) -> list[str]:
    """Returns the addresses to try, in order. Raises FetchError for a mirror that lacks the file."""
    if mirror is None:
        return list(file.urls)
    if "://" in mirror:
        if not mirror.startswith(("http://", "https://")):
            raise UsageError(
                f"--mirror {mirror}: a folder, or an address that begins with http:// or https://, is expected"
            )
        base = mirror.rstrip("/")
        return [f"{base}/{name}/{file.name}", f"{base}/{file.name}"]
    folder = Path(mirror).expanduser()
    if not folder.is_dir():
        raise UsageError(f"--mirror {mirror}: no such folder; a folder or an address (https://…) is expected")
    for place in (folder / name / file.name, folder / file.name):
        if place.is_file():
            return [str(place)]
    raise FetchError(f"{folder}: there is no {file.name} in it, nor in {Path(name) / file.name} below it")


def _found(path: Path, address: str, digest: str, *, cached: bool) -> Fetched:
    return Fetched(path, address, path.stat().st_size, digest_of(path), digest, cached)
