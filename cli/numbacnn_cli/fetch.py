"""numbacnn data fetch and model fetch: published data sets and trained networks, by name."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter

from .destination import DATA_SET, MODEL, Destination, Kind
from .options import INPUTS, Force, Out

if TYPE_CHECKING:
    from numbacnn.fetching import Fetched, Published, Wish

MIRROR = "NUMBACNN_MIRROR"
"""The environment variable that is read if --mirror is not given."""

FETCHING = Group("Fetching", sort_key=15)

Mirror = Annotated[
    str | None,
    Parameter(
        name="--mirror",
        group=FETCHING,
        help=f"A folder or an address (https://…) that has the same files, in folders called NAME or in none. Left out: "
        f"{MIRROR}, else where the authors publish them.",
    ),
]
Unverified = Annotated[
    bool,
    Parameter(
        name="--unverified",
        group=FETCHING,
        negative="",
        show_default=False,
        help="Take files whose digest is not the published one, or of which none was published.",
    ),
]
Seconds = Annotated[
    float,
    Parameter(name="--timeout", group=FETCHING, help="Seconds that a server may say nothing for."),
]
FetchedTo = Annotated[
    Path | None, Parameter(name="OUT.h5", help="What to write; left out, NAME.h5 here.", show_default=False)
]


def fetch_data(
    name: Annotated[
        str | None,
        Parameter(name="NAME", help="mnist, fashion-mnist, cifar10 or cifar100.", show_default=False),
    ] = None,
    target: FetchedTo = None,
    /,
    *,
    validation: float = 0.1,
    seed: int = 0,
    mirror: Mirror = None,
    unverified: Unverified = False,
    timeout: Seconds = 30.0,
    force: Force = False,
    out: Out,
) -> dict[str, Any]:
    """Fetch a published data set, and make it a file for --data.

    Without NAME, lists what there is. What has come is kept: a second command goes on where the first was stopped.

    JSON: the keys of 'data import', and `licence`, `downloads[].file/.url/.bytes/.sha256/.checked/.cached`. `checked` is the
    published digest that the file has. Without NAME: `data_sets[].name/.title/.source/.licence`.

    Parameters
    ----------
    validation
        Fraction of the training pictures kept for validation; 0: no validation.
    seed
        Which pictures those are; each class gives its share.
    """
    from numbacnn.errors import UsageError
    from numbacnn.fetching import DATA_SETS, fetch_data
    from numbacnn.storage.datasets import open_dataset, write_dataset

    from .data import describe

    if name is None:
        return {"data_sets": _listed(DATA_SETS, "numbacnn data fetch NAME", out)}
    if not 0 <= validation < 1:
        raise UsageError(
            f"--validation {validation:g}: a fraction of the pictures, at least 0 and below 1, is expected"
        )
    wish = _wish(mirror, unverified, None, timeout)
    path = _target(name, target, DATA_SETS, DATA_SET, force, out)
    contents, files = fetch_data(
        name, _downloads(), wish=wish, validation=validation, seed=seed, watch=out.progress
    )
    _tell(files, DATA_SETS[name], out)
    doubts = write_dataset(path, contents, watch=out.progress)
    for note in (*contents.notes, *doubts):
        out.note(f"note: {note}")
    described = describe(open_dataset(path), path, out)
    return {**described, "notes": [*contents.notes, *doubts], "downloads": _as_json(files)}


def fetch_model(
    name: Annotated[
        str | None,
        Parameter(
            name="NAME", help="resnet-18, squeezenet-1.1, …; left out, all are listed.", show_default=False
        ),
    ] = None,
    target: FetchedTo = None,
    /,
    *,
    classes: Annotated[Path | None, Parameter(name="--classes", group=INPUTS)] = None,
    mirror: Mirror = None,
    sha256: Annotated[str | None, Parameter(name="--sha256", group=FETCHING)] = None,
    unverified: Unverified = False,
    timeout: Seconds = 30.0,
    force: Force = False,
    out: Out,
) -> dict[str, Any]:
    """Fetch a published network with its weights, and make it a file for --model.

    Its preprocessing and the names of its classes come along. Without NAME, lists what there is. What has come is kept: a second
    command goes on where the first was stopped. JSON: the keys of 'convert', and `source`, `licence`,
    `downloads[].file/.url/.bytes/.sha256/.checked/.cached`. Without NAME: `models[].name/.title/.source/.licence`.

    Parameters
    ----------
    classes
        Text with the name of one class a line, or JSON, in place of the published names.
    sha256
        The SHA-256 of the weights, or its first 8 digits or more, where none was published or another copy is meant.
    """
    from numbacnn.errors import UsageError
    from numbacnn.fetching import MODELS, fetch_model, parse_digest
    from numbacnn.storage.models import save_model

    from .convert import report

    if name is None:
        return {"models": _listed(MODELS, "numbacnn model fetch NAME", out)}
    if sha256 is not None and unverified:
        raise UsageError("--sha256 and --unverified: a file is checked, or it is not; leave one of them out")
    digest = None if sha256 is None else parse_digest("--sha256", sha256)
    wish = _wish(mirror, unverified, digest, timeout)
    path = _target(name, target, MODELS, MODEL, force, out, reads=classes)
    converted, files = fetch_model(name, _downloads(), wish=wish, classes=classes, watch=out.progress)
    entry = MODELS[name]
    _tell(files, entry, out)
    record = {
        "converted_from": files[0].path.name,
        "network": converted.name,
        "source": entry.origin,
        "licence": entry.licence,
    }
    save_model(path, converted.network, record=record)
    return {
        **report(converted, path, out),
        "source": entry.origin,
        "licence": entry.licence,
        "downloads": _as_json(files),
    }


def _target(
    name: str,
    target: Path | None,
    known: Mapping[str, Published],
    kind: Kind,
    force: bool,
    out: Out,
    reads: Path | None = None,
) -> Path:
    """Returns where the file goes, once the name is known to be fetchable. Raises UsageError."""
    from numbacnn.fetching import published

    published(name, known)
    wanted = Path(f"{name}.h5") if target is None else target
    from numbacnn.errors import UsageError

    if wanted.suffix.lower() != ".h5":
        raise UsageError(
            f"{wanted}: what is fetched is written as .h5; 'numbacnn convert' makes other files of it"
        )
    return Destination(out, reads=[reads], force=force).named(wanted, kind)


def _wish(mirror: str | None, unverified: bool, digest: str | None, timeout: float) -> Wish:
    from numbacnn.errors import UsageError
    from numbacnn.fetching import Patience, Wish

    if not 0.1 <= timeout <= 3600:
        raise UsageError(f"--timeout {timeout:g}: seconds, from 0.1 to 3600, are expected")
    patience = Patience(connect=min(timeout, Patience.connect), silence=timeout)
    return Wish(mirror or os.environ.get(MIRROR) or None, unverified, digest, patience)


def _downloads() -> Path:
    """Returns the folder that keeps downloads; it is among the system's temporary files if the user has no home."""
    from .caches import cache

    return cache("downloads") or Path(tempfile.gettempdir()) / "numbacnn-downloads"


def _tell(files: list[Fetched], entry: Published, out: Out) -> None:
    for file in files:
        source = "was here already" if file.cached else f"from {file.url}"
        out.note(f"{file.path.name}: {file.bytes:,} bytes, {source}")
        if not file.checked:
            out.warn(f"{file.path.name} was not checked; its SHA-256 is {file.sha256}")
    out.note(f"published by {entry.origin}; licence: {entry.licence or 'none is stated'}")


def _as_json(files: list[Fetched]) -> list[dict[str, Any]]:
    return [
        {
            "file": file.path,
            "url": file.url,
            "bytes": file.bytes,
            "sha256": file.sha256,
            "checked": file.checked,
            "cached": file.cached,
        }
        for file in files
    ]


def _listed(known: Mapping[str, Published], command: str, out: Out) -> list[dict[str, Any]]:
    rows = [(name, entry.title, entry.licence or "none is stated") for name, entry in known.items()]
    out.table(["name", "what", "licence"], rows)
    out.say(f"{command} fetches one of them")
    return [
        {"name": name, "title": entry.title, "source": entry.origin, "licence": entry.licence}
        for name, entry in known.items()
    ]
