"""Launches that are repeated, carried out by one call of machine code.

Numba looks at every argument anew whenever Python calls a compiled function, which takes 3 to 8 us where there are many
arrays: a picture's whole way through a small network takes no more. So the arguments of launches that come again and
again are laid out once, each launch's as a row of words that its compiled function takes, and one call goes down the
list, without the interpreter's lock. What calls a function with its row is a caller: machine code that passes on
arguments of certain kinds, in the order in which Numba's compiled functions take them (where the result goes, where an
error is described, and each argument taken apart: of an array its address, sizes and strides). LLVM makes callers at its
lowest level, in a fraction of a millisecond each.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, NamedTuple

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.registry import CPUDispatcher, cpu_target

from . import threading_layer

_ROW = 4
"""Words of a launch in the list: the caller, the function, the function's arguments, and whether it runs on one thread."""
_LETTERS = {ir.IntType(1): "b", ir.IntType(64): "w", ir.FloatType(): "f", ir.DoubleType(): "d"}
"""Of each type that an argument may have in LLVM, its letter in the name of a caller. Pointers are words."""
_READ = {
    "w": "",
    "b": "%a{0} = trunc i64 %w{0} to i1\n",
    "f": "%h{0} = trunc i64 %w{0} to i32\n%a{0} = bitcast i32 %h{0} to float\n",
    "d": "%a{0} = bitcast i64 %w{0} to double\n",
}
"""How an argument is made of the word that it lies in."""
_POINTER = str(ir.IntType(64).as_pointer())
"""As this version of LLVM says it: "i64*" or "ptr"."""
_KINDS = {"w": "i64", "b": "i1", "f": "float", "d": "double"}


class _Process:
    """What holds for this process alone: one that was forked from it may have lost the kernels' threads."""

    generation = 0

    @classmethod
    def begin_again(cls) -> None:
        cls.generation += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_Process.begin_again)


class Compiled(NamedTuple):
    """A function for arguments of certain types: its address, and a letter for every word of its arguments."""

    address: int
    letters: str


class Row(NamedTuple):
    """A launch, laid out."""

    compiled: Compiled
    words: list[int]
    alone: bool
    """Whether it runs on one thread."""


class Replay:
    """Launches that were laid out, carried out in their order. Whoever holds it holds the arrays too."""

    def __init__(self, rows: list[Row]) -> None:
        callers = _callers({row.compiled.letters for row in rows})
        words = np.array([word for row in rows for word in row.words], np.uint64)
        table = np.empty((len(rows), _ROW), np.uint64)
        first = words.ctypes.data
        for place, (compiled, given, alone) in enumerate(rows):
            table[place] = callers[compiled.letters], compiled.address, first, alone
            first += words.itemsize * len(given)
        threading_layer.start()
        names = "get_num_threads", "set_num_threads"
        self._memory = words, table
        self._run = _going_down()
        self._list = table.ctypes.data, len(rows)
        self._threads = tuple(map(llvmlite.binding.address_of_symbol, names))
        self._generation = _Process.generation

    def __call__(self, times: int = 1) -> int:
        """Carries all launches out `times` times; returns how many of them were: all, or those before the first that failed."""
        if self._generation != _Process.generation:
            return 0
        done: int = self._run(*self._list, times, *self._threads)
        return done


def laid_out(launches: Iterable[tuple[Callable[..., None], tuple[Any, ...], bool]]) -> list[Row | None]:
    """Of each launch (function, arguments, whether on one thread) its row. None: it has to be called from Python, as the function is
    not compiled, or an argument is neither a number nor an array nor a tuple of such.
    """
    known: dict[Any, Compiled | None] = {}
    rows: list[Row | None] = []
    for function, arguments, alone in launches:
        words: list[int] = []
        described = _take_apart(arguments, words)
        if described is None or not isinstance(function, CPUDispatcher):
            rows.append(None)
            continue
        place = function, described
        if place not in known:
            known[place] = _compiled(function, arguments)
        compiled = known[place]
        fits = compiled is not None and len(compiled.letters) == len(words)
        rows.append(Row(compiled, words, alone) if compiled is not None and fits else None)
    return rows


def _take_apart(value: Any, words: list[int]) -> Any:
    """Adds a value's words to a list and describes its type, the same for values of the same types; None: it cannot be taken apart."""
    if type(value) is np.ndarray:
        words += (
            0,
            0,
            value.size,
            value.itemsize,
            value.ctypes.data,
            *value.shape,
            *(each % 2**64 for each in value.strides),
        )
        flags = value.flags
        return value.dtype, value.ndim, flags.c_contiguous, flags.f_contiguous, flags.writeable, flags.aligned
    if isinstance(value, tuple):
        described = tuple(_take_apart(each, words) for each in value)
        return None if None in described else (type(value), described)
    if type(value) is bool or (type(value) is int and -(2**63) <= value < 2**63):
        words.append(value % 2**64)
    elif type(value) in (float, np.float64):
        words.append(struct.unpack("<Q", struct.pack("<d", value))[0])
    elif type(value) is np.float32:
        words.append(struct.unpack("<I", struct.pack("<f", value))[0])
    elif type(value) in (np.int64, np.uint64):
        words.append(int(value) % 2**64)
    else:
        return None
    return type(value)


def _compiled(function: Any, arguments: tuple[Any, ...]) -> Compiled | None:
    """What Numba has compiled of a function for such arguments, if it has."""
    code = function.py_func.__code__
    if code.co_flags & 4:  # the rest of its arguments are one tuple
        arguments = *arguments[: code.co_argcount], arguments[code.co_argcount :]
    kinds = tuple(map(function.typeof_pyval, arguments))
    found = function.overloads.get(kinds)
    if found is None:
        return None
    taken = cpu_target.target_context.call_conv.get_function_type(types.none, kinds).args[2:]
    letters = "".join("w" if isinstance(kind, ir.PointerType) else _LETTERS.get(kind, "?") for kind in taken)
    if "?" in letters:
        return None
    return Compiled(found.library.get_pointer_to_function(found.fndesc.llvm_func_name), letters)


_engines: list[Any] = []
"""Whoever made machine code, which is there as long as they are."""
_known_callers: dict[str, int] = {}


def _callers(wanted: set[str]) -> dict[str, int]:
    """The address of the caller for each kind of arguments."""
    missing = sorted(wanted - _known_callers.keys())
    if missing:
        made = _machine_code("".join(map(_caller, missing)), list(map(_name, missing)))
        _known_callers.update(zip(missing, made, strict=True))
    return _known_callers


def _name(letters: str) -> str:
    return f"with_{letters}"


def _caller(letters: str) -> str:
    """i32 caller(function, arguments, where the result goes, where an error is described), in LLVM's language."""
    reading, given = [], []
    for place, letter in enumerate(letters):
        reading.append(f"%p{place} = getelementptr i64, {_POINTER} %row, i64 {place}\n")
        reading.append(f"%w{place} = load i64, {_POINTER} %p{place}\n{_READ[letter].format(place)}")
        given.append(f"{_KINDS[letter]} %{'w' if letter == 'w' else 'a'}{place}")
    kind = f"i32 (i64, i64{''.join(f', {_KINDS[letter]}' for letter in letters)})"
    pointer = _POINTER if _POINTER == "ptr" else f"{kind}*"
    return (
        f"define i32 @{_name(letters)}(i64 %function, {_POINTER} %row, i64 %result, i64 %error) {{\n"
        f"%called = inttoptr i64 %function to {pointer}\n{''.join(reading)}"
        f"%status = call i32 %called({', '.join(('i64 %result', 'i64 %error', *given))})\nret i32 %status\n}}\n"
    )


@cache
def _going_down() -> Any:
    """i64 run(list, how many, times, get_num_threads, set_num_threads): goes down a list so many times, and tells how many
    launches were carried out before one failed.
    """
    caller, get, put = (
        _POINTER if _POINTER == "ptr" else f"{kind}*"
        for kind in (f"i32 (i64, i64, {_POINTER}, {_POINTER})", "i32 ()", "void (i32)")
    )
    text = f"""
define i64 @run({_POINTER} %list, i64 %count, i64 %times, i64 %get, i64 %put) {{
begin:
  %result = alloca i64
  %error = alloca i64
  %threads = inttoptr i64 %get to {get}
  %set = inttoptr i64 %put to {put}
  %all = call i32 %threads()
  %whole = mul i64 %count, %times
  br label %next
next:
  %done = phi i64 [ 0, %begin ], [ %more, %carried ]
  %over = icmp uge i64 %done, %whole
  br i1 %over, label %end, label %launch
launch:
  %place = urem i64 %done, %count
  %row = mul i64 %place, {_ROW}
  %p0 = getelementptr i64, {_POINTER} %list, i64 %row
  %p1 = getelementptr i64, {_POINTER} %p0, i64 1
  %p2 = getelementptr i64, {_POINTER} %p0, i64 2
  %p3 = getelementptr i64, {_POINTER} %p0, i64 3
  %word = load i64, {_POINTER} %p0
  %function = load i64, {_POINTER} %p1
  %arguments = load i64, {_POINTER} %p2
  %alone = load i64, {_POINTER} %p3
  %single = icmp ne i64 %alone, 0
  %most = select i1 %single, i32 1, i32 %all
  call void %set(i32 %most)
  %caller = inttoptr i64 %word to {caller}
  %status = call i32 %caller(i64 %function, i64 %arguments, {_POINTER} %result, {_POINTER} %error)
  %well = icmp eq i32 %status, 0
  %none = icmp eq i32 %status, -2
  %good = or i1 %well, %none
  br i1 %good, label %carried, label %end
carried:
  %more = add i64 %done, 1
  br label %next
end:
  call void %set(i32 %all)
  ret i64 %done
}}
"""
    (address,) = _machine_code(text, ["run"])
    return ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_uint64] * 5)(address)


def _machine_code(text: str, names: list[str]) -> list[int]:
    """The addresses of functions in LLVM's language."""
    triple = llvmlite.binding.get_process_triple()
    module = llvmlite.binding.parse_assembly(f'target triple = "{triple}"\n{text}')
    machine = llvmlite.binding.Target.from_triple(triple).create_target_machine(opt=0)
    engine = llvmlite.binding.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    _engines.append(engine)
    return list(map(engine.get_function_address, names))
