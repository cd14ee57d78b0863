"""HDF5 files that are read with suspicion and written whole.

A file may come from anywhere, and HDF5 can do far more than hold arrays: follow links into other files, keep its
values outside, declare terabytes in a kilobyte, hang on one flipped bit in a variable-length string. So only plain
arrays of fixed-size numbers and bytes are read; their types, sizes and the space they really take are checked first.

Files are written in the format of HDF5 1.10, whose structures carry checksums, and every array with Fletcher-32:
damage is noticed, not read. There is no variable-length data and nothing executable.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np
from h5py import h5d, h5l, h5t, h5z
from numpy.typing import NDArray

from ..errors import NumbacnnError, cut
from ..limits import MAX_CLASSES
from ..replacing import replacing
from .room import Room

NEWEST_FORMATS = {"numbacnn model": 2}
"""Kind of file -> the format that is written; of other kinds 1. All formats up to it are read."""
CHUNK_BYTES = 256 * 1024
MAX_ROW_BYTES = 4 << 20
MAX_CHUNK_BYTES = 64 << 20
MAX_TEXT_BYTES = 16 << 20
MAX_ATTRIBUTE_BYTES = 32 << 10

_FILE_BYTES = 32 << 10
_FIELD_BYTES = 2 << 10
_PIECE_BYTES = 128
"""Above what HDF5 writes beside the values: for a file, for an array (with its groups), and for a chunk of it."""

_FILTERS = {h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32}
"""Part of every HDF5 library; others are plug-ins, and naming one can make the library load code."""

_DEFLATE_LIMIT = 1032
"""deflate cannot make data smaller than this (zlib's documentation)."""

_RAISED = (OSError, RuntimeError, KeyError, ValueError, TypeError, IndexError, OverflowError)
"""What h5py makes of the library's errors."""

Problem = type[NumbacnnError]


class Reader:
    """A file of one kind, open for reading. Every failure is a `problem` that names the file and the field."""

    def __init__(self, path: Path, kind: str, problem: Problem) -> None:
        self.path, self.problem = path, problem
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise problem(f"{path}: not a file; a {kind} is expected")
        try:
            path.open("rb").close()
        except OSError as error:
            raise problem(f"{path}: {error.strerror}") from None
        if not h5py.is_hdf5(path):
            raise problem(f"{path}: not an HDF5 file; a {kind} is expected")
        with self.guard():
            # Never locked: a file of ours is replaced, not changed, and some network file systems have no locks.
            self._file = h5py.File(path, "r", locking=False)
        try:
            self._check_kind(kind)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def _check_kind(self, kind: str) -> None:
        with self.guard():
            found = self._attribute("kind", h5t.STRING)
            version = self._attribute("format_version", h5t.INTEGER)
        if found is None or version is None:
            raise self.problem(f"{self.path}: not a file of numbacnn's; a {kind} is expected")
        if found.decode("utf-8", "replace") != kind:
            raise self.problem(
                f"{self.path}: this is a {found.decode('utf-8', 'replace')}; a {kind} is expected"
            )
        newest = NEWEST_FORMATS.get(kind, 1)
        if not 1 <= version <= newest:
            readable = "format 1" if newest == 1 else f"formats 1 to {newest}"
            raise self.problem(
                f"{self.path}: written in format {version}, and this numbacnn reads {readable}; a version of numbacnn "
                f"that writes format {version} is needed: pip install --upgrade numbacnn"
            )

    def _attribute(self, name: str, kind: int) -> Any:
        """A single small value, or None if there is none of that kind."""
        if name not in self._file.attrs:
            return None
        attribute = self._file.attrs.get_id(name)
        stored = attribute.get_type()
        if attribute.shape != () or stored.get_class() != kind or stored.get_size() > 256:
            return None
        return None if kind == h5t.STRING and stored.is_variable_str() else self._file.attrs[name]

    def names(self, group: str) -> list[str]:
        """What a group holds; [] if there is no such group."""
        with self.guard(group):
            if group.strip("/") and not self._has(group):
                return []
            found = self._open(group)
            if not isinstance(found, h5py.Group):
                raise self.problem(f"{self.path}: {group} is no group")
            return list(found)

    def has(self, field: str) -> bool:
        with self.guard(field):
            return self._has(field)

    def array(
        self, field: str, dtypes: str | Sequence[str], shape: Sequence[int | None] | None = None
    ) -> Array:
        """An array of one of the types and of the shape, where None is any; nothing is read yet.

        Types are NumPy's codes, "u1" or "f4"; "S" stands for bytes of any fixed length.
        """
        dtypes = [dtypes] if isinstance(dtypes, str) else dtypes
        with self.guard(field):
            if not self._has(field):
                raise self.problem(f"{self.path}: {field} is missing")
            found = self._open(field)
            if not isinstance(found, h5py.Dataset):
                raise self.problem(f"{self.path}: {field} is no array")
            self._check_type(found, field, dtypes)
            self._check_shape(found, field, shape)
            self._check_storage(found, field)
        return Array(self, found, field)

    def texts(self, field: str, length: int | None = None) -> list[str]:
        """UTF-8 texts, stored as bytes of one fixed length (n)."""
        stored = self.array(field, "S", (length,))
        if stored.shape[0] > MAX_CLASSES:
            raise self.problem(f"{self.path}: {field} has {stored.shape[0]:,} texts; that is too many")
        if stored.nbytes > MAX_TEXT_BYTES:
            raise self.problem(f"{self.path}: {field} is text of {stored.nbytes} bytes; that is too much")
        try:
            return [text.decode() for text in stored.read()]
        except UnicodeDecodeError:
            raise self.problem(f"{self.path}: {field} is no UTF-8 text") from None

    def text(self, field: str) -> str:
        return self.texts(field, 1)[0]

    def json(self, field: str) -> Any:
        """JSON text, without NaN and infinities."""
        text = self.text(field)
        try:
            return json.loads(text, parse_constant=_finite, parse_float=_finite)
        except (ValueError, RecursionError) as error:
            raise self.problem(f"{self.path}: {field} is no JSON: {error}") from None

    def _has(self, field: str) -> bool:
        """Whether a field is there; a link to somewhere else is refused on the way."""
        group = self._file["/"]
        *parents, name = field.strip("/").split("/")
        for part in (*parents, name):
            if not isinstance(group, h5py.Group) or not group.id.links.exists(part.encode()):
                return False
            if group.id.links.get_info(part.encode()).type != h5l.TYPE_HARD:
                raise self.problem(f"{self.path}: {field} is a link; links are not followed")
            group = group[part]
        return True

    def _open(self, field: str) -> Any:
        return self._file[field or "/"]

    def _check_type(self, found: Any, field: str, dtypes: Sequence[str]) -> None:
        stored = found.id.get_type()
        match stored.get_class():
            case h5t.INTEGER | h5t.FLOAT:
                code = found.dtype.str[1:]
            case h5t.STRING if not stored.is_variable_str():
                code = "S"
            case _:
                raise self.problem(
                    f"{self.path}: {field} is of variable length, compound or made of references"
                )
        if code not in dtypes:
            wanted = " or ".join("text" if dtype == "S" else np.dtype(dtype).name for dtype in dtypes)
            given = "text" if code == "S" else found.dtype.name
            raise self.problem(f"{self.path}: {field} holds {given}; {wanted} is expected")

    def _check_shape(self, found: Any, field: str, shape: Sequence[int | None] | None) -> None:
        if found.shape and shape is None:
            return
        if (
            not found.shape
            or len(found.shape) != len(shape or ())
            or any(
                wanted not in (None, length) for wanted, length in zip(shape or (), found.shape, strict=True)
            )
        ):
            wanted = ", ".join("any" if length is None else str(length) for length in shape or ("any",))
            raise self.problem(f"{self.path}: {field} has shape {found.shape}; ({wanted}) is expected")

    def _check_storage(self, found: Any, field: str) -> None:
        """That the values are in this file, all of them, and in pieces that fit into memory."""
        plan = found.id.get_create_plist()
        if plan.get_external_count() or plan.get_layout() == h5d.VIRTUAL:
            raise self.problem(f"{self.path}: {field} keeps its values in other files; that is not followed")
        filters = {plan.get_filter(index)[0] for index in range(plan.get_nfilters())}
        if filters - _FILTERS:
            raise self.problem(f"{self.path}: {field} uses a filter other than gzip, shuffle and Fletcher-32")
        declared = math.prod(found.shape) * found.dtype.itemsize
        stored = found.id.get_storage_size()
        complete = stored * (_DEFLATE_LIMIT if h5z.FILTER_DEFLATE in filters else 1) >= declared
        if plan.get_layout() == h5d.CHUNKED:
            if math.prod(found.chunks) * found.dtype.itemsize > MAX_CHUNK_BYTES:
                raise self.problem(
                    f"{self.path}: chunks of {field} are larger than {MAX_CHUNK_BYTES >> 20} MiB"
                )
            complete = complete and found.id.get_num_chunks() == _pieces(found.shape, found.chunks)
        if not complete or stored > self.path.stat().st_size:
            raise self.problem(
                f"{self.path}: {field} declares {declared} bytes and does not hold them; the file is damaged or forged"
            )

    @contextmanager
    def guard(self, field: str = "") -> Iterator[None]:
        """Turns whatever HDF5 raises into this file's problem."""
        try:
            yield
        except NumbacnnError:
            raise
        except _RAISED as error:
            raise self._damaged(error, field) from None

    def _damaged(self, error: Exception, field: str = "") -> NumbacnnError:
        if isinstance(error, PermissionError):
            return self.problem(f"{self.path}: {os.strerror(error.errno or 13)}")
        detail = cut(str(error).strip("'\"").split("\n")[0], 300)
        return self.problem(
            f"{self.path}: {cut(field) + ' ' if field else ''}cannot be read, the file is damaged ({detail})"
        )


class Array:
    """An array in an open file, checked and not yet read."""

    def __init__(self, reader: Reader, stored: Any, field: str) -> None:
        self._reader, self._stored, self.field = reader, stored, field
        self.shape: tuple[int, ...] = stored.shape
        self.dtype = np.dtype(stored.dtype.newbyteorder("="))
        self.nbytes = math.prod(self.shape) * self.dtype.itemsize

    def read(self) -> NDArray[Any]:
        """All of it."""
        values = np.empty(self.shape, self.dtype)
        with self._reader.guard(self.field):
            self._stored.read_direct(values)
        return values

    def read_rows(self, start: int, stop: int) -> NDArray[Any]:
        """Rows start to stop of the first axis."""
        with self._reader.guard(self.field):
            return np.asarray(self._stored[start:stop])

    @property
    def path(self) -> Path:
        """The file, wherever the process goes."""
        return self._reader.path.absolute()

    @property
    def chunk_rows(self) -> int:
        """Rows that are read together whatever is asked for."""
        return self._stored.chunks[0] if self._stored.chunks else 1


class Writer:
    """A file being written; `writing` gives it its place."""

    def __init__(self, file: Any, room: Room) -> None:
        self._file, self._room = file, room

    def array(self, field: str, values: NDArray[Any], *, compress: bool = False) -> None:
        rows = self.rows(field, values.shape, values.dtype, compress=compress)
        rows[...] = values

    def rows(self, field: str, shape: tuple[int, ...], dtype: Any, *, compress: bool = False) -> Any:
        """A data set to be filled by slices of its first axis."""
        if 0 in shape:  # there is nothing to cut into pieces
            self._room.take(_FIELD_BYTES + 2 * len(field.encode()))
            return self._file.create_dataset(field, shape, dtype)
        chunks = _chunks(shape, np.dtype(dtype).itemsize)
        pieces = _pieces(shape, chunks)
        beside = _FIELD_BYTES + 2 * len(
            field.encode()
        )  # names are in the file, in their groups and an index of these
        self._room.take(pieces * (math.prod(chunks) * np.dtype(dtype).itemsize + _PIECE_BYTES) + beside)
        compression = "gzip" if compress else None
        return self._file.create_dataset(
            field, shape, dtype, chunks=chunks, fletcher32=True, compression=compression
        )

    def texts(self, field: str, texts: Sequence[str]) -> None:
        # Of a name that is no UTF-8 the bytes that are none become escapes.
        encoded = [text.encode(errors="backslashreplace") for text in texts]
        length = max([1, *map(len, encoded)])
        self.array(field, np.array(encoded, h5py.string_dtype("utf-8", length)))

    def text(self, field: str, text: str) -> None:
        self.texts(field, [text])

    def describe(self, field: str, **attributes: str) -> None:
        """Texts that are attributes of an array, of a group, or with "/" of the file."""
        for name, text in attributes.items():
            encoded = text.encode(errors="backslashreplace")[:MAX_ATTRIBUTE_BYTES]
            self._room.take(_FIELD_BYTES + len(encoded))
            kind = h5py.string_dtype("utf-8", max(1, len(encoded)))
            self._file[field].attrs.create(name, np.array(encoded, kind))

    def json(self, field: str, value: Any) -> None:
        """Raises ValueError or TypeError for what JSON has no word for."""
        self.text(field, json.dumps(value, allow_nan=False, default=_plain))


@contextmanager
def writing(path: Path, kind: str, problem: Problem) -> Iterator[Writer]:
    """A new file of that kind; it takes the place of `path` only when it is complete and on disk."""
    if not path.parent.is_dir():
        raise problem(f"{path}: cannot be written, {path.parent} is no folder")
    try:
        with replacing(path) as partial:
            Room(partial).take(
                _FILE_BYTES
            )  # a full disk is noticed before there is anything for HDF5 to close
            with h5py.File(partial, "w", libver=("v110", "v110"), locking=False) as file:
                room = Room(partial)
                room.take(_FILE_BYTES)
                file.attrs["kind"] = np.bytes_(kind)
                file.attrs["format_version"] = NEWEST_FORMATS.get(kind, 1)
                yield Writer(file, room)
            _give_back(partial)
    except OSError as error:
        reason = error.strerror or str(error).split("\n")[0]
        raise problem(f"{path}: cannot be written ({reason})") from None


def _give_back(path: Path) -> None:
    """Cuts off what was reserved and not needed; superblock 3 says where the file ends (format specification, II.A)."""
    with path.open("r+b") as file:
        file.seek(28)
        end = int.from_bytes(file.read(8), "little")
        file.truncate(end)


def _pieces(shape: Sequence[int], chunks: Sequence[int]) -> int:
    """How many chunks an array has."""
    return math.prod(-(-length // chunk) for length, chunk in zip(shape, chunks, strict=True))


def _chunks(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """As many rows of the first axis as fit into CHUNK_BYTES; a row above MAX_ROW_BYTES in even pieces."""
    row = math.prod(shape[1:]) * itemsize
    if row <= MAX_ROW_BYTES:
        return (max(1, min(shape[0], CHUNK_BYTES // row)), *shape[1:])
    pieces = -(-row // MAX_ROW_BYTES)
    return (1, -(-shape[1] // pieces), *shape[2:])


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"{type(value).__name__} is no number, text, list or dict")


def _finite(text: str) -> float:
    if not math.isfinite(float(text)):
        raise ValueError(f"{text} is not a finite number")
    return float(text)
