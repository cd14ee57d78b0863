"""Bytes of the host that become numbers on the GPU: a quarter of what the numbers would take goes over, and from page-locked
memory, at the full speed of the way.
"""

from __future__ import annotations

import threading
from itertools import cycle
from typing import Any

import numpy as np

from .driver_errors import translated_errors
from .memory import copy_in, pinned_bytes, zeroed_bytes
from .pixels import from_bytes
from .streams import compute_stream, new_event, wait

_PART = 1 << 20
"""Bytes that go over at a time."""


class ByteSender:
    """Memory is taken at the first use: two parts of the host's, one of which is filled while the other is copied, and one
    of the GPU's.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parts: Any = None

    @property
    def pending_bytes(self) -> int:
        """Of the GPU's memory, what it has yet to take."""
        return _PART if self._parts is None else 0

    def send(self, target: Any, source: Any) -> None:
        """source uint8 -> target float32 of the same shape, after what was launched before; `source` may change at once."""
        pixels = np.ascontiguousarray(source).reshape(-1)
        numbers = target if len(pixels) <= _PART else target.reshape(target.size)
        with self._lock:
            if self._parts is None:
                self._there = zeroed_bytes(_PART)
                self._parts = cycle([(pinned_bytes(_PART), new_event()) for _ in range(2)])
            for first in range(0, len(pixels), _PART):
                part = pixels[first : first + _PART]
                here, sent = next(self._parts)
                wait(sent)
                here[: len(part)] = part
                there = self._there[: len(part)]
                copy_in(there, here[: len(part)])
                with translated_errors():
                    sent.record(compute_stream())
                from_bytes(numbers if len(pixels) <= _PART else numbers[first : first + len(part)], there)
