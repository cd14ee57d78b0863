"""Downloads one file over HTTP into a partial file, from which a later call goes on by range requests (RFC 9110,
section 14).
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import FetchError, cut

CHUNK = 1 << 14
"""Bytes that are written at a time, and that are lost at most when a connection is cut."""

MOST = 2 << 30
"""Bytes of a file, at most; every file that is published here is smaller."""

_PAGE = re.compile(rb"\s*<(?:!doctype\s+html|html)", re.IGNORECASE)
_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15}|\*)")

Watch = Callable[..., Iterable[Any]]
"""A function of (items, description, number of items) that passes the items on and shows the progress."""


@dataclass(frozen=True)
class Patience:
    """Seconds to wait for a server's answer and between two pieces of a file, and the number of attempts.

    Attempts are counted from the last one that brought any bytes. `pause` is the seconds before the second attempt,
    doubled for each further one.
    """

    connect: float = 15.0
    silence: float = 30.0
    attempts: int = 5
    pause: float = 0.5


class NotThere(FetchError):
    """Raised if the server has no such file."""


class NotTheFile(FetchError):
    """Raised if the server sends something else than the file."""


class _CutShort(Exception):
    """Raised for a transfer that may succeed if it is tried again."""


def transfer(url: str, part: Path, watch: Watch, patience: Patience, most: int = MOST) -> bool:
    """Downloads the file at an address completely into `part`, going on where `part` ends. Returns whether some of it
    was there before.

    Bytes that arrived stay in `part` whatever happens, with a note of their origin beside it. Raises FetchError.
    """
    resumed, left, pause = False, patience.attempts, patience.pause
    while True:
        before = _size(part)
        try:
            return _attempt(url, part, watch, patience, most) or resumed
        except _CutShort as error:
            here = _size(part)
            left = patience.attempts - 1 if here > before else left - 1
            if left <= 0:
                kept = (
                    f"; {here:,} bytes are kept, and the same command goes on from there"
                    if here
                    else "; nothing of it has come"
                )
                raise FetchError(f"{url}: {error}{kept}") from None
            resumed = resumed or here > 0
            time.sleep(pause)
            pause = patience.pause if here > before else min(2 * pause, 30.0)


def forget(part: Path) -> None:
    """Removes a partial file, and the note beside it."""
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)


def _attempt(url: str, part: Path, watch: Watch, patience: Patience, most: int) -> bool:
    """Makes one request, and returns whether it continued what was there. Raises _CutShort, FetchError."""
    import requests
    from urllib3.exceptions import HTTPError

    here, tag = _size(part), _known(part, url)
    if here and tag is None:
        forget(part)
        here = 0
    headers = {"Accept-Encoding": "identity", "User-Agent": "numbacnn"}
    if here:
        headers["Range"] = f"bytes={here}-"
        if tag:
            headers["If-Range"] = tag
    wait = (patience.connect, patience.silence)
    try:
        with requests.get(url, headers=headers, stream=True, timeout=wait) as answer:
            if answer.status_code == 416 and answer.headers.get("Content-Range") == f"bytes */{here}":
                return True
            total = _expected(url, answer, part, here, most)
            if answer.status_code == 200:
                here = 0
            _write_note(part, url, answer.headers)
            _need_room(part, total - here if total is not None else 0)
            _receive(url, answer, part, here, total, watch, most)
            return here > 0
    except requests.exceptions.Timeout:
        raise _CutShort(f"the server says nothing for {patience.silence:g} s") from None
    except (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
        raise _CutShort(_reason(error)) from None
    except requests.exceptions.RequestException as error:
        raise FetchError(f"{url}: {cut(error, 200)}") from None
    except (HTTPError, TimeoutError, ConnectionError) as error:  # while the bytes are read
        raise _CutShort(_reason(error)) from None
    except OSError as error:
        if isinstance(error, FetchError):
            raise
        raise FetchError(f"{part}: cannot be written ({error.strerror or error})") from None


def _expected(url: str, answer: Any, part: Path, here: int, most: int) -> int | None:
    """Returns the size of the whole file, None if the server does not say it. Raises FetchError for an answer that is
    not the file.
    """
    code = answer.status_code
    if code in (404, 410):
        raise NotThere(f"{url}: the server has no such file ({code})")
    if code == 416:
        forget(part)
        raise _CutShort("the file has become shorter than what had come of it")
    if code in (408, 425, 429) or code >= 500:
        raise _CutShort(f"the server answers {code} {cut(answer.reason)}")
    if code not in (200, 206):
        raise FetchError(f"{url}: the server answers {code} {cut(answer.reason)}")
    if "html" in answer.headers.get("Content-Type", ""):
        raise NotTheFile(
            f"{url}: the server sends a page for people in place of the file; is there a login, or a notice, before it?"
        )
    if code == 206:
        found = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if not found or int(found[1]) != here:
            forget(part)
            raise _CutShort(
                f"the server was asked for the bytes from {here:,} on, and sends "
                f"{cut(answer.headers.get('Content-Range') or 'others')}"
            )
        total = None if found[3] == "*" else int(found[3])
    else:
        length = answer.headers.get("Content-Length", "")
        total = int(length) if length.isdecimal() and len(length) < 16 else None
    if total is not None and total > most:
        raise FetchError(f"{url}: the server says that it has {total:,} bytes; at most {most:,} are expected")
    return total


def _receive(
    url: str, answer: Any, part: Path, here: int, total: int | None, watch: Watch, most: int
) -> None:
    def pieces() -> Iterator[bytes]:
        while piece := answer.raw.read(CHUNK, decode_content=False):
            yield piece

    count = None if total is None else -(-(total - here) // CHUNK)
    with part.open("ab" if here else "wb") as file:
        for piece in watch(pieces(), f"fetching {part.name.removesuffix('.part')}", count):
            if not here and _PAGE.match(piece):
                raise NotTheFile(f"{url}: the server sends a page for people in place of the file")
            here += len(piece)
            if here > (most if total is None else total):
                raise NotTheFile(f"{url}: more than {most if total is None else total:,} bytes come")
            file.write(piece)
    if total is not None and here < total:
        raise _CutShort(f"the connection ended after {here:,} of {total:,} bytes")


def _need_room(part: Path, needed: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if needed > free:
        raise FetchError(f"{part.parent}: {needed:,} bytes are to come, and {free:,} are free there")


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _write_note(part: Path, url: str, headers: Any) -> None:
    """Writes beside the part where it comes from, and the tag by which the server tells whether its file is still the
    same.
    """
    tag = headers.get("ETag", "")
    if tag.startswith("W/") or not tag:
        tag = headers.get("Last-Modified", "")
    _note(part).write_text(json.dumps({"url": url, "tag": tag}), "utf-8")


def _known(part: Path, url: str) -> str | None:
    """Returns the tag of a part that came from this address; None if it did not or has no note."""
    try:
        said = json.loads(_note(part).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(said, dict) or said.get("url") != url or not isinstance(said.get("tag"), str):
        return None
    return str(said["tag"])


def _reason(error: BaseException) -> str:
    """Returns the innermost cause of an error from the libraries below, in a few words."""
    text = str(error)
    if "NameResolution" in text or "getaddrinfo" in text or "resolve" in text:
        return "its name is of no computer that is known; is there a connection to the Internet?"
    if "timed out" in text:
        return "the server says nothing any more"
    if "refused" in text:
        return "the server refuses the connection"
    if "CERTIFICATE" in text.upper():
        return f"its certificate is not trusted ({cut(text, 120)})"
    return "the connection was cut"
