"""The normal distribution by arithmetic alone, so that a loop over neighbouring numbers is vectorised
(ops.exponential).

`tail(a)` returns (P, density) at a >= 0: P = 1 - Phi(a) = erfc(a / sqrt 2) / 2 is the probability of a number above a,
the density is e^(-a^2/2) / sqrt(2 pi).
"""

# Numba calls overloads with its own objects, which have no types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from .compilation import jit
from .exponential import exponential

_HALF, _ONE = np.float32(0.5), np.float32(1)
_DENSITY = np.float32(1 / math.sqrt(2 * math.pi))
_TO_T = np.float32(math.sqrt(0.125))
"""The factor of a in t = 1 / (1 + a / sqrt 8)."""
_P0, _P1, _P2, _P3, _P4, _P5, _P6, _P7, _P8, _P9, _P10 = (
    np.float32(coefficient / 2)
    for coefficient in (
        0.28209479, 0.28209385, 0.24688059, 0.17537678, 0.09300097, -0.05723413,
        0.12709373, -0.44698415, 0.48618514, -0.23086087, 0.04235329,
    )
)  # fmt: skip
"""Half of erfc(z) e^(z^2) / t as a polynomial in t = 1 / (1 + z/2), which runs from 1 down to 0: fitted so that the largest
relative error is least, 1e-8; two units in float32's last place are lost in adding it up.
"""


@jit(inline=True)
def _tail(a: Any) -> Any:
    power = exponential(-_HALF * a * a)
    t = _ONE / (_ONE + _TO_T * a)
    high = _P6 + t * (_P7 + t * (_P8 + t * (_P9 + t * _P10)))
    whole = _P0 + t * (_P1 + t * (_P2 + t * (_P3 + t * (_P4 + t * (_P5 + t * high)))))
    return power * (t * whole), _DENSITY * power


def tail(a):
    """Returns (P, density) inside kernels; for float64 by the C library's erfc."""
    raise NotImplementedError("for compiled functions")


@overload(tail, inline="always")
def _of_type(a):
    if a == types.float32:

        def float32(a):
            return _tail(a)

        return float32

    def float64(a):
        return math.erfc(a * math.sqrt(0.5)) / 2, math.exp(-a * a / 2) / math.sqrt(2 * math.pi)

    return float64
