"""Protocol buffers in their binary form: read by schemas of the wanted fields, and written field by field.

A message is a sequence of fields, each a number and a value: a varint, 4 or 8 bytes, or a length followed by so many
bytes (protobuf.dev, "Encoding"). A file may come from anywhere: every length is compared with the bytes that are left
before anything is made of it, and fields that are not wanted are skipped.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from .messages import Message

VARINT, EIGHT_BYTES, BYTES, FOUR_BYTES = 0, 1, 2, 5
"""The wire types of values; 3 and 4, groups, are no longer in use."""

_WIDTHS = {EIGHT_BYTES: 8, FOUR_BYTES: 4}
_DEEPEST = 40
_MOST_VALUES = 1 << 20
"""The most values of one field in one message; packed numbers count as one."""


class Field(NamedTuple):
    """A wanted field: its name, and the kind of its values.

    `kind` is "int", "uint", "bool", "float", "double", "text", "bytes", the arrays "floats", "doubles" and "ints"
    (repeated numbers), or the Schema of a message.
    """

    name: str
    kind: Any


class Schema(dict[int, Field]):
    """The wanted fields of one kind of message, by number."""


def schema(**fields: tuple[int, Any]) -> Schema:
    """Returns a Schema of fields that are given as name=(number, kind)."""
    return Schema({number: Field(name, kind) for name, (number, kind) in fields.items()})


def decode(data: bytes | memoryview, wanted: Schema, where: str, depth: int = 0) -> Message:
    """Returns the wanted fields of a message; `where` is the file's name, for errors. Raises ModelError with the byte
    at which the message is damaged.
    """
    if depth > _DEEPEST:
        raise ModelError(f"{where}: messages in messages more than {_DEEPEST} deep; it is damaged or forged")
    found: dict[str, list[Any]] = {}
    for number, how, value, place in _fields(memoryview(data), where):
        field = wanted.get(number)
        if field is not None:
            values = found.setdefault(field.name, [])
            values.extend(_values(field, how, value, f"{where}, byte {place}", where, depth))
            if len(values) > _MOST_VALUES:
                raise ModelError(
                    f"{where}: more than {_MOST_VALUES:,} of '{field.name}' in one message; it is damaged"
                )
    return Message(found, where)


def _fields(data: memoryview, where: str) -> Iterator[tuple[int, int, Any, int]]:
    """Yields (number, wire type, value, position) of every field; the value is an int or a memoryview."""
    place, end = 0, len(data)
    while place < end:
        start = place
        key, place = _varint(data, place, where)
        number, how = key >> 3, key & 7
        value: Any
        if how == VARINT:
            value, place = _varint(data, place, where)
        elif how in _WIDTHS or how == BYTES:
            length = _WIDTHS.get(how)
            if length is None:
                length, place = _varint(data, place, where)
            if length > end - place:
                raise ModelError(
                    f"{where}: damaged or cut off: field {number} at byte {start} of a message is {length:,} bytes long, "
                    f"and {end - place:,} are left"
                )
            value, place = data[place : place + length], place + length
        else:
            raise ModelError(
                f"{where}: damaged, or another kind of file: byte {start} of a message begins no field"
            )
        if number == 0:
            raise ModelError(
                f"{where}: damaged, or another kind of file: byte {start} of a message begins field 0"
            )
        yield number, how, value, start


def _varint(data: memoryview, place: int, where: str) -> tuple[int, int]:
    result = shift = 0
    while place < len(data) and shift < 70:
        byte = data[place]
        place += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result & 0xFFFF_FFFF_FFFF_FFFF, place
        shift += 7
    raise ModelError(f"{where}: damaged or cut off: a number at byte {place} of a message does not end")


def _values(field: Field, how: int, value: Any, place: str, where: str, depth: int) -> list[Any]:
    kind = field.kind
    if isinstance(kind, Schema):
        _need(how == BYTES, field, place)
        return [decode(value, kind, where, depth + 1)]
    if kind in ("text", "bytes"):
        _need(how == BYTES, field, place)
        return [bytes(value) if kind == "bytes" else bytes(value).decode("utf-8", "replace")]
    if kind in ("floats", "doubles"):
        width, code = (4, "<f4") if kind == "floats" else (8, "<f8")
        _need(
            how in (BYTES, FOUR_BYTES if width == 4 else EIGHT_BYTES) and len(value) % width == 0,
            field,
            place,
        )
        return [np.frombuffer(value, code)]
    if kind in ("float", "double"):
        _need(how == (FOUR_BYTES if kind == "float" else EIGHT_BYTES), field, place)
        number = struct.unpack("<f" if kind == "float" else "<d", value)[0]
        return [float(str(np.float32(number))) if kind == "float" else number]  # 0.1, not 0.10000000149
    if how == BYTES:  # numbers packed together
        _need(len(value) <= _MOST_VALUES, field, place)
        return [_signed(each, kind) for each in _packed(value, where)]
    _need(how == VARINT, field, place)
    return [_signed(value, kind)]


def _need(fits: bool, field: Field, place: str) -> None:
    if not fits:
        raise ModelError(
            f"{place}: {field.name} is no {field.kind if isinstance(field.kind, str) else 'message'}; the file is damaged or another"
        )


def _packed(data: memoryview, where: str) -> Iterator[int]:
    place = 0
    while place < len(data):
        value, place = _varint(data, place, where)
        yield value


def _signed(value: int, kind: str) -> int:
    return value - (1 << 64) if kind != "uint" and value >= 1 << 63 else value


class Writer:
    """A message that is being written, field after field; every method returns the writer."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def integer(self, number: int, value: int) -> Writer:
        """Appends a whole number or a bool."""
        self._parts.append(_varint_bytes(number << 3 | VARINT) + _varint_bytes(value & 0xFFFF_FFFF_FFFF_FFFF))
        return self

    def real(self, number: int, value: float) -> Writer:
        """Appends a float of 4 bytes."""
        self._parts.append(_varint_bytes(number << 3 | FOUR_BYTES) + struct.pack("<f", value))
        return self

    def data(self, number: int, value: bytes | str | Writer) -> Writer:
        """Appends bytes, a text, or a message."""
        parts = (
            value._parts
            if isinstance(value, Writer)
            else [value.encode() if isinstance(value, str) else value]
        )
        self._parts.append(_varint_bytes(number << 3 | BYTES) + _varint_bytes(sum(map(len, parts))))
        self._parts.extend(parts)
        return self

    def array(self, number: int, values: NDArray[Any]) -> Writer:
        """Appends an array's bytes, little-endian, in C order."""
        return self.data(number, np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes())

    def parts(self) -> list[bytes]:
        """Returns the bytes to write, in order."""
        return self._parts


def _varint_bytes(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
