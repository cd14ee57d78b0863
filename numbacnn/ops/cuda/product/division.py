"""Division by a number that all threads share: a multiplication and a shift, as Granlund and Montgomery, Division by
Invariant Integers using Multiplication (1994), have it for dividends below 2**31, whose double still is an uint32.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..toolchain import device_function

_WORD = np.uint64(32)


def divisor(number: int) -> tuple[int, int]:
    """(multiplier, shift), as `quotient` takes it, exact for dividends below 2**31: with l the bits that count up to the
    number and m = 2**(31 + l) // number + 1, x // number = 2 x m >> 32 >> l.
    """
    shift = (number - 1).bit_length()
    return (1 << (31 + shift)) // number + 1, shift


@device_function
def quotient(x: Any, multiplier: Any, shift: Any) -> Any:
    """x // divisor, uint32."""
    double = np.uint32(x + x)
    return np.uint32(np.uint32((np.uint64(double) * np.uint64(multiplier)) >> _WORD) >> shift)
