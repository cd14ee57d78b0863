"""PyTorch's files: state dicts in zip archives (since 1.6) and in the older form. Nothing in them is run.

Every tensor becomes an array; its place is compared with what the file holds, and numbers are read when they are used.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError, cut
from .files import as_numbers, file_bytes, itemsize
from .torch_pickle import Storage, Tensor, load_pickle

_MAGIC = 0x1950A86A20F9469CFC6C
"""The first pickle of the older form; its version is 1001."""
_VERSION = 1001
_LARGEST_PICKLE = 64 << 20

Read = Callable[[Storage], memoryview]


def read_torch(path: Path) -> Any:
    """Returns what torch.save wrote (dicts, lists, tuples, numbers, texts) with arrays in the place of tensors. Raises
    ModelError.
    """
    data = file_bytes(path)
    if bytes(data[:4]) == b"PK\x03\x04":
        return _read_zip(path, data)
    if bytes(data[:1]) not in (b"\x80",):
        what = "an old archive (tar)" if bytes(data[257:262]) == b"ustar" else "no file of PyTorch"
        raise ModelError(f"{path}: {what}; what torch.save(model.state_dict(), …) writes is expected")
    return _read_before_zip(path, data)


def _read_zip(path: Path, data: memoryview) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = {entry.filename: entry for entry in archive.infolist()}
            names = [name for name in entries if name.endswith("/data.pkl") or name == "data.pkl"]
            if len(names) != 1:
                raise ModelError(f"{path}: a zip archive without one data.pkl; a file of PyTorch is expected")
            folder = names[0].removesuffix("data.pkl")
            if f"{folder}constants.pkl" in entries:
                raise ModelError(
                    f"{path}: a program (TorchScript); torch.save(model.state_dict(), …) writes what is read"
                )
            if entries[names[0]].file_size > _LARGEST_PICKLE:
                raise ModelError(
                    f"{path}: {names[0]} is {entries[names[0]].file_size:,} bytes; that is too much"
                )
            if (
                f"{folder}byteorder" in entries
                and entries[f"{folder}byteorder"].file_size < 100
                and archive.read(f"{folder}byteorder") != b"little"
            ):
                raise ModelError(f"{path}: its numbers are big-endian; little-endian ones are read")

            def storage_of(storage: Storage) -> memoryview:
                entry = entries.get(f"{folder}data/{storage.key}")
                if entry is None:
                    raise ModelError(f"{path}: data/{cut(storage.key)} is missing")
                if entry.compress_type != zipfile.ZIP_STORED:
                    raise ModelError(f"{path}: {entry.filename} is compressed, as PyTorch never does")
                # After the local header: 30 bytes, the name and the extra field, whose lengths stand at byte 26.
                header = data[entry.header_offset : entry.header_offset + 30]
                if len(header) < 30:
                    raise ModelError(f"{path}: damaged: {entry.filename} lies beyond the file's end")
                start = entry.header_offset + 30 + sum(np.frombuffer(header[26:30], "<u2").tolist())
                return data[start : start + entry.file_size]

            return _filled(load_pickle(io.BytesIO(archive.read(names[0])), path), path, storage_of)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"{path}: damaged: it cannot be read as a zip archive ({error})") from None


def _read_before_zip(path: Path, data: memoryview) -> Any:
    """Reads the older form: five pickles (magic number, version, machine, object, the keys of its storages), then the
    storages in that order.
    """
    file = io.BytesIO(data)
    if load_pickle(file, path) != _MAGIC:
        raise ModelError(
            f"{path}: a pickle, but none of PyTorch's; torch.save(model.state_dict(), …) writes what is read"
        )
    if load_pickle(file, path) != _VERSION:
        raise ModelError(f"{path}: a version of PyTorch's files that is not known")
    machine = load_pickle(file, path)
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise ModelError(f"{path}: its numbers are big-endian; little-endian ones are read")
    found, keys = load_pickle(file, path), load_pickle(file, path)
    counts: dict[str, Storage] = {}
    _tensors(found, lambda tensor: counts.setdefault(tensor.storage.key, tensor.storage), {})
    if not isinstance(keys, list):
        raise ModelError(f"{path}: damaged: the keys of its storages are no list")
    places: dict[str, memoryview] = {}
    place = file.tell()
    for key in map(str, keys):
        if key not in counts:
            raise ModelError(f"{path}: damaged: storage {cut(key)} belongs to no tensor")
        count = int.from_bytes(data[place : place + 8], "little")
        if place + 8 > len(data) or count != counts[key].count:
            raise ModelError(
                f"{path}: damaged or cut off: storage {cut(key)} at byte {place:,} has another size than its tensors"
            )
        size = count * itemsize(counts[key].type)
        places[key] = data[place + 8 : place + 8 + size]
        place += 8 + size

    def storage_of(storage: Storage) -> memoryview:
        if storage.key not in places:
            raise ModelError(f"{path}: damaged: storage {cut(storage.key)} is missing")
        return places[storage.key]

    return _filled(found, path, storage_of)


def _filled(value: Any, path: Path, read: Read) -> Any:
    """Returns the object with arrays in the place of tensors."""
    return _tensors(value, lambda tensor: _array(tensor, path, read), {})


def _tensors(value: Any, change: Callable[[Tensor], Any], known: dict[int, Any]) -> Any:
    """Returns nested dicts with `change(tensor)` in the place of every tensor. A tensor that occurs several times is
    changed once.
    """
    if isinstance(value, Tensor):
        return change(value)
    if not isinstance(value, dict):
        return value
    if id(value) not in known:
        known[id(value)] = None  # of one that holds itself
        known[id(value)] = {key: _tensors(each, change, known) for key, each in value.items()}
    return known[id(value)]


def _array(tensor: Tensor, path: Path, read: Read) -> NDArray[Any]:
    storage = tensor.storage
    data = read(storage)
    width = itemsize(storage.type)
    last = tensor.offset + sum(
        (length - 1) * stride for length, stride in zip(tensor.shape, tensor.strides, strict=True)
    )
    is_empty = 0 in tensor.shape
    if len(data) != storage.count * width or (not is_empty and last >= storage.count):
        raise ModelError(
            f"{path}: damaged or cut off: a tensor of shape {tensor.shape} needs {last + 1:,} numbers of storage "
            f"{cut(storage.key)}, and {len(data) // width:,} are there"
        )
    if is_empty:
        return np.empty(tensor.shape, np.float32)
    if any(stride == 0 and length > 1 for length, stride in zip(tensor.shape, tensor.strides, strict=True)):
        raise ModelError(
            f"{path}: a tensor of shape {tensor.shape} repeats its numbers; each of its own is expected"
        )
    row = as_numbers(data, storage.type)
    strides = [stride * row.itemsize for stride in tensor.strides]
    return np.lib.stride_tricks.as_strided(row[tensor.offset :], tensor.shape, strides, writeable=False)


def state_dict_of(found: Any, path: Path) -> dict[str, NDArray[Any]]:
    """Returns the dict of tensors in what was saved: the object itself, or the entry under one of the names that
    training scripts use.

    Prefixes that wrappers put before every name ("module.") are removed. Raises ModelError if there is no such dict.
    """
    for key in ("", "state_dict", "model_state_dict", "model", "net", "network", "ema_state_dict"):
        inner = found.get(key) if isinstance(found, dict) and key else found
        if isinstance(inner, Mapping):
            arrays = {str(name): each for name, each in inner.items() if isinstance(each, np.ndarray)}
            if arrays and len(arrays) * 2 >= len(inner):
                return _without_prefix(arrays)
    if isinstance(found, np.ndarray):
        raise ModelError(f"{path}: one tensor; a dict of a network's tensors is expected")
    raise ModelError(
        f"{path}: no dict of tensors in it; what torch.save(model.state_dict(), …) writes is expected"
    )


def _without_prefix(arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    for prefix in ("module.", "_orig_mod.", "model.", "net.", "module."):
        if all(name.startswith(prefix) for name in arrays):
            arrays = {name.removeprefix(prefix): each for name, each in arrays.items()}
    return arrays
