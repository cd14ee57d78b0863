"""Computes digests of files and compares them with published ones."""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import UsageError

_LENGTHS = {"md5": 32, "sha1": 40, "sha256": 64}
_LEAST = 8
"""The fewest digits that are accepted; torchvision's file names have so many, which is enough against accidents."""


def parse_digest(option: str, text: str) -> str:
    """Returns the digest that a user gave, as `sha256:HEX`. Raises UsageError that names the option."""
    given = text.lower().removeprefix("sha256:")
    if not re.fullmatch(rf"[0-9a-f]{{{_LEAST},64}}", given):
        raise UsageError(
            f"{option} {text}: the file's SHA-256 is expected, 64 hexadecimal digits or its first {_LEAST} or more"
        )
    return f"sha256:{given}"


def digest_of(path: Path, algorithm: str = "sha256") -> str:
    """Returns the digest of a file in hexadecimal digits."""
    from pooch import file_hash

    return str(file_hash(str(path), alg=algorithm))


def is_whole(digest: str) -> bool:
    """Returns whether a digest has all digits of its algorithm."""
    algorithm, _, digits = digest.partition(":")
    return len(digits) == _LENGTHS.get(algorithm)


def fits(path: Path, digest: str) -> bool:
    """Returns whether a file has this digest, or one that begins with these digits."""
    algorithm, _, digits = digest.partition(":")
    return digest_of(path, algorithm).startswith(digits)
