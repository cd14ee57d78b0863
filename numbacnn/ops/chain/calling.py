"""Compiles the steps of a chain separately, and calls them by their addresses.

A function that a kernel calls by name is compiled inside every such kernel. The steps of a chain are most of its code;
they are compiled once each, only those that a network needs, and a chain's table holds their addresses.
"""

# Numba calls intrinsics with its own builder objects, which have no types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"

from __future__ import annotations

from functools import cache, partial
from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic

from ..compilation import jit

step = partial(jit, by_address=True)
"""The decorator of a chain's steps, functions of (arena, weights, gradients, g, numbers, random, first, adds).

`arena` holds the group's vectors, `weights` all parameters of the network, `gradients` those of the share that the
group belongs to; a step adds to them if `adds` is not 0, else it overwrites them. `g` is the step's row of the table,
`numbers` has its numbers that are not whole. `random` is the key of random numbers, `first` the index in the batch of
the group's first picture.
"""


def _step_types(dtype: Any) -> tuple[Any, ...]:
    number = numba.from_dtype(np.dtype(dtype))
    row = types.Array(number, 1, "C")
    return (
        row, row, row, types.Array(types.int64, 1, "C"), types.Array(types.float64, 1, "C"),
        types.Array(types.uint64, 1, "C"), types.intp, types.intp,
    )  # fmt: skip


def _loss_types(dtype: Any) -> tuple[Any, ...]:
    number = numba.from_dtype(np.dtype(dtype))
    rows = types.Array(number, 2, "C")
    return (
        types.uintp, types.uintp, types.Array(number, 1, "C"), rows, rows, types.Array(types.int64, 1, "C"), types.float64,
        types.float64,
    )  # fmt: skip


@cache
def address_of_step(function: Any, dtype: np.dtype[Any]) -> int:
    """Returns the address, in this process, of a step's machine code for arrays of a type."""
    return _address(function, _step_types(dtype))


@cache
def address_of_loss(function: Any, dtype: np.dtype[Any]) -> int:
    """Returns the address of the machine code of a loss with one class a picture (ops.losses, ops.targets), whose kernel has it as
    an inner function.
    """
    return _address(jit(function.py_func, by_address=True), _loss_types(dtype))


def _address(function: Any, kinds: tuple[Any, ...]) -> int:
    compiled = function.overloads.get(kinds)
    if compiled is None:
        function.compile(kinds)
        compiled = function.overloads[kinds]
    found: int = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
    return found


@intrinsic
def call(typingctx, address, arguments):
    """Calls the function at an address, with arguments of these types; it returns nothing."""

    def generate(context, builder, signature, values):
        kinds = signature.args[1].types
        kind = context.call_conv.get_function_type(types.none, kinds)
        function = builder.inttoptr(values[0], kind.as_pointer())
        given = [builder.extract_value(values[1], place) for place in range(len(kinds))]
        status, _ = context.call_conv.call_function(builder, function, types.none, kinds, given)
        with builder.if_then(status.is_error, likely=False):
            context.call_conv.return_status_propagate(builder, status)
        return context.get_dummy_value()

    return types.void(address, arguments), generate
