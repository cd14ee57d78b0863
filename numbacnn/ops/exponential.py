"""Computes e^x and tanh x by arithmetic alone, so that a loop over neighbouring numbers is vectorised. Calls of the C library,
number by number, take twenty times as long.
"""

# Numba calls intrinsics and overloads with its own objects, which have no types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from .compilation import jit

_LOWEST, _HIGHEST = np.float32(-105), np.float32(89)
"""Below and above these x, e^x is 0 and infinity in float32."""
_PER_LOG_2 = np.float32(1 / math.log(2))
_LOG_2_HIGH = np.float32(0.693359375)
"""ln 2, rounded to so few bits that its multiples here are exact, and the remainder (Cody and Waite, 1980)."""
_LOG_2_LOW = np.float32(math.log(2) - 0.693359375)
_MAGIC = np.float32(3 << 22)
"""Adding this number leaves the nearest whole number in the lowest bits of the sum."""
_MAGIC_BITS = np.int32(0x4B400000)
_ONE = np.float32(1)
_BIAS, _FRACTION = np.int32(127), np.int32(23)
_HALF, _C3, _C4, _C5, _C6, _C7 = (np.float32(1 / math.factorial(power)) for power in range(2, 8))


@intrinsic
def _bits(typingctx, value):
    """Returns the 32 bits of a float32 as an int32."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.int32(types.float32), generate


@intrinsic
def _number(typingctx, bits):
    """Returns the float32 with these 32 bits."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), generate


@jit(inline=True)
def _exponential(x: Any) -> Any:
    """Returns e^x = 2^n e^r, |r| <= ln 2 / 2, by Taylor's polynomial of degree 7. The error is at most two units in the
    last place, also for subnormal results. e^NaN is NaN.
    """
    low = _LOWEST if x < _LOWEST else x
    held = _HIGHEST if low > _HIGHEST else low
    shifted = held * _PER_LOG_2 + _MAGIC
    n = shifted - _MAGIC
    r = (held - n * _LOG_2_HIGH) - n * _LOG_2_LOW
    tail = _C4 + r * (_C5 + r * (_C6 + r * _C7))
    mantissa = _ONE + (r + r * r * (_HALF + r * (_C3 + r * tail)))
    # In two steps, as 2^n alone may lie below the smallest normal number.
    power = np.int32(_bits(shifted) - _MAGIC_BITS)
    first = np.int32(power >> np.int32(1))
    second = np.int32(power - first)
    once = mantissa * _number(np.int32(np.int32(first + _BIAS) << _FRACTION))
    return once * _number(np.int32(np.int32(second + _BIAS) << _FRACTION))


def exponential(x):
    """Returns e^x inside kernels; for float64 by the C library."""
    raise NotImplementedError("for compiled functions")


@overload(exponential, inline="always")
def _of_type(x):
    if x == types.float32:

        def float32(x):
            return _exponential(x)

        return float32

    def float64(x):
        return math.exp(x)

    return float64


_TWO, _NEAR = np.float32(2), np.float32(0.625)
_T3, _T5, _T7, _T9, _T11 = (
    np.float32(term)
    for term in (-3.33332819422e-1, 1.33314422036e-1, -5.37397155531e-2, 2.06390887954e-2, -5.70498872745e-3)
)
"""Of tanh x between -0.625 and 0.625, as a polynomial: Moshier's Cephes library, tanhf."""


@jit(inline=True)
def _hyperbolic_tangent(x: Any) -> Any:
    """Returns tanh x, by a polynomial near 0, and elsewhere as 1 - 2 / (e^2x + 1). The error is at most two units in the
    last place. tanh NaN is NaN.
    """
    size, square = abs(x), x * x
    tail = _T5 + square * (_T7 + square * (_T9 + square * _T11))
    near = x + x * square * (_T3 + square * tail)
    far = _ONE - _TWO / (_exponential(_TWO * size) + _ONE)
    return near if size < _NEAR else far if x > 0 else -far


def hyperbolic_tangent(x):
    """Returns tanh x inside kernels; for float64 by the C library."""
    raise NotImplementedError("for compiled functions")


@overload(hyperbolic_tangent, inline="always")
def _tangent_of_type(x):
    if x == types.float32:

        def float32(x):
            return _hyperbolic_tangent(x)

        return float32

    def float64(x):
        return math.tanh(x)

    return float64
