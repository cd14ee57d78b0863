"""Computes e^x, e^x - 1 and tanh x by arithmetic alone, so that a loop over neighbouring numbers is vectorised. Calls of the C library,
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
_SMALL = np.float32(0.34)
"""Below this |x|, e^x is a polynomial of x itself."""
_TWO, _NEAR = np.float32(2), np.float32(0.625)
_T3, _T5, _T7, _T9, _T11 = (
    np.float32(term)
    for term in (-3.33332819422e-1, 1.33314422036e-1, -5.37397155531e-2, 2.06390887954e-2, -5.70498872745e-3)
)
"""Of tanh x between -0.625 and 0.625, as a polynomial: Moshier's Cephes library, tanhf."""


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
def _less_one(r: Any) -> Any:
    """Returns e^r - 1, |r| <= ln 2 / 2, by Taylor's polynomial of degree 7."""
    return r + r * r * (_HALF + r * (_C3 + r * (_C4 + r * (_C5 + r * (_C6 + r * _C7)))))


@jit(inline=True)
def _exponential(x: Any) -> Any:
    """Returns e^x = 2^n e^r, |r| <= ln 2 / 2. The error is at most two units in the
    last place, also for subnormal results. e^NaN is NaN.
    """
    low = _LOWEST if x < _LOWEST else x
    held = _HIGHEST if low > _HIGHEST else low
    shifted = held * _PER_LOG_2 + _MAGIC
    n = shifted - _MAGIC
    r = (held - n * _LOG_2_HIGH) - n * _LOG_2_LOW
    mantissa = _ONE + _less_one(r)
    # In two steps, as 2^n alone may lie below the smallest normal number.
    power = np.int32(_bits(shifted) - _MAGIC_BITS)
    first = np.int32(power >> np.int32(1))
    second = np.int32(power - first)
    once = mantissa * _number(np.int32(np.int32(first + _BIAS) << _FRACTION))
    return once * _number(np.int32(np.int32(second + _BIAS) << _FRACTION))


@jit(inline=True)
def _exponential_less_one(x: Any) -> Any:
    """Returns e^x - 1, by the polynomial near 0, where e^x has lost the digits of x. The error is at most six units in the last place."""
    near, far = _less_one(x), _exponential(x) - _ONE
    return near if abs(x) < _SMALL else far


@jit(inline=True)
def _hyperbolic_tangent(x: Any) -> Any:
    """Returns tanh x, by a polynomial near 0, and elsewhere as 1 - 2 / (e^2|x| + 1) with the sign of x. The error is at most two units in
    the last place. tanh NaN is NaN.
    """
    size, square = abs(x), x * x
    tail = _T5 + square * (_T7 + square * (_T9 + square * _T11))
    near = size + size * square * (_T3 + square * tail)
    far = _ONE - _TWO / (_exponential(_TWO * size) + _ONE)
    return math.copysign(near if size < _NEAR else far, x)


def exponential(x):
    """Returns e^x inside kernels; for float64 by the C library."""
    raise NotImplementedError("for compiled functions")


def exponential_less_one(x):
    """Returns e^x - 1 inside kernels; for float64 by the C library."""
    raise NotImplementedError("for compiled functions")


def hyperbolic_tangent(x):
    """Returns tanh x inside kernels; for float64 by the C library."""
    raise NotImplementedError("for compiled functions")


def _by_type(float32, float64):
    """What compiled functions take for a number of the one type and the other."""

    def chosen(x):
        def vectorised(x):
            return float32(x)

        def exact(x):
            return float64(x)

        return vectorised if x == types.float32 else exact

    return chosen


for _function, _float32, _float64 in (
    (exponential, _exponential, math.exp),
    (exponential_less_one, _exponential_less_one, math.expm1),
    (hyperbolic_tangent, _hyperbolic_tangent, math.tanh),
):
    overload(_function, inline="always")(_by_type(_float32, _float64))
