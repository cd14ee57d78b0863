"""The strongest activations of layers' units over a data set in a file, so that the pictures are looked at once.

record                     JSON: what they are of (digests of model and data, the split, how many pictures)
layers/NUMBER/FIELD        of a layer: `name` and `node`, the layer that was asked for and the one that shows what it does
                           (text); `units` (U), `images`, `rows`, `columns` (U,count) int64, `values` (U,count) float32,
                           `means`, `deviations`, `active` (U) float64
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..data import Dataset
from ..errors import DataError
from ..limits import need_described
from ..network import Network
from .hdf5 import Reader, writing
from .models import description_of

KIND = "numbacnn scan"
_TYPES = {
    "units": "i8", "images": "i8", "rows": "i8", "columns": "i8", "values": "f4",
    "means": "f8", "deviations": "f8", "active": "f8",
}  # fmt: skip
_BY_UNIT = ("units", "means", "deviations", "active")


class Scan(NamedTuple):
    """What a file holds: layer -> field -> array (and `node`, a text), and the record."""

    layers: dict[str, dict[str, Any]]
    record: dict[str, Any]


def write_scan(path: Path, layers: Mapping[str, Mapping[str, Any]], record: Mapping[str, Any]) -> None:
    """Writes the arrays of layers; `path` is replaced at the end. Raises DataError."""
    with writing(path, KIND, DataError) as file:
        file.json("record", dict(record))
        for number, (name, fields) in enumerate(layers.items()):
            file.text(f"layers/{number}/name", name)
            file.text(f"layers/{number}/node", fields["node"])
            for field, code in _TYPES.items():
                file.array(f"layers/{number}/{field}", np.asarray(fields[field], code))


def read_scan(path: Path) -> Scan:
    """The scan in a file. Raises DataError if it is damaged or another file."""
    with Reader(path, KIND, DataError) as file:
        record = file.json("record")
        if not isinstance(record, dict):
            raise DataError(f"{path}: its record is no JSON object")
        layers: dict[str, dict[str, Any]] = {}
        for number in file.names("layers"):
            stored = {field: file.array(f"layers/{number}/{field}", code) for field, code in _TYPES.items()}
            shape = stored["values"].shape
            for field, array in stored.items():
                if array.shape != (shape[:1] if field in _BY_UNIT else shape) or len(shape) != 2:
                    raise DataError(f"{path}: arrays of layer {number} do not belong together")
            size = sum(array.nbytes for array in stored.values())
            need_described(size, path, "its strongest activations take", DataError)
            fields = {field: array.read() for field, array in stored.items()}
            layers[file.text(f"layers/{number}/name")] = {
                "node": file.text(f"layers/{number}/node"),
                **fields,
            }
        return Scan(layers, record)


def digest_of_network(network: Network) -> str:
    """A fingerprint of what a network computes, 32 characters: its layers and their options, preprocessing, weights, buffers, constants."""
    graph, found = network.graph, hashlib.sha256()
    found.update(json.dumps(description_of(network)["layers"], sort_keys=True, default=str).encode())
    arrays = {name: graph.read(name) for name in (*graph.parameters, *graph.buffers)}
    for node in graph.nodes:
        arrays |= {f"{node.name}/{name}": array for name, array in node.layer.constants.items()}
    for name, array in sorted(arrays.items()):
        found.update(f"{name} {array.shape}".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()[:32]


def digest_of_data(dataset: Dataset, split: str) -> str:
    """Which pictures, in 32 characters: the bytes of a data set's file, or name, size and time of every picture of a folder."""
    found, path = hashlib.sha256(f"{dataset.name} {split} {len(dataset.split(split))}".encode()), dataset.path
    if path is None:
        for pictures, _ in dataset.split(split).batches(256):
            found.update(np.ascontiguousarray(pictures).data)
    elif path.is_dir():
        for each in sorted(path.rglob("*")):
            if each.is_file():
                status = each.stat()
                found.update(
                    f"{each.relative_to(path)} {status.st_size} {status.st_mtime_ns}".encode(errors="replace")
                )
    else:
        with path.open("rb") as file:
            found.update(hashlib.file_digest(file, "sha256").digest())
    return found.hexdigest()[:32]
