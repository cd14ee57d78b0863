"""mov, cvt and cvta: numbers as they are elsewhere, as another type, as another kind of address."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .arithmetic import to_bf16, to_integer, to_tf32
from .arrays import Array
from .elementwise import by_value
from .errors import UnknownError
from .memory import SHARED_WINDOW
from .parser import DTYPES, Instruction, Operand, Vector
from .registers import Frame, modifiers
from .threads import Active, Run, Threads


def move(frame: Frame, instruction: Instruction) -> Run:
    """mov; between a register and a vector of its parts, the first the lowest."""
    kind, _ = modifiers(instruction)
    target, source = instruction.operands
    if isinstance(target, Vector):
        return _split(frame, kind, target.parts, source)
    if isinstance(source, Vector):
        return _joined(frame, kind, target, source.parts)
    return by_value(lambda value: value, frame.target(target, kind), frame.source(source, kind))


def _split(frame: Frame, kind: str, into: tuple[Operand, ...], source: Operand) -> Run:
    bits = 8 * DTYPES[f".{kind}"].itemsize // len(into)
    targets, whole = [frame.target(part, f"b{bits}") for part in into], frame.source(source, kind)

    def run(threads: Threads, active: Active) -> None:
        value = threads.values[whole].copy()
        for i, target in enumerate(targets):
            part = value >> value.dtype.type(bits * i)
            np.copyto(threads.values[target], part, casting="unsafe", where=active.where)

    return run


def _joined(frame: Frame, kind: str, target: Operand, of: tuple[Operand, ...]) -> Run:
    whole = DTYPES[f".{kind}"]
    bits = 8 * whole.itemsize // len(of)

    def value(*values: Array) -> Array:
        found: Array = sum(part.astype(whole) << whole.type(bits * i) for i, part in enumerate(values))
        return found

    return by_value(value, frame.target(target, kind), *(frame.source(part, f"b{bits}") for part in of))


def convert(frame: Frame, instruction: Instruction) -> Run:
    *how, to, of = instruction.modifiers
    if (to, of) == ("bf16x2", "f32") and how == ["rn"]:
        target, upper, lower = instruction.operands
        sources = frame.source(upper, "f32"), frame.source(lower, "f32")
        return by_value(
            lambda high, low: to_bf16(high) << np.uint32(16) | to_bf16(low),
            frame.target(target, "b32"),
            *sources,
        )
    target, source = instruction.operands
    if (to, of) == ("tf32", "f32") and how == ["rna"]:
        return by_value(to_tf32, frame.target(target, "b32"), frame.source(source, "f32"))
    function = _conversion(how, to, of)
    if function is None:
        raise UnknownError(instruction.text)
    return by_value(function, frame.target(target, to), frame.source(source, of))


def _conversion(how: list[str], to: str, of: str) -> Callable[[Array], Array] | None:
    """From one type to another; None if it is not known."""
    result, given = DTYPES.get(f".{to}"), DTYPES.get(f".{of}")
    if result is None or given is None:
        return None
    rounding = {"rni": np.rint, "rzi": np.trunc, "rmi": np.floor, "rpi": np.ceil}
    floats = given.kind == "f", result.kind == "f"
    if floats == (False, False) and not how:
        return lambda value: value.astype(result)
    if floats == (False, True) and how == ["rn"]:
        return lambda value: value.astype(result)
    if floats == (True, True) and how == ([] if result.itemsize > given.itemsize else ["rn"]):
        return lambda value: value.astype(result)
    if floats == (True, True) and how == ["sat"] and to == of:
        # fmax gives the number where the other is none.
        return lambda value: np.fmin(np.fmax(value, result.type(0)), result.type(1))
    if len(how) != 1 or how[0] not in rounding:
        return None
    to_whole = rounding[how[0]]
    if floats == (True, True) and to == of:
        return to_whole
    return (lambda value: to_integer(to_whole(value), result)) if floats == (True, False) else None


def change_address(frame: Frame, instruction: Instruction) -> Run:
    """cvta: only shared memory has other addresses of its own than among all."""
    to_own = instruction.modifiers[0] == "to"
    space, kind = instruction.modifiers[-2:]
    if space not in ("global", "shared", "local", "const") or kind not in ("u64", "u32"):
        raise UnknownError(instruction.text)
    target, source = frame.target(instruction.operands[0], kind), frame.source(instruction.operands[1], kind)
    if space != "shared":
        return by_value(lambda value: value, target, source)
    window = np.uint64(SHARED_WINDOW)
    return by_value(lambda value: value - window if to_own else value + window, target, source)
