"""Numbers as PTX rounds them, where NumPy has no word for it."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types, vectorize
from numba.extending import intrinsic

from .arrays import Array

_LEAST_NORMAL = np.float32(2**-126)
_TF32_BITS = 13
_BF16_NAN = 0x7FFF


@intrinsic
def _fused(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """LLVM's fma: a processor's instruction, or a library's function that rounds once too."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = arguments[0].type
        name = f"llvm.fma.f{32 if isinstance(kind, ir.FloatType) else 64}"
        function = builder.module.declare_intrinsic(name, fnty=ir.FunctionType(kind, [kind] * 3))
        return builder.call(function, arguments)

    return a(a, b, c), generate


@vectorize([types.float32(*[types.float32] * 3), types.float64(*[types.float64] * 3)])  # type: ignore[untyped-decorator, no-untyped-call]
def fma(a: Any, b: Any, c: Any) -> Any:
    """a b + c, rounded once."""
    return _fused(a, b, c)  # type: ignore[call-arg]


def sum_rounded(a: Array, b: Array, towards: str) -> Array:
    """a + b of float64 arrays as float32, "rm" downwards, "rp" upwards, "rz" towards zero: exact, as what the addition
    in float64 leaves out is added up too (Knuth's two-sum).
    """
    total = a + b
    back = total - a
    left = (a - (total - back)) + (b - back)
    nearest = total.astype(np.float32)
    distance = (nearest.astype(np.float64) - total) - left
    downwards = {"rm": np.full(total.shape, True), "rp": np.full(total.shape, False), "rz": total > 0}[
        towards
    ]
    beyond = np.where(downwards, distance > 0, distance < 0) & np.isfinite(nearest)
    aim = np.where(downwards, -np.inf, np.inf).astype(np.float32)
    return np.where(beyond, np.nextafter(nearest, aim), nearest)


def flushed(values: Array) -> Array:
    """float32 with 0 for numbers that have no leading one, as .ftz has it; the sign stays."""
    return np.where(np.abs(values) < _LEAST_NORMAL, np.copysign(np.float32(0), values), values)


def to_integer(values: Array, dtype: Any) -> Array:
    """Whole numbers of a float type as integers: the nearest there is for those beyond, 0 for NaN."""
    limits = np.iinfo(dtype)
    wide = values.astype(np.float64)
    above, below = wide >= float(limits.max), wide <= float(limits.min)
    inside = np.where(above | below | np.isnan(wide), 0, wide).astype(dtype)
    return np.where(above, limits.max, np.where(below, limits.min, inside)).astype(dtype)


def to_tf32(values: Array) -> Array:
    """float32 -> bits, to 10 after the point, of two as near the one away from zero (.rna)."""
    bits = values.view(np.uint32)
    nearest = (bits + np.uint32(1 << (_TF32_BITS - 1))) >> np.uint32(_TF32_BITS) << np.uint32(_TF32_BITS)
    return np.where(np.isfinite(values), nearest, bits)


def truncated_tf32(bits: Array) -> Array:
    """What tensor cores read of a register that holds tf32: the low bits are not looked at."""
    return (bits >> np.uint32(_TF32_BITS) << np.uint32(_TF32_BITS)).view(np.float32)


def to_bf16(values: Array) -> Array:
    """float32 -> the 16 bits of bf16, of two as near the even one (.rn), every NaN the same."""
    bits = values.view(np.uint32)
    odd = bits >> np.uint32(16) & np.uint32(1)
    nearest = (bits + np.uint32(0x7FFF) + odd) >> np.uint32(16)
    return np.where(np.isnan(values), np.uint32(_BF16_NAN), nearest)


def from_bf16(halves: Array) -> Array:
    return (halves.astype(np.uint32) << np.uint32(16)).view(np.float32)


def high_product(a: Array, b: Array) -> Array:
    """The upper 64 bits of products of uint64."""
    low = np.uint64(0xFFFFFFFF)
    half = np.uint64(32)
    a_low, a_high, b_low, b_high = a & low, a >> half, b & low, b >> half
    middle = a_high * b_low + (a_low * b_low >> half)
    other = a_low * b_high + (middle & low)
    result: Array = a_high * b_high + (middle >> half) + (other >> half)
    return result
