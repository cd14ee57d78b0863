"""Describes what can be fetched by name: files, publishers, licences."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RemoteFile:
    """A file, the addresses that have it, and its published digest.

    `digest` is `ALGORITHM:HEX`. Fewer digits than the algorithm has are the first digits of the digest, as in the names
    of torchvision's files. An empty digest says that none has been published.
    """

    name: str
    urls: tuple[str, ...]
    digest: str = ""


@dataclass(frozen=True)
class Published:
    """What is fetched under one name: the first file is that of the data or the weights, the others lie beside it."""

    title: str
    files: tuple[RemoteFile, ...]
    origin: str
    licence: str
    """The licence as its authors state it; empty if they state none."""
