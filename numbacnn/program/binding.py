"""Arrays in the place of Operands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..device import Array
from ..layers import Call
from ..ops.operands import Key, Operand


def bound(value: Any, memory: Callable[[Key], Array]) -> Any:
    """A value as it was, with arrays for the Operands that it is, holds or lists; `memory` gives a Storage's, flat."""
    if isinstance(value, Operand):
        if value.storage.array is not None:
            there = value.storage.array()
            if there.shape == value.shape:
                return there
            return there.reshape(-1)[value.first : value.first + value.size].reshape(value.shape)
        return memory(value.storage.key)[value.first : value.first + value.size].reshape(value.shape)
    if isinstance(value, dict):
        return {key: bound(each, memory) for key, each in value.items()}
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return tuple(bound(each, memory) for each in value)
    if isinstance(value, Call):
        return _bound_call(value, memory)
    return value


def _bound_call(call: Call, memory: Callable[[Key], Array]) -> Call:
    names = "inputs", "output", "scratch", "workspace", "tables", "parameters", "buffers"
    arrays = {name: bound(getattr(call, name), memory) for name in names}
    return replace(call, mode=replace(call.mode, random=bound(call.mode.random, memory)), **arrays)
