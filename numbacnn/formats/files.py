"""Files as bytes, and bytes as arrays of numbers."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError


def file_bytes(path: Path) -> memoryview:
    """Returns a file's bytes as a memory map, which reads them when they are used. Raises ModelError."""
    try:
        with path.open("rb") as file:
            if not path.stat().st_size:
                raise ModelError(f"{path}: the file is empty")
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as error:
        if isinstance(error, ModelError):
            raise
        reason = error.strerror if isinstance(error, OSError) else error
        raise ModelError(f"{path}: cannot be read ({reason})") from None


def as_numbers(data: memoryview, code: str) -> NDArray[Any]:
    """Returns little-endian bytes as a flat array of NumPy's type `code`; "bf16", which is the upper half of a float32,
    becomes float32.
    """
    if code == "bf16":
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    return np.frombuffer(data, np.dtype(code).newbyteorder("<"))


def itemsize(code: str) -> int:
    """Returns the bytes of one number of type `code`."""
    return 2 if code == "bf16" else np.dtype(code).itemsize
