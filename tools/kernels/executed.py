"""Ops run on the CPU as they were compiled: what they launch is executed from its PTX, on arrays of the host."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

import numpy as np
from numba.core import types
from numba.cuda.typing.typeof import Purpose, typeof

from numbacnn.ops.cuda import toolchain

from .compiled import CAPABILITIES, Made
from .ptx.machine import Kernel
from .ptx.memory import GlobalMemory
from .ptx.parser import parsed


def ptx(kernel: Any, kinds: tuple[Any, ...]) -> str:
    """For the newest generation: the one for which every kernel's machine code is looked at too, so that it is compiled once for both."""
    return Made(kernel, kinds, CAPABILITIES[-1]).ptx


@cache
def executable(kernel: Any, kinds: tuple[Any, ...]) -> Kernel:
    return Kernel(parsed(ptx(kernel, kinds)))


@contextmanager
def launches_executed() -> Iterator[None]:
    """Launches inside run on the CPU. They raise FaultError where compute-sanitizer would complain."""

    def executed(
        kernel: Any, blocks: int | tuple[int, ...], threads: int, arguments: tuple[Any, ...]
    ) -> None:
        _launch(kernel, blocks if isinstance(blocks, tuple) else (blocks,), threads, flat(arguments))

    with (
        patch.object(toolchain, "prepared", executed),
        patch.object(toolchain, "carry_out", lambda _: None),
    ):
        yield


def flat(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """A launch's arguments with arrays of one axis, which is how a kernel gets them."""
    return tuple(each.reshape(-1) if isinstance(each, np.ndarray) else each for each in arguments)


def _launch(kernel: Any, blocks: tuple[int, ...], threads: int, arguments: tuple[Any, ...]) -> None:
    kinds = tuple(_kind(argument) for argument in arguments)
    compiled = executable(kernel, kinds)
    memory = GlobalMemory()
    arrays = _Arrays(memory)
    values = [
        value
        for kind, argument in zip(kinds, arguments, strict=True)
        for value in arrays.passed(kind, argument)
    ]
    x, y, z = (*blocks, 1, 1)[:3]
    compiled.launch((x, y, z), threads, _laid_out(compiled, values), memory, kernel.shared_bytes)


def _kind(argument: Any) -> Any:
    """The type of an argument as a GPU gets it: there every array may be written. What is only read here is seen to by its memory."""
    found = typeof(argument, Purpose.argument)
    return found.copy(readonly=False) if isinstance(found, types.Array) else found


def _laid_out(compiled: Kernel, values: list[np.generic]) -> bytes:
    """Arguments as the kernel declares them."""
    room = compiled.program.parameters
    result = bytearray(room.size)
    for (name, variable), value in zip(room.variables.items(), values, strict=True):
        if value.nbytes != variable.size:
            raise TypeError(f"{value.nbytes} bytes for {name}, which has {variable.size}")
        result[variable.offset : variable.offset + variable.size] = value.tobytes()
    return bytes(result)


class _Arrays:
    """Where arrays of the host lie in memory of the GPU: parts of one array as far apart as they are here."""

    def __init__(self, memory: GlobalMemory) -> None:
        self._memory = memory
        self._owners: dict[int, int] = {}

    def passed(self, kind: Any, argument: Any) -> Iterator[np.generic]:
        """An argument's values, as numba-cuda passes them (its dispatcher's _prepare_args)."""
        if isinstance(argument, tuple):
            for own_kind, each in zip(kind, argument, strict=True):
                yield from self.passed(own_kind, each)
        elif isinstance(argument, np.ndarray):
            numbers = (
                0,
                0,
                argument.size,
                argument.itemsize,
                self._address(argument),
                *argument.shape,
                *argument.strides,
            )
            yield from map(np.int64, numbers)
        else:
            yield np.dtype(str(kind)).type(argument)

    def _address(self, array: np.ndarray[Any, Any]) -> int:
        owner = array
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        start = owner.__array_interface__["data"][0]
        if start not in self._owners:
            name = f"an array {owner.shape} of {owner.dtype}"
            self._owners[start] = self._memory.allocate(name, owner.nbytes)
        address: int = self._owners[start] + array.__array_interface__["data"][0] - start
        self._memory.allow(address, array.reshape(-1).view(np.uint8), writeable=array.flags.writeable)
        return address
