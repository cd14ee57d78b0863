"""Loads, stores and asynchronous copies."""

from __future__ import annotations

from typing import Any

import numpy as np

from .arrays import Array
from .errors import UnknownError
from .memory import SHARED_WINDOW
from .parser import DTYPES, Address, Instruction, Number, Operand, Register, Symbol, parts
from .registers import Frame
from .threads import Active, Run, Threads

_SPACES = {"param", "global", "shared", "local", "const", "shared::cta"}
_HINTS = {"nc", "volatile", "weak", "ca", "cg", "cs", "lu", "cv", "wb", "wt"}
"""What changes no value, for one thread at a time."""
_VECTORS = {"v2": 2, "v4": 4}
_MOST_COPIED = 16


def _split(instruction: Instruction) -> tuple[str, int, str]:
    """(kind of memory, numbers, type) of a load or store."""
    *others, kind = instruction.modifiers
    spaces = [each for each in others if each in _SPACES]
    counts = [_VECTORS[each] for each in others if each in _VECTORS]
    unknown = set(others) - _SPACES - _HINTS - set(_VECTORS)
    if unknown or len(spaces) > 1 or f".{kind}" not in DTYPES or kind == "pred":
        raise UnknownError(instruction.text)
    return (spaces or ["generic"])[0].partition("::")[0], (counts or [1])[0], kind


class Place:
    """An address of each active thread."""

    def __init__(self, frame: Frame, operand: Operand, text: str) -> None:
        if not isinstance(operand, Address):
            raise UnknownError(text)
        bits = 8 * frame.width(operand.base) if isinstance(operand.base, Register) else 64
        self._base = frame.source(operand.base, f"u{bits}")
        self._offset = np.uint64(operand.offset % 2**64)

    def of(self, threads: Threads, active: Active) -> Array:
        found: Array = threads.held(self._base)[active.lanes].astype(np.uint64) + self._offset
        return found


def load(frame: Frame, instruction: Instruction) -> Run:
    space, count, kind = _split(instruction)
    code = DTYPES[f".{kind}"].str[1:]
    targets = [frame.target(part, kind) for part in parts(instruction.operands[0], count)]
    address = instruction.operands[1]
    if space == "param":
        return _load_parameter(frame, address, DTYPES[f".{kind}"], targets, instruction.text)
    place, text = Place(frame, address, instruction.text), instruction.text

    def run(threads: Threads, active: Active) -> None:
        lanes, addresses = active.lanes, place.of(threads, active)
        found = _loaded(space, threads, lanes, addresses, code, count, text)
        for column, target in enumerate(targets):
            threads.values[target][lanes] = found[:, column]

    return run


def _loaded(
    space: str, threads: Threads, lanes: Any, addresses: Array, code: str, count: int, text: str
) -> Array:
    if space == "generic":
        is_shared = _in_shared(addresses)
        if is_shared.all():
            space, addresses = "shared", addresses - np.uint64(SHARED_WINDOW)
        elif is_shared.any():
            raise UnknownError(f"{text}: shared and global memory at a time")
    if space == "shared":
        blocks, stamps = threads.block[lanes], threads.stamps[lanes]
        return threads.shared.load(addresses, code, count, blocks, stamps, text)
    if space == "local":
        return threads.local.load(addresses, code, count, np.arange(threads.count)[lanes])
    return threads.memory.load(addresses, code, count, threads.block_number[lanes], threads.stamps[lanes])


def _in_shared(addresses: Array) -> Array:
    return addresses - np.uint64(SHARED_WINDOW) < np.uint64(1 << 32)


def _load_parameter(
    frame: Frame, address: Operand, dtype: np.dtype[Any], targets: list[int], text: str
) -> Run:
    if not isinstance(address, Address) or not isinstance(address.base, Symbol):
        raise UnknownError(text)
    if address.base.name not in frame.program.parameters.variables:
        raise UnknownError(text)
    first = frame.program.parameters.variables[address.base.name].offset + address.offset

    def run(threads: Threads, active: Active) -> None:
        numbers = threads.parameters[first : first + dtype.itemsize * len(targets)].view(dtype)
        for number, target in zip(numbers, targets, strict=True):
            np.copyto(threads.values[target], number, where=active.where)

    return run


def store(frame: Frame, instruction: Instruction) -> Run:
    space, count, kind = _split(instruction)
    if space in ("param", "const"):
        raise UnknownError(instruction.text)
    text = instruction.text
    sources = [frame.source(part, kind) for part in parts(instruction.operands[1], count)]
    place, dtype = Place(frame, instruction.operands[0], text), DTYPES[f".{kind}"]

    def run(threads: Threads, active: Active) -> None:
        lanes, addresses = active.lanes, place.of(threads, active)
        numbers = np.empty((len(addresses), count), dtype)
        for column, source in enumerate(sources):
            numbers[:, column] = threads.held(source)[lanes]
        own = space
        if space == "generic":
            is_shared = _in_shared(addresses)
            if is_shared.any() != is_shared.all():
                raise UnknownError(f"{text}: shared and global memory at a time")
            own = "shared" if is_shared.any() else "global"
            addresses = addresses - np.uint64(SHARED_WINDOW) if is_shared.any() else addresses
        if own == "shared":
            threads.shared.store(addresses, numbers, threads.block[lanes], threads.stamps[lanes])
        elif own == "local":
            threads.local.store(addresses, numbers, np.arange(threads.count)[lanes])
        else:
            threads.memory.store(addresses, numbers, threads.block_number[lanes], threads.stamps[lanes])

    return run


def copy(frame: Frame, instruction: Instruction) -> Run:
    """cp.async and what waits for it. What is copied is read when the copy starts: a GPU may read it later."""
    if instruction.modifiers[:1] != ("async",):
        raise UnknownError(instruction.text)
    kind = instruction.modifiers[1:]
    if kind == ("commit_group",):
        return _commit
    if kind == ("wait_all",):
        return _wait_for_all
    if kind == ("wait_group",):
        return _wait_group(_whole(instruction.operands[0]))
    return _start_copy(frame, instruction)


def _whole(operand: Operand) -> int:
    if not isinstance(operand, Number):
        raise UnknownError(f"{operand}, where a number is expected")
    return int(operand.text, 0)


def _commit(threads: Threads, active: Active) -> None:
    threads.copies.groups[active.lanes] += 1


def _wait_for_all(threads: Threads, active: Active) -> None:
    _end_copies(threads, active, np.full(threads.count, np.iinfo(np.int64).max))


def _wait_group(pending: int) -> Run:
    """All groups of a thread but its last `pending`."""

    def run(threads: Threads, active: Active) -> None:
        _end_copies(threads, active, threads.copies.groups - pending)

    return run


def _end_copies(threads: Threads, active: Active, before: Array) -> None:
    """Those of the active threads whose group comes before `before`."""
    waits = np.zeros(threads.count, bool)
    waits[active.lanes] = True
    left = []
    for own, groups, words, values in threads.copies.open:
        done = waits[own] & (groups < before[own])
        if done.any():
            threads.shared.end_copy(words[done], values[done], threads.stamps[own[done]])
        if not done.all():
            left.append((own[~done], groups[~done], words[~done], values[~done]))
    threads.copies.open = left


def _start_copy(frame: Frame, instruction: Instruction) -> Run:
    cache, *spaces = instruction.modifiers[1:]
    hints = {each for each in spaces if each.startswith("L2::") and each != "L2::cache_hint"}
    rest = [each for each in spaces if each not in hints]
    target, source, *sizes = instruction.operands
    if cache not in ("ca", "cg") or rest not in (["shared", "global"], ["shared::cta", "global"]):
        raise UnknownError(instruction.text)
    if not 1 <= len(sizes) <= 2:
        raise UnknownError(instruction.text)
    size = _whole(sizes[0])
    if size not in ((4, 8, _MOST_COPIED) if cache == "ca" else (_MOST_COPIED,)):
        raise UnknownError(instruction.text)
    to, of = Place(frame, target, instruction.text), Place(frame, source, instruction.text)
    own_size = frame.source(sizes[-1], "u32")

    def run(threads: Threads, active: Active) -> None:
        lanes = np.arange(threads.count)[active.lanes]
        read = threads.held(own_size)[lanes].astype(np.int64)
        if (read > size).any():
            raise UnknownError(f"{instruction.text}: more is read than written")
        values = threads.memory.copy_source(of.of(threads, active), read, size).view(np.uint32)
        blocks, stamps = threads.block[lanes], threads.stamps[lanes]
        words = threads.shared.start_copy(to.of(threads, active), size, blocks, stamps)
        threads.copies.open.append((lanes, threads.copies.groups[lanes], words, values))

    return run
