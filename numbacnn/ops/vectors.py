"""Loops over neighbouring numbers; the compiler vectorises them where it is given slices, and sees that they do not overlap."""

# Numba calls intrinsics with its own builder objects, which have no types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"

from __future__ import annotations

from typing import Any

from numba.extending import intrinsic

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


@jit
def largest(numbers: Any) -> Any:
    """Returns the largest number, or NaN if there is one. Numba's own maximum of an array takes ten times as long to compile."""
    found = numbers[0]
    for k in range(1, numbers.size):
        if numbers[k] > found or numbers[k] != numbers[k]:
            found = numbers[k]
    return found


@intrinsic
def multiply_add(typingctx, a, b, c):
    """Returns a b + c, rounded once, as the register tile of products does it."""

    def generate(context, builder, signature, arguments):
        return builder.fma(*arguments)

    return a(a, b, c), generate
