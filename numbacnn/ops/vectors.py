"""Loops over neighbouring numbers that the compiler makes vectors of: given slices, it sees that nothing overlaps."""

from __future__ import annotations

from typing import Any

from .compilation import jit


@jit
def copy(target: Any, source: Any) -> None:
    """target_k = source_k, as the target's type."""
    for k in range(target.size):
        target[k] = source[k]


@jit
def add(target: Any, source: Any) -> None:
    """target_k += source_k."""
    for k in range(target.size):
        target[k] += source[k]
