"""What instructions do to the registers of all active threads: by the root of an opcode, a function that makes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import accesses, conversions, warpgroups, warps
from .arithmetic import flushed, fma, high_product, sum_rounded
from .arrays import Array
from .elementwise import by_ufunc, by_value, operands
from .errors import UnknownError
from .parser import DTYPES, Instruction
from .registers import Frame, modifiers
from .threads import Run

_WIDER = {"u16": "u32", "s16": "s32", "u32": "u64", "s32": "s64"}
_DIRECTED = ("rm", "rp", "rz")
_COMPARISONS: dict[str, Callable[..., Any]] = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}
_UNSIGNED = {"lo": "lt", "ls": "le", "hi": "gt", "hs": "ge"}
_APPROXIMATE: dict[str, Callable[[Array], Array]] = {
    "ex2": np.exp2,
    "lg2": np.log2,
    "rcp": np.reciprocal,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "sqrt": np.sqrt,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
}


def made(frame: Frame, instruction: Instruction) -> Run:
    """The function that executes an instruction, whatever its guard. Raises UnknownError."""
    make = _MAKERS.get(instruction.root)
    if make is None:
        raise UnknownError(instruction.text)
    try:
        return make(frame, instruction)
    except (UnknownError, ValueError, IndexError, KeyError) as error:
        raise UnknownError(f"{instruction.text} ({error})") from error


def _of_bits(function: Callable[..., Any], count: int = 2) -> Callable[[Frame, Instruction], Run]:
    """and, or, xor, not."""

    def make(frame: Frame, instruction: Instruction) -> Run:
        kind, _ = modifiers(instruction)
        target, sources = operands(frame, instruction, kind, count)
        return by_ufunc(function, target, *sources)

    return make


def _sum(frame: Frame, instruction: Instruction) -> Run:
    """add and sub: of integers modulo their width, of floats rounded to nearest or as they say."""
    kind, others = modifiers(instruction, "rn", *_DIRECTED)
    is_float = kind.startswith("f")
    target, (a, b) = operands(frame, instruction, kind, 2)
    subtract = instruction.root == "sub"
    directed = [each for each in _DIRECTED if each in others]
    if directed:
        if kind != "f32":
            raise UnknownError(instruction.text)

        def rounded(x: Array, y: Array) -> Array:
            wide = y.astype(np.float64)
            return sum_rounded(x.astype(np.float64), -wide if subtract else wide, directed[0])

        return by_value(rounded, target, a, b)
    if others and not is_float:
        raise UnknownError(instruction.text)
    return by_ufunc(np.subtract if subtract else np.add, target, a, b)


def _product(frame: Frame, instruction: Instruction) -> Run:
    kind, others = modifiers(instruction, "lo", "hi", "wide", "rn")
    if kind.startswith("f"):
        if others - {"rn"}:
            raise UnknownError(instruction.text)
        target, sources = operands(frame, instruction, kind, 2)
        return by_ufunc(np.multiply, target, *sources)
    if others == {"lo"}:
        target, sources = operands(frame, instruction, kind, 2)
        return by_ufunc(np.multiply, target, *sources)
    return by_value(
        _integer_product(kind, others, instruction.text),
        *_wide_target(frame, instruction, kind, others),
        *[frame.source(each, kind) for each in instruction.operands[1:3]],
    )


def _wide_target(frame: Frame, instruction: Instruction, kind: str, others: set[str]) -> list[int]:
    return [frame.target(instruction.operands[0], _WIDER[kind] if others == {"wide"} else kind)]


def _integer_product(kind: str, others: set[str], text: str) -> Callable[[Array, Array], Array]:
    if others == {"hi"} and kind == "u64":
        return high_product
    if kind not in _WIDER or len(others) != 1:
        raise UnknownError(text)
    wide, bits = DTYPES[f".{_WIDER[kind]}"], 8 * DTYPES[f".{kind}"].itemsize

    def product(a: Array, b: Array) -> Array:
        whole: Array = np.multiply(a, b, dtype=wide)
        return whole >> wide.type(bits) if others == {"hi"} else whole

    return product


def _product_and_sum(frame: Frame, instruction: Instruction) -> Run:
    """mad and fma."""
    kind, others = modifiers(instruction, "lo", "hi", "wide", "rn", *_DIRECTED)
    if not kind.startswith("f"):
        product = np.multiply if others == {"lo"} else _integer_product(kind, others, instruction.text)
        wide = _WIDER[kind] if others == {"wide"} else kind
        sources = [frame.source(each, kind) for each in instruction.operands[1:3]]
        sources.append(frame.source(instruction.operands[3], wide))
        target = frame.target(instruction.operands[0], wide)
        return by_value(lambda a, b, c: product(a, b) + c, target, *sources)
    target, sources = operands(frame, instruction, kind, 3)
    if others == {"rn"}:
        return by_ufunc(fma, target, *sources)
    if kind != "f32" or len(others) != 1 or others & {"lo", "hi", "wide"}:
        raise UnknownError(instruction.text)
    (towards,) = others
    # The product of two float32 is exact in float64.
    return by_value(
        lambda a, b, c: sum_rounded(
            a.astype(np.float64) * b.astype(np.float64), c.astype(np.float64), towards
        ),
        target,
        *sources,
    )


def _quotient(frame: Frame, instruction: Instruction) -> Run:
    """div and rem."""
    kind, others = modifiers(instruction, "rn", "approx", "full", "ftz")
    target, sources = operands(frame, instruction, kind, 2)
    if kind.startswith("f"):
        if instruction.root == "rem" or len(others - {"ftz"}) != 1 or ("ftz" in others and "rn" in others):
            raise UnknownError(instruction.text)
        if "ftz" in others:
            return by_value(lambda a, b: flushed(flushed(a) / flushed(b)), target, *sources)
        return by_ufunc(np.divide, target, *sources)
    if others or kind.startswith("s"):
        raise UnknownError(instruction.text)
    return by_ufunc(np.floor_divide if instruction.root == "div" else np.remainder, target, *sources)


def _extreme(frame: Frame, instruction: Instruction) -> Run:
    """min and max. Of two zeros NumPy may give the other one."""
    kind, others = modifiers(instruction, "NaN")
    if others and not kind.startswith("f"):
        raise UnknownError(instruction.text)
    ignoring = {"min": np.fmin, "max": np.fmax}
    passing_on = {"min": np.minimum, "max": np.maximum}
    function = (passing_on if others or not kind.startswith("f") else ignoring)[instruction.root]
    target, sources = operands(frame, instruction, kind, 2)
    return by_value(function, target, *sources)


def _sign(frame: Frame, instruction: Instruction) -> Run:
    """abs and neg."""
    kind, _ = modifiers(instruction)
    if instruction.root == "abs" and kind[0] not in "sf":
        raise UnknownError(instruction.text)
    target, sources = operands(frame, instruction, kind, 1)
    return by_ufunc(np.abs if instruction.root == "abs" else np.negative, target, *sources)


def _copied_sign(frame: Frame, instruction: Instruction) -> Run:
    """copysign: the first operand's sign on the second's magnitude."""
    kind, _ = modifiers(instruction)
    target, (sign, magnitude) = operands(frame, instruction, kind, 2)
    return by_ufunc(np.copysign, target, magnitude, sign)


def _shift(frame: Frame, instruction: Instruction) -> Run:
    """shl and shr; what is shifted by its width or more becomes 0, or the sign everywhere."""
    kind, _ = modifiers(instruction)
    left = instruction.root == "shl"
    target = frame.target(instruction.operands[0], kind)
    value, count = frame.source(instruction.operands[1], kind), frame.source(instruction.operands[2], "u32")
    dtype = DTYPES[f".{kind}"]
    bits = 8 * dtype.itemsize

    def shifted(x: Array, by: Array) -> Array:
        inside = np.minimum(by, np.uint32(bits - 1)).astype(dtype)
        result = np.left_shift(x, inside) if left else np.right_shift(x, inside)
        found: Array = (
            result if dtype.kind == "i" and not left else np.where(by < bits, result, dtype.type(0))
        )
        return found

    return by_value(shifted, target, value, count)


def _insert(frame: Frame, instruction: Instruction) -> Run:
    """bfi: the first operand's low bits in the second, so many of them from some place on, what would be beyond left out."""
    kind, _ = modifiers(instruction)
    if kind != "b32":
        raise UnknownError(instruction.text)
    result, *bits, position, length = instruction.operands
    sources = [frame.source(each, kind) for each in bits]
    sources += [frame.source(each, "u32") for each in (position, length)]

    def inserted(a: Array, b: Array, at: Array, count: Array) -> Array:
        at, count = (
            np.minimum(each & np.uint32(255), np.uint32(32)).astype(np.uint64) for each in (at, count)
        )
        mask = ((np.uint64(1) << count) - np.uint64(1)) << at
        found: Array = b & ~mask | a.astype(np.uint64) << at & mask
        return found

    return by_value(inserted, frame.target(result, kind), *sources)


def _compare(frame: Frame, instruction: Instruction) -> Run:
    """setp. Ordered comparisons are false where a number is none, those that end with u are true there."""
    name = instruction.modifiers[0]
    kind, _ = modifiers(instruction, name)
    target, *operands = instruction.operands
    if len(operands) != 2 or kind == "pred":
        raise UnknownError(instruction.text)
    sources = [frame.source(operand, kind) for operand in operands]
    place = frame.target(target, "pred")
    if not kind.startswith("f"):
        return by_ufunc(_COMPARISONS[_UNSIGNED.get(name, name)], place, *sources)
    if name in ("num", "nan"):
        whole: Callable[[Array, Array], Array] = lambda a, b: (a != a) | (b != b)  # noqa: E731
        return by_value((lambda a, b: ~whole(a, b)) if name == "num" else whole, place, *sources)
    if name == "ne":
        return by_value(lambda a, b: (a < b) | (a > b), place, *sources)
    if name == "neu" or name in _COMPARISONS:
        return by_ufunc(_COMPARISONS[name.removesuffix("u")], place, *sources)
    opposite = {
        "equ": lambda a, b: (a < b) | (a > b),
        "ltu": np.greater_equal,
        "leu": np.greater,
        "gtu": np.less_equal,
        "geu": np.less,
    }[name]
    return by_value(lambda a, b: ~opposite(a, b), place, *sources)  # type: ignore[operator]


def _select(frame: Frame, instruction: Instruction) -> Run:
    kind, _ = modifiers(instruction)
    target, a, b, predicate = instruction.operands
    sources = frame.source(predicate, "pred"), frame.source(a, kind), frame.source(b, kind)
    return by_value(np.where, frame.target(target, kind), *sources)


def _approximate(frame: Frame, instruction: Instruction) -> Run:
    """ex2.approx and its like, as exact as float64 has them: a GPU is up to some units of the last place off. With .rn,
    sqrt and rcp are rounded once.
    """
    kind, others = modifiers(instruction, "approx", "ftz", "rn")
    function = _APPROXIMATE[instruction.root]
    if kind != "f32" or len(others - {"ftz"}) != 1:
        raise UnknownError(instruction.text)
    target, sources = operands(frame, instruction, kind, 1)
    if "rn" in others:
        if others != {"rn"} or instruction.root not in ("sqrt", "rcp"):
            raise UnknownError(instruction.text)
        return by_ufunc(function, target, *sources)

    def value(x: Array) -> Array:
        given = flushed(x) if "ftz" in others else x
        result = function(given.astype(np.float64)).astype(np.float32)
        return flushed(result) if "ftz" in others else result

    return by_value(value, target, *sources)


def _count_bits(frame: Frame, instruction: Instruction) -> Run:
    kind, _ = modifiers(instruction)
    target = frame.target(instruction.operands[0], "u32")
    return by_value(np.bitwise_count, target, frame.source(instruction.operands[1], kind))


_MAKERS: dict[str, Callable[[Frame, Instruction], Run]] = {
    "add": _sum,
    "sub": _sum,
    "mul": _product,
    "mad": _product_and_sum,
    "fma": _product_and_sum,
    "div": _quotient,
    "rem": _quotient,
    "min": _extreme,
    "max": _extreme,
    "abs": _sign,
    "neg": _sign,
    "copysign": _copied_sign,
    "and": _of_bits(np.bitwise_and),
    "or": _of_bits(np.bitwise_or),
    "xor": _of_bits(np.bitwise_xor),
    "not": _of_bits(np.invert, 1),
    "shl": _shift,
    "shr": _shift,
    "bfi": _insert,
    "popc": _count_bits,
    "setp": _compare,
    "selp": _select,
    "mov": conversions.move,
    "cvt": conversions.convert,
    "cvta": conversions.change_address,
    **dict.fromkeys(_APPROXIMATE, _approximate),
    "ld": accesses.load,
    "st": accesses.store,
    "cp": accesses.copy,
    "mma": warps.multiply,
    "ldmatrix": warps.load_matrices,
    "wgmma": warpgroups.made,
    "fence": warpgroups.publish,
    "shfl": warps.shuffle,
    "vote": warps.vote,
}
