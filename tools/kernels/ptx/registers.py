"""Where operands lie while a program runs: every register an array with an element for each thread, constants beside them,
all in one list; an instruction knows the places in the list that it reads and writes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from .arrays import Array
from .errors import UnknownError
from .memory import CONSTANTS
from .parser import DTYPES, SPECIAL, Instruction, Number, Operand, Program, Register, Symbol

_POISON = 0x7FFFFFFF
"""A NaN for floats of any width, a large odd number for integers."""


class _Registers(NamedTuple):
    """Those of some number of threads."""

    words: Array
    """All but the special ones, one after the other, as numbers of 32 bits."""
    special: dict[str, Array]
    arrays: list[Array]
    """By place."""


class Frame:
    """The places of a program's operands."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._places: dict[tuple[str, str], int] = {}
        self._make: list[Callable[[dict[str, Array]], Array]] = []

    def source(self, operand: Operand, kind: str) -> int:
        """The place to read an operand at, as a type like "u32"; of a wider register its lower part."""
        dtype = _dtype(kind)
        if isinstance(operand, Register):
            return self._register(operand, dtype)
        if isinstance(operand, Number):
            value = _constant(operand.text, dtype)
        elif isinstance(operand, Symbol):
            value = np.array(self.address_of(operand.name), dtype)
        else:
            raise UnknownError(f"operand {operand}")
        return self._add((f"={value.tobytes().hex()}", dtype.str), lambda _: value)

    def target(self, operand: Operand, kind: str) -> int:
        """The place to write a result of a type at: the whole register, so that a narrower result is extended."""
        dtype = _dtype(kind)
        if not isinstance(operand, Register) or operand.name in SPECIAL:
            raise UnknownError(f"result {operand}")
        size = max(dtype.itemsize, self.width(operand))
        return self._register(operand, np.dtype(f"{dtype.kind}{size}") if dtype.kind in "iu" else dtype)

    def width(self, register: Register) -> int:
        """Its bytes."""
        return 4 if register.name in SPECIAL else self.program.registers[register.name].itemsize

    def address_of(self, symbol: str) -> int:
        """Of a variable in its own kind of memory. Raises UnknownError."""
        for room, start in (
            (self.program.shared, 0),
            (self.program.local, 0),
            (self.program.constants, CONSTANTS),
        ):
            if symbol in room.variables:
                return start + room.variables[symbol].offset
        raise UnknownError(f"variable {symbol}")

    def _register(self, register: Register, dtype: np.dtype) -> int:
        width = self.width(register)
        own = np.dtype("u4") if register.name in SPECIAL else self.program.registers[register.name]
        if dtype.itemsize > width or (dtype.kind == "b") != (own.kind == "b"):
            raise UnknownError(f"register {register.name} as {dtype}")
        step = width // dtype.itemsize
        return self._add(
            (register.name, dtype.str), lambda storage: storage[register.name].view(dtype)[::step]
        )

    def _add(self, key: tuple[str, str], make: Callable[[dict[str, Array]], Array]) -> int:
        if key not in self._places:
            self._places[key] = len(self._make)
            self._make.append(make)
        return self._places[key]

    def arrays(self, special: dict[str, Array]) -> list[Array]:
        """The list for as many threads as the special registers are given for; what nobody has written is poison. The arrays may be
        the same ones when it is asked for again.
        """
        registers = _registers(self, len(special["%laneid"]))
        registers.words.fill(_POISON)
        for name, values in special.items():
            registers.special[name][:] = values
        return registers.arrays

    def places(self, storage: dict[str, Array]) -> list[Array]:
        """The list, of the arrays that registers lie in."""
        return [make(storage) for make in self._make]


@lru_cache(maxsize=32)  # a training step launches fewer kernels, again and again
def _registers(frame: Frame, count: int) -> _Registers:
    """Those of so many threads, in one piece of memory."""
    declared = frame.program.registers
    sizes = [-(-count * dtype.itemsize // 8) * 8 for dtype in declared.values()]
    room = np.empty(sum(sizes), np.uint8)
    special = {name: np.empty(count, np.uint32) for name in SPECIAL}
    storage = dict(special)
    for end, size, (name, dtype) in zip(accumulate(sizes), sizes, declared.items(), strict=True):
        storage[name] = room[end - size :][: count * dtype.itemsize].view(dtype)
    return _Registers(room.view(np.uint32), special, frame.places(storage))


def modifiers(instruction: Instruction, *allowed: str) -> tuple[str, set[str]]:
    """(type, the other modifiers), of which only some are understood. Raises UnknownError."""
    *others, kind = instruction.modifiers or ("",)
    if f".{kind}" not in DTYPES or set(others) - set(allowed):
        raise UnknownError(instruction.text)
    return kind, set(others)


def _dtype(kind: str) -> np.dtype:
    return DTYPES[f".{kind}"]


def _constant(text: str, dtype: np.dtype) -> Array:
    digits = text.lower().rstrip("u")
    if digits.startswith(("0f", "0d")):
        bits = np.array(int(digits[2:], 16), np.uint32 if digits[1] == "f" else np.uint64)
        return bits.view(np.float32 if digits[1] == "f" else np.float64).astype(dtype)
    if dtype.kind == "b":
        return np.array(int(digits, 0) != 0)
    if dtype.kind == "f":
        raise UnknownError(f"constant {text} as {dtype}")
    whole = int(digits, 0) % (1 << 8 * dtype.itemsize)
    return np.array(whole, f"u{dtype.itemsize}").view(dtype)
