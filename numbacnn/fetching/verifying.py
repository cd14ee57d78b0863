"""Digests of files, compared with those that were published."""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import UsageError

_LENGTHS = {"md5": 32, "sha1": 40, "sha256": 64}
_LEAST = 8
"""Digits that say enough against accidents; torchvision's names have so many."""


def parse_digest(option: str, text: str) -> str:
    """The digest that a user gave, `sha256:HEX`. Raises UsageError."""
    given = text.lower().removeprefix("sha256:")
    if not re.fullmatch(rf"[0-9a-f]{{{_LEAST},64}}", given):
        raise UsageError(
            f"{option} {text}: the file's SHA-256 is expected, 64 hexadecimal digits or its first {_LEAST} or more"
        )
    return f"sha256:{given}"


def digest_of(path: Path, algorithm: str = "sha256") -> str:
    """The digest of a file, in hexadecimal digits."""
    from pooch import file_hash

    return str(file_hash(str(path), alg=algorithm))


def is_whole(digest: str) -> bool:
    """Whether a digest has all its digits."""
    algorithm, _, digits = digest.partition(":")
    return len(digits) == _LENGTHS.get(algorithm)


def fits(path: Path, digest: str) -> bool:
    """Whether a file has this digest, or one that begins with its digits."""
    algorithm, _, digits = digest.partition(":")
    return digest_of(path, algorithm).startswith(digits)
