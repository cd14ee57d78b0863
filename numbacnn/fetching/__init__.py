"""Fetches data sets and trained networks by name from where their authors publish them.

Files are checked by digest; a download that was cut goes on.

    contents, files = fetch_data("cifar10", folder)     # for `storage.write_dataset`
    converted, files = fetch_model("resnet-18", folder)

`folder` keeps the files: a second call finds them there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from ..data.contents import Contents
from ..data.importers import read_source
from ..errors import UsageError, nearest
from ..formats import Asked, Converted, read_network
from .catalogue import Published, RemoteFile
from .data_sets import DATA_SETS
from .files import Fetched, Wish, fetch_file
from .models import CLASSES_FILE, MODELS, PublishedModel
from .transfer import Patience, Watch
from .unpacking import unpack
from .verifying import parse_digest

__all__ = [
    "DATA_SETS",
    "MODELS",
    "Fetched",
    "Patience",
    "Published",
    "PublishedModel",
    "RemoteFile",
    "Wish",
    "fetch_data",
    "fetch_file",
    "fetch_model",
    "parse_digest",
    "published",
]

Entry = TypeVar("Entry", bound=Published)


def _unwatched(items: Iterable[Any], *_: object) -> Iterable[Any]:
    return items


def published(name: str, known: Mapping[str, Entry]) -> Entry:
    """Returns what is published under a name. Raises UsageError for an unknown name, with the nearest known one."""
    if name not in known:
        raise UsageError(f"'{name}' is nothing that can be fetched{nearest(name, known)}")
    return known[name]


def fetch_data(
    name: str,
    folder: Path,
    *,
    wish: Wish | None = None,
    validation: float = 0.1,
    seed: int = 0,
    watch: Watch = _unwatched,
) -> tuple[Contents, list[Fetched]]:
    """Fetches a published data set into `folder`, and returns its contents as an importer reads them, and the files.

    `wish` says from where, and how files are checked; `validation` is the share of the training pictures that becomes
    the validation split, drawn with `seed`. `watch` follows the progress. Raises FetchError, DataError, UsageError.
    """
    entry = published(name, DATA_SETS)
    asked = replace(wish or Wish(), digest=None, takes_digest=False)
    files = [fetch_file(file, name, folder / name, asked, watch) for file in entry.files]
    with tempfile.TemporaryDirectory(prefix="numbacnn-") as unpacked:
        archive = files[0].path
        source = unpack(archive, Path(unpacked)) if archive.name.endswith(".tar.gz") else archive.parent
        contents = read_source(
            source,
            name=entry.title,
            origin=entry.origin,
            licence=entry.licence,
            validation=validation,
            seed=seed,
        )
    return contents, files


def fetch_model(
    name: str,
    folder: Path,
    *,
    wish: Wish | None = None,
    classes: Path | None = None,
    watch: Watch = _unwatched,
) -> tuple[Converted, list[Fetched]]:
    """Fetches a published network with its weights into `folder`, and returns the converted network and the files.

    `classes` is a file with the names of its classes that replaces the published one; `wish.digest` is the digest of
    the weights. `watch` follows the progress. Raises FetchError, ModelError, UsageError.
    """
    entry = published(name, MODELS)
    asked = wish or Wish()
    others = replace(asked, digest=None, takes_digest=False)
    files = [
        fetch_file(file, name, folder / name, others if place else asked, watch)
        for place, file in enumerate(entry.files)
        if classes is None or file.name != CLASSES_FILE
    ]
    beside = {file.path.name: file.path for file in files}
    converted = read_network(
        files[0].path,
        Asked(prototxt=beside.get("deploy.prototxt"), network=entry.network),
        entry.preparation,
        classes=classes or beside.get(CLASSES_FILE),
        class_names=entry.class_names,
    )
    return converted, files
