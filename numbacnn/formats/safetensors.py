"""The safetensors format: a length, a JSON header that says where each tensor lies, and the tensors' bytes, one after
another.

The header is compared with the file before anything is read: tensors must not overlap or leave gaps.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ModelError, cut
from .description import Array
from .files import as_numbers, file_bytes, itemsize

TYPES = {
    "F64": "f8", "F32": "f4", "F16": "f2", "BF16": "bf16", "I64": "i8", "I32": "i4", "I16": "i2", "I8": "i1", "U8": "u1",
    "U16": "u2", "U32": "u4", "U64": "u8", "BOOL": "u1",
}  # fmt: skip
"""Maps the format's names of types to NumPy's."""

_LARGEST_HEADER = 100_000_000
METADATA = "__metadata__"
ARCHITECTURE = "numbacnn.architecture"
"""The metadata key under which numbacnn stores the network's layers, so that the file can be read back."""


def read_tensors(path: Path) -> tuple[dict[str, Array], dict[str, str]]:
    """Returns the tensors by name, as views of the file, and the metadata. Raises ModelError."""
    data = file_bytes(path)
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(_LARGEST_HEADER, len(data) - 8):
        raise ModelError(
            f"{path}: damaged, or no safetensors: its first 8 bytes announce {length:,} bytes of names"
        )
    try:
        header: Any = json.loads(bytes(data[8 : 8 + length]))
    except (ValueError, RecursionError) as error:
        raise ModelError(
            f"{path}: damaged, or no safetensors: its names are no JSON ({cut(error)})"
        ) from None
    if not isinstance(header, dict):
        raise ModelError(f"{path}: damaged, or no safetensors: an object of tensors is expected")
    metadata = header.pop(METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(each, str) for each in metadata.values()):
        raise ModelError(f"{path}: {METADATA} is no object of texts")
    body = data[8 + length :]
    places = sorted((_place(path, name, entry, len(body)), name) for name, entry in header.items())
    end = 0
    for (first, last), name in places:
        if first != end:
            raise ModelError(
                f"{path}: tensor {cut(name)} begins at byte {first:,}, and the one before it ends at {end:,}"
            )
        end = last
    if end != len(body):
        raise ModelError(
            f"{path}: its tensors take {end:,} bytes, and {len(body):,} are there; it is damaged or cut off"
        )
    found = {}
    for (first, last), name in places:
        row = as_numbers(body[first:last], TYPES[header[name]["dtype"]])
        found[name] = row.reshape(header[name]["shape"])
    return {name: found[name] for name in header}, metadata


def _place(path: Path, name: str, entry: Any, size: int) -> tuple[int, int]:
    match entry:
        case {"dtype": str(code), "shape": [*shape], "data_offsets": [int(first), int(last)]}:
            pass
        case _:
            raise ModelError(f"{path}: tensor {cut(name)}: dtype, shape and data_offsets are expected")
    if code not in TYPES:
        raise ModelError(f"{path}: tensor {cut(name)} is of type {cut(code)}; {', '.join(TYPES)} are read")
    if len(shape) > 32 or not all(type(each) is int and 0 <= each < 1 << 48 for each in shape):
        raise ModelError(f"{path}: tensor {cut(name)} has the shape {cut(shape)}; whole numbers are expected")
    if not 0 <= first <= last <= size or last - first != math.prod(shape) * itemsize(TYPES[code]):
        raise ModelError(
            f"{path}: tensor {cut(name)} of shape {tuple(shape)} and type {code} lies from byte {first:,} to {last:,} of {size:,}; "
            "that does not fit"
        )
    return first, last


def tensors_bytes(arrays: dict[str, Array], metadata: dict[str, str]) -> list[bytes]:
    """Returns the contents of a file of float32 tensors in parts, to be written one after another."""
    header: dict[str, Any] = {METADATA: metadata}
    parts, place = [], 0
    for name, array in arrays.items():
        part = np.ascontiguousarray(array, "<f4").tobytes()
        header[name] = {
            "dtype": "F32",
            "shape": list(array.shape),
            "data_offsets": [place, place + len(part)],
        }
        place += len(part)
        parts.append(part)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at a multiple of 8
    return [len(text).to_bytes(8, "little"), text, *parts]
