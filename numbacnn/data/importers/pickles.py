"""Reads pickles that hold data and nothing else.

A pickle is a program, and Python's reader runs it. This reader accepts no function and no class: stand-ins for those
that NumPy writes only note shape, type and bytes, and every other name is refused.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError


class _Type:
    """Stands in for numpy.dtype; it keeps the code that it was made with, "u1"."""

    def __init__(self, code: Any = "", *_: Any) -> None:
        self.code = code

    def __setstate__(self, _: Any) -> None:
        """Ignores byte order and alignment, which bytes do not have."""


class _Array:
    """Stands in for numpy.ndarray; it keeps the arguments of `__setstate__`."""

    state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


def _reconstruct(*_: Any) -> _Array:
    return _Array()


def _encode(text: Any, *_: Any) -> bytes:
    """Returns bytes, which Python 3 writes as text in protocol 2."""
    return str(text).encode("latin-1")


def _from_buffer(values: Any, dtype: Any, shape: Any, order: Any) -> _Array:
    """Returns an array as protocol 5 writes it."""
    array = _Array()
    array.state = (1, shape, dtype, order == "F", bytes(values) if isinstance(values, bytearray) else values)
    return array


_STAND_INS: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    ("numpy._core.numeric", "_frombuffer"): _from_buffer,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _encode,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _STAND_INS:
            raise pickle.UnpicklingError(
                f"it asks for {module}.{name}, and only arrays, numbers and texts are read"
            )
        return _STAND_INS[module, name]


def load_pickle(data: bytes, path: Path) -> Any:
    """Returns dicts (with texts as keys), lists, tuples, numbers, texts and arrays of uint8. Raises DataError."""
    try:
        _check_places(data)
        # Python 2's strings are bytes and text alike; those that are no UTF-8 are kept by latin-1, byte for byte.
        return _plain(_Unpickler(io.BytesIO(data), encoding="latin-1").load(), {})
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    except Exception as error:  # a damaged pickle fails in every way there is
        raise DataError(f"{path}: cannot be read as a pickle ({error})") from None


def _check_places(data: bytes) -> None:
    """Refuses pickles with a huge memo index, up to which the reader would allocate memory."""
    for count, (code, argument, _) in enumerate(pickletools.genops(data), 1):
        if code.name in ("PUT", "BINPUT", "LONG_BINPUT") and (argument or 0) > count:
            raise DataError("the pickle remembers more than it holds; it is damaged or forged")


def _plain(value: Any, known: dict[int, Any], depth: int = 0) -> Any:
    """Returns a value without stand-ins. A pickle can hold one list many times, at every level: each is converted once."""
    if depth > 16:
        raise DataError("the pickle nests too deeply")
    if not isinstance(value, dict | list | tuple | _Array):
        return value
    if id(value) not in known:
        if isinstance(value, dict):
            plain: Any = {_text(key): _plain(item, known, depth + 1) for key, item in value.items()}
        elif isinstance(value, list | tuple):
            plain = [_plain(item, known, depth + 1) for item in value]
        else:
            plain = _array(value)
        known[id(value)] = plain
    return known[id(value)]


def _text(key: Any) -> str:
    return key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key)


def _array(array: _Array) -> NDArray[np.uint8]:
    """Returns the array of (version, shape, type, Fortran order, bytes)."""
    _, shape, dtype, fortran, values = array.state
    if isinstance(values, str):
        values = values.encode("latin-1")
    if not isinstance(dtype, _Type) or _text(dtype.code).lstrip("|") != "u1" or not isinstance(values, bytes):
        raise DataError("an array of another type than uint8")
    if not all(type(length) is int and length >= 0 for length in shape) or math.prod(shape) != len(values):
        raise DataError(f"an array declares the shape {shape} and holds {len(values)} bytes")
    return np.frombuffer(values, np.uint8).reshape(shape, order="F" if fortran else "C")
