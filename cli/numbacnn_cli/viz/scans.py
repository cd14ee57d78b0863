"""The strongest activations of layers' units over a data set: looked for once, and kept in the cache."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..caches import cache
from ..opening import OpenedModel

if TYPE_CHECKING:
    from numbacnn import Dataset
    from numbacnn.analysis import Strongest

    from ..output import Output

AT_A_TIME = 64
"""Pictures that are read together."""


class Scanned(NamedTuple):
    """Layer -> its units' strongest activations; the file that they are kept in, and whether they came from there."""

    layers: dict[str, Strongest]
    path: Path | None
    used_again: bool


def scanned(
    opened: OpenedModel,
    dataset: Dataset,
    split: str,
    names: list[str],
    precision: str,
    out: Output,
    *,
    again: bool = False,
) -> Scanned:
    """The scan of some layers: what is kept of this model and these pictures, and one look at the pictures for the rest.

    `again` looks at them for all of the layers, whatever is kept.
    """
    from numbacnn.analysis import scan
    from numbacnn.errors import DataError
    from numbacnn.storage.scans import write_scan

    part = dataset.split(split)
    path = _path(opened, dataset, split, precision)
    known: dict[str, Strongest] = {} if again else _read(path, opened, len(part), out)
    missing = [name for name in names if name not in known]
    if not missing:
        out.note(f"strongest activations: those of an earlier scan, {path} (--rescan looks again)")
        return Scanned({name: known[name] for name in names}, path, True)
    batches = out.progress(part.batches(AT_A_TIME), "strongest activations", -(-len(part) // AT_A_TIME))
    known |= scan(opened.network, batches, missing)
    record = {
        "model": str(opened.path),
        "data": str(dataset.path or dataset.name),
        "split": split,
        "images": len(part),
    }
    try:
        if path is None:
            raise OSError("there is no home to keep it in")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_scan(path, {name: vars(found) for name, found in known.items()}, record)
    except (OSError, DataError) as error:
        out.warn(
            f"the scan cannot be kept for the next time ({error}); NUMBACNN_CACHE_DIR can name another folder"
        )
        path = None
    return Scanned({name: known[name] for name in names}, path, False)


def _path(opened: OpenedModel, dataset: Dataset, split: str, precision: str) -> Path | None:
    import hashlib

    from numbacnn.storage.scans import digest_of_data, digest_of_network

    folder = cache("scans")
    if folder is None:
        return None
    key = f"{digest_of_network(opened.network)} {digest_of_data(dataset, split)} {precision}"
    return folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.h5"


def _read(path: Path | None, opened: OpenedModel, images: int, out: Output) -> dict[str, Strongest]:
    from numbacnn.analysis import Strongest
    from numbacnn.errors import DataError
    from numbacnn.storage.scans import read_scan

    if path is None or not path.is_file():
        return {}
    try:
        layers: dict[str, dict[str, Any]] = read_scan(path).layers
        return {
            name: Strongest(**fields)
            for name, fields in layers.items()
            if _fits(opened, name, fields, images)
        }
    except DataError as error:
        out.warn(f"{error}: looked for again")
        return {}


def _fits(opened: OpenedModel, name: str, fields: dict[str, Any], images: int) -> bool:
    """Whether what is kept of a layer can be what the scan of this model would find; a cache may be damaged."""
    shapes = opened.network.graph.shapes
    shape = shapes.get(fields["node"])
    if name not in shapes or shape is None or not fields["images"].size:
        return False
    rows, columns = shape[:2] if len(shape) == 3 else (1, 1)
    limits = (("units", shape[-1]), ("images", images), ("rows", rows), ("columns", columns))
    return all(((fields[key] >= 0) & (fields[key] < most)).all() for key, most in limits)
