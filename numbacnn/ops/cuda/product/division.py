"""Division by a number that all threads share: a multiplication and a shift, as Granlund and Montgomery, Division by
Invariant Integers using Multiplication (1994), have it, in the form that rounds down and adds once more (Robison, N-Bit
Unsigned Division via N-Bit Multiply-Add, 2005).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..toolchain import device_function

_HALF = np.uint64(32)


def divisor(number: int) -> tuple[int, int]:
    """(multiplier, shift), as `quotient` takes it, exact for dividends below 2**31: with b the bits of the
    number less one and m = (2**(32 + b) - 1) // number, x // number = (x m + m) >> 32 >> b.
    """
    shift = number.bit_length() - 1
    return ((1 << (32 + shift)) - 1) // number, shift


@device_function
def quotient(x: Any, multiplier: Any, shift: Any) -> Any:
    """x // divisor, uint32."""
    factor = np.uint64(multiplier)
    return np.uint32(np.uint32((np.uint64(x) * factor + factor) >> _HALF) >> shift)
