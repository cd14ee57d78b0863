"""Loops whose iterations a kernel's threads share, without Numba's own parallel loops.

Numba's `prange` takes a loop out of its function, infers its types again, and lets LLVM compile it three times: in the
loop's function, in a wrapper, and in the caller of the wrapper. That was half of the time that a first run waited for.
Here the loop's body is an inner function (inner.py), compiled once, which is told where its share begins and ends. The threads
are Numba's (threading_layer), called as Numba's gufuncs call them.

    @parallel(lambda y, *_: y.size)
    def _double(begin, end, y, x):
        for i in range(begin, end):
            y[i] = 2 * x[i]

is a kernel that is called as `_double(y, x)`. A function of `jit(parallel=True)` that has several such loops makes each
body a `share` and calls `in_parallel(share, y.size, (y, x))`.

`begin` and `end` are unsigned, so that indices are not checked for being negative. Reductions are divided by shapes
alone, never by `begin` and `end`, which depend on the number of threads.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from .compilation import jit

_FAILED = "a loop that threads share failed: an index is out of range"
_ERROR = 2
"""The state of a loop that threads see, in this order: the number of iterations, the number of parts, whether one
failed (this index), and the arguments.
"""


share = partial(jit, loop=True)
"""The decorator of a loop's body for `in_parallel`: a function of (begin, end, *arguments) that returns nothing."""


def parallel(count: Callable[..., int]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Makes a kernel of (*arguments) out of a function of (begin, end, *arguments): threads share the
    `count(*arguments)` iterations.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        part = share(function)

        def whole(iterations: Any, *arguments: Any) -> None:
            in_parallel(part, iterations, arguments)

        whole.__module__, whole.__qualname__ = function.__module__, f"{function.__qualname__}.whole"
        compiled = jit(whole, parallel=True)

        @wraps(function)
        def kernel(*arguments: Any) -> None:
            compiled(count(*arguments), *arguments)

        named = inspect.signature(function)
        kernel.share = part
        kernel.__signature__ = named.replace(parameters=list(named.parameters.values())[2:])
        return kernel

    return decorate


@intrinsic(prefer_literal=False)
def in_parallel(typing: Any, part: Any, iterations: Any, arguments: Any) -> Any:
    """Calls `part(begin, end, *arguments)` on every thread with a share of the iterations, and waits for all of them.

    Raises IndexError if a share raised anything, which compiled kernels do only with NUMBA_BOUNDSCHECK. Only functions
    of `jit(parallel=True)` may call it.
    """
    given = tuple(types.unliteral(each) for each in arguments.types)
    signature = typing.resolve_function_type(part, (types.uintp, types.uintp, *given), {})
    compiled = part.dispatcher.overloads[signature.args]

    def generate(context: Any, builder: Any, _: Any, values: Any) -> Any:
        count, packed = values[1:]
        word, flag = context.get_value_type(types.intp), ir.IntType(32)
        loop = ir.LiteralStructType([word, word, flag, packed.type])
        called = _called(context, builder.function, loop, compiled, signature)
        context.active_code_library.add_linking_library(compiled.library)

        threads = _threads(builder, word)
        parts = builder.select(builder.icmp_signed("<", count, threads), count, threads)
        state = cgutils.alloca_once(builder, loop)
        for index, value in enumerate((count, parts, ir.Constant(flag, 0), packed)):
            builder.store(value, cgutils.gep_inbounds(builder, state, 0, index))
        none = ir.Constant(word, 0)
        with builder.if_else(builder.icmp_signed(">", parts, ir.Constant(word, 1))) as (several, one):
            with several:
                _on_threads(builder, called, state, parts, threads)
            with one, builder.if_then(builder.icmp_signed(">", count, none)):
                _on_this_thread(builder, called, state, word)
        failed = builder.load(cgutils.gep_inbounds(builder, state, 0, _ERROR))
        with builder.if_then(builder.icmp_unsigned("!=", failed, ir.Constant(flag, 0)), likely=False):
            context.call_conv.return_user_exc(builder, IndexError, (_FAILED,))
        return context.get_dummy_value()

    return types.void(part, types.intp, arguments), generate


def _called(context: Any, caller: Any, loop: Any, compiled: Any, signature: Any) -> Any:
    """Returns the function that a thread calls, with a gufunc's arguments: (first parts, counts, steps, the loop's
    state).

    There is one array, at address 0 with steps of one byte, so that the address of its first element is the number of
    the first part that this thread has to compute.
    """
    word, byte = context.get_value_type(types.intp), ir.IntType(8).as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [byte.as_pointer(), word.as_pointer(), word.as_pointer(), byte])
    function = ir.Function(caller.module, kind, caller.module.get_unique_name(f"{caller.name}.share"))
    function.linkage = "internal"
    builder = ir.IRBuilder(function.append_basic_block())
    firsts, counts, _, data = function.args
    state = builder.bitcast(data, loop.as_pointer())
    count, parts, _, packed = (
        builder.load(cgutils.gep_inbounds(builder, state, 0, index)) for index in range(len(loop.elements))
    )
    first = builder.ptrtoint(builder.load(firsts), word)
    last = builder.add(first, builder.load(counts))
    begin, end = (builder.udiv(builder.mul(count, edge), parts) for edge in (first, last))
    arguments = cgutils.unpack_tuple(builder, packed, len(signature.args) - 2)
    status, _ = context.call_internal_no_propagate(
        builder, compiled.fndesc, signature, [begin, end, *arguments]
    )
    with builder.if_then(status.is_error, likely=False):
        builder.store(ir.Constant(ir.IntType(32), 1), cgutils.gep_inbounds(builder, state, 0, _ERROR))
    builder.ret_void()
    return function


def _threads(builder: Any, word: Any) -> Any:
    """Returns how many threads the caller may use, as `numba.get_num_threads` does."""
    kind = ir.FunctionType(ir.IntType(32), [])
    asked = cgutils.get_or_insert_function(builder.module, kind, "get_num_threads")
    return builder.sext(builder.call(asked, []), word)


def _on_threads(builder: Any, called: Any, state: Any, parts: Any, threads: Any) -> None:
    """Calls the threading layer with (function, arrays, counts, steps, data, inner dimensions, arrays, threads)."""
    word, byte = parts.type, ir.IntType(8).as_pointer()
    kind = ir.FunctionType(
        ir.VoidType(),
        [byte, byte.as_pointer(), word.as_pointer(), word.as_pointer(), byte, word, word, ir.IntType(32)],
    )
    layer = cgutils.get_or_insert_function(builder.module, kind, "numba_parallel_for")
    array = cgutils.alloca_once_value(builder, ir.Constant(byte, None))
    counts = cgutils.alloca_once_value(builder, parts)
    steps = cgutils.alloca_once_value(builder, ir.Constant(word, 1))
    function, data = builder.bitcast(called, byte), builder.bitcast(state, byte)
    none, one = ir.Constant(word, 0), ir.Constant(word, 1)
    builder.call(
        layer, [function, array, counts, steps, data, none, one, builder.trunc(threads, ir.IntType(32))]
    )


def _on_this_thread(builder: Any, called: Any, state: Any, word: Any) -> None:
    byte = ir.IntType(8).as_pointer()
    array = cgutils.alloca_once_value(builder, ir.Constant(byte, None))
    one = cgutils.alloca_once_value(builder, ir.Constant(word, 1))
    builder.call(called, [array, one, one, builder.bitcast(state, byte)])
