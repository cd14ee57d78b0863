"""PTX text -> what a kernel declares, and its instructions."""

from __future__ import annotations

import re
from collections import ChainMap
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from .errors import UnknownError

DTYPES = {
    **{f".{kind}{bits}": np.dtype(f"u{bits // 8}") for kind in "ub" for bits in (8, 16, 32, 64)},
    **{f".s{bits}": np.dtype(f"i{bits // 8}") for bits in (8, 16, 32, 64)},
    ".f32": np.dtype("f4"),
    ".f64": np.dtype("f8"),
    ".pred": np.dtype(bool),
}
"""Of PTX's types; .b is read as unsigned."""
SPECIAL = {f"%{name}.{axis}" for name in ("tid", "ntid", "ctaid", "nctaid") for axis in "xyz"} | {
    "%laneid",
    "%dynamic_smem_size",
}


@dataclass(frozen=True)
class Register:
    name: str


@dataclass(frozen=True)
class Number:
    """A constant as it is written; what it means depends on the instruction's type."""

    text: str


@dataclass(frozen=True)
class Symbol:
    """A variable's address, or a label."""

    name: str


@dataclass(frozen=True)
class Address:
    base: Register | Symbol | Number
    offset: int


@dataclass(frozen=True)
class Vector:
    """{a, b, …}, and a|b."""

    parts: tuple[Operand, ...]


Operand = Register | Number | Symbol | Address | Vector


def parts(operand: Operand, *counts: int) -> tuple[Operand, ...]:
    """Of a vector, or an operand alone. Raises UnknownError if there are not as many as one of the counts."""
    found = operand.parts if isinstance(operand, Vector) else (operand,)
    if len(found) not in counts:
        raise UnknownError(f"{len(found)} parts")
    return found


class Instruction(NamedTuple):
    """`root`.modifiers operands, executed by threads whose `guard` is true (false if `negated`)."""

    text: str
    root: str
    modifiers: tuple[str, ...]
    operands: tuple[Operand, ...]
    guard: Register | None
    negated: bool


class Variable(NamedTuple):
    offset: int
    size: int


@dataclass
class Room:
    """A kind of memory: variables one after the other, each aligned as it says and no better."""

    size: int = 0
    variables: dict[str, Variable] = field(default_factory=dict)

    def add(self, name: str, size: int, alignment: int) -> None:
        """One of no size lies behind all others: what a launch asks for."""
        offset = -(-self.size // alignment) * alignment
        self.variables[name] = Variable(offset, size)
        self.size = offset + size


@dataclass
class Program:
    """One kernel."""

    name: str = ""
    parameters: Room = field(default_factory=Room)
    shared: Room = field(default_factory=Room)
    local: Room = field(default_factory=Room)
    constants: Room = field(default_factory=Room)
    constant_bytes: dict[str, bytes] = field(default_factory=dict)
    registers: dict[str, np.dtype] = field(default_factory=dict)
    instructions: list[Instruction] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    """Label -> the instruction that follows."""


_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_LINE_NUMBERS = re.compile(r"^\s*\.(loc|file|section)\b[^\n]*", re.MULTILINE)
_HEADER = re.compile(r"\.(version|target|address_size)\s[^\n]*")
_ENTRY = re.compile(r"(?:\.visible\s+)?\.entry\s+([\w$]+)\s*\((.*?)\)([^{};]*)\{", re.DOTALL)
_VARIABLE = re.compile(
    r"(?:\.(?:visible|extern|weak)\s+)?\.(param|shared|local|global|const)\s+(?:\.align\s+(\d+)\s+)?(\.\w+)\s+([\w$%]+)"
    r"\s*(?:\[(\d*)\])?\s*(?:=\s*(.*))?$",
    re.DOTALL,
)
_LABEL = re.compile(r"([\w$%]+)\s*:(?!:)")
_GUARDED = re.compile(r"@(!?)([\w$%]+)\s+(.*)", re.DOTALL)
_ADDRESS = re.compile(r"\[\s*([^+\s\]-]+)\s*(?:([+-])\s*(-?\w+))?\s*\]$")
_NUMBER = re.compile(r"-?(0[fF][0-9A-Fa-f]{8}|0[dD][0-9A-Fa-f]{16}|0[xX][0-9A-Fa-f]+|\d+)U?$")


def parsed(text: str) -> Program:
    """The one kernel of a PTX module. Raises UnknownError."""
    text = _HEADER.sub("", _LINE_NUMBERS.sub("", _COMMENT.sub("", text.replace("\0", "")))).strip()
    program = Program()
    while text:
        if entry := _ENTRY.match(text):
            if program.name:
                raise UnknownError(f"a second kernel: {entry[1]}")
            program.name = entry[1]
            for parameter in filter(None, (each.strip() for each in entry[2].split(","))):
                _declare_variable(program, parameter)
            text = _Body(program, text[entry.end() :]).parse().strip()
        else:
            statement, _, text = text.partition(";")
            _declare_variable(program, statement.strip())
            text = text.strip()
    return program


def _declare_variable(program: Program, statement: str) -> None:
    found = _VARIABLE.match(statement)
    if not found or found[3] not in DTYPES:
        raise UnknownError(f"declaration: {statement}")
    space, alignment, kind, name, count, value = found.groups()
    item = DTYPES[kind].itemsize
    size = item * int(count or 0) if "[" in statement.partition("=")[0] else item
    rooms = {"param": program.parameters, "shared": program.shared, "local": program.local}
    rooms.get(space, program.constants).add(name, size, int(alignment or item))
    if space in ("global", "const"):
        numbers = [int(each, 0) for each in (value or "").strip("{} \n").split(",") if each.strip()]
        given = np.array(numbers, DTYPES[kind]).tobytes()
        program.constant_bytes[name] = given.ljust(size, b"\0")


class _Body:
    """Statements, in scopes that have registers of their own, as inline assembly may open them."""

    def __init__(self, program: Program, text: str) -> None:
        self._program = program
        self._text = text
        self._place = 0
        self._scopes: ChainMap[str, str] = ChainMap()
        """Name of a register -> its name in the program."""

    def parse(self) -> str:
        """What follows the body."""
        opened = 1
        while opened:
            self._place += len(self._text[self._place :]) - len(self._text[self._place :].lstrip())
            here = self._text[self._place : self._place + 1]
            if not here:
                raise UnknownError("the body of a kernel does not end")
            if here == "{":
                opened, self._scopes, self._place = opened + 1, self._scopes.new_child(), self._place + 1
            elif here == "}":
                opened, self._scopes, self._place = opened - 1, self._scopes.parents, self._place + 1
            elif label := _LABEL.match(self._text, self._place):
                self._program.labels[label[1]] = len(self._program.instructions)
                self._place = label.end()
            else:
                end = self._text.index(";", self._place)
                self._statement(self._text[self._place : end].strip())
                self._place = end + 1
        return self._text[self._place :]

    def _statement(self, statement: str) -> None:
        if statement.startswith(".reg"):
            _, kind, names = statement.split(None, 2)
            for name in names.split(","):
                self._declare_register(name.strip(), kind)
        elif statement.startswith((".shared", ".local")):
            _declare_variable(self._program, statement)
        elif statement and not statement.startswith(".pragma"):
            self._program.instructions.append(self._instruction(statement))

    def _declare_register(self, name: str, kind: str) -> None:
        if kind not in DTYPES:
            raise UnknownError(f"register of type {kind}")
        stem, several, count = name.partition("<")
        for own in [f"{stem}{i}" for i in range(int(count.rstrip(">")))] if several else [name]:
            unique = own if own not in self._program.registers else f"{own}#{len(self._program.registers)}"
            self._scopes[own] = unique
            self._program.registers[unique] = DTYPES[kind]

    def _instruction(self, statement: str) -> Instruction:
        text = " ".join(statement.split()).replace(f"{self._program.name}_param_", "param_")
        guard, negated, rest = None, False, statement
        if guarded := _GUARDED.match(statement):
            negated, rest = bool(guarded[1]), guarded[3]
            guard = self._register(guarded[2])
            if guard is None:
                raise UnknownError(f"guard: {text}")
        opcode, *operands = rest.split(None, 1)
        root, *modifiers = opcode.split(".")
        places = tuple(self._operand(each) for each in _separated("".join(operands)))
        return Instruction(text, root, tuple(modifiers), places, guard, negated)

    def _register(self, name: str) -> Register | None:
        if name in SPECIAL:
            return Register(name)
        return Register(self._scopes[name]) if name in self._scopes else None

    def _operand(self, text: str) -> Operand:
        if text.startswith("{"):
            return Vector(tuple(self._operand(each) for each in _separated(text.strip("{}"))))
        if "|" in text:
            return Vector(tuple(self._operand(each.strip()) for each in text.split("|")))
        if text.startswith("["):
            found = _ADDRESS.match(text)
            inner = self._operand(found[1]) if found else None
            if found is None or not isinstance(inner, (Register, Symbol, Number)):
                raise UnknownError(f"address {text}")
            return Address(inner, int(found[2] + "1") * int(found[3], 0) if found[2] else 0)
        if _NUMBER.match(text):
            return Number(text)
        return self._register(text) or Symbol(text)


def _separated(operands: str) -> list[str]:
    """At commas that no brace holds."""
    parts = re.findall(r"(?:\{[^}]*\}|\[[^\]]*\]|[^,{}\[\]])+", operands)
    return [part.strip() for part in parts if part.strip()]
