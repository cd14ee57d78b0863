"""What can be fetched by name: a set or a model, its files, who publishes them, and under which licence."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RemoteFile:
    """A file, the addresses that have it, and the digest that was published of it.

    `digest` is `ALGORITHM:HEX`; fewer digits than the algorithm has are those that the digest begins with, as in the names of
    torchvision's files. Empty: nobody has published one.
    """

    name: str
    urls: tuple[str, ...]
    digest: str = ""


@dataclass(frozen=True)
class Published:
    """What is fetched by one name: the first file is the data's or the weights', and what lies beside them follows."""

    title: str
    files: tuple[RemoteFile, ...]
    origin: str
    licence: str
    """As its authors state it; empty: they state none."""
