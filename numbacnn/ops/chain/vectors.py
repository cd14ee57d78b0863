"""Vectors with a picture in each lane, as LLVM has them: as wide as the processor's.

Every number of a group of pictures is a vector in an array of the group's own: the number of picture l lies in lane l.
"""

# Numba calls these functions with its own builder objects, which have no types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"

from __future__ import annotations

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils

from ..product.tile import loop, splat

_FEATURES = llvmlite.binding.get_host_cpu_features()
MANY_REGISTERS = bool(_FEATURES.get("avx512f")) or not _FEATURES.get("sse2")
"""AVX-512 and ARM's NEON have 32 vector registers, AVX2 has 16."""
VECTOR_BYTES = 64 if _FEATURES.get("avx512f") else 32 if _FEATURES.get("avx") else 16
INDEX = cgutils.intp_t
_INT = ir.IntType(32)


def lanes_of(itemsize: int) -> int:
    """Pictures of a group: 16 of float32 with AVX-512."""
    return VECTOR_BYTES // itemsize


def integer(value):
    """A constant index."""
    return ir.Constant(INDEX, value)


class Vectors:
    """Loads and stores of vectors, and what tiles are made of, in the arrays that are an intrinsic's first arguments."""

    def __init__(self, context, builder, signature, arguments):
        self.builder = builder
        dtype = signature.args[0].dtype
        self.number = context.get_value_type(dtype)
        self.bits = dtype.bitwidth
        self.lanes = lanes_of(dtype.bitwidth // 8)
        self.vector = ir.VectorType(self.number, self.lanes)
        self.whole = ir.IntType(self.bits)
        self.wholes = ir.VectorType(self.whole, self.lanes)
        self.zero = ir.Constant(self.vector, [0.0] * self.lanes)
        self._data = [
            context.make_array(kind)(context, builder, value).data
            for kind, value in zip(signature.args, arguments, strict=True)
            if isinstance(kind, types.Array)
        ]

    def at(self, array, offset):
        """The address of an element of the intrinsic's array of that number."""
        return self.builder.gep(self._data[array], [offset])

    def load(self, place):
        """The vector at an address."""
        address = self.builder.bitcast(place, self.vector.as_pointer())
        return self.builder.load(address, align=self.bits // 8)

    def store(self, value, place):
        """Stores a vector of numbers, or of whole numbers, at an address."""
        address = self.builder.bitcast(place, value.type.as_pointer())
        self.builder.store(value, address, align=self.bits // 8)

    def splat(self, value):
        """A vector of one number."""
        return splat(self.builder, value, self.lanes)

    def broadcast(self, place):
        """A vector of the number at an address."""
        return self.splat(self.builder.load(place))

    def multiply_add(self, a, b, c):
        """a b + c, rounded once."""
        name = f"llvm.fma.v{self.lanes}f{self.bits}"
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), [a, b, c])

    def rectified(self, value, slope):
        """Value where it is above 0, else slope times it."""
        above = self.builder.fcmp_ordered(">", value, self.zero)
        return self.builder.select(above, value, self.builder.fmul(slope, value))

    def total(self, value):
        """The sum over the lanes: halves are added to each other."""
        lanes = self.lanes
        while lanes > 1:
            lanes //= 2
            undefined = ir.Constant(value.type, ir.Undefined)
            low, high = (
                self.builder.shuffle_vector(
                    value,
                    undefined,
                    ir.Constant(ir.VectorType(_INT, lanes), list(range(first, first + lanes))),
                )
                for first in (0, lanes)
            )
            value = self.builder.fadd(low, high)
        return self.builder.extract_element(value, ir.Constant(_INT, 0))


def unpacked(context, builder, kind, value):
    """The numbers of a tuple of whole numbers, as indices."""
    return [
        context.cast(builder, builder.extract_value(value, place), each, types.intp)
        for place, each in enumerate(kind.types)
    ]


def add(builder, *terms):
    """The sum of indices."""
    total = terms[0]
    for term in terms[1:]:
        total = builder.add(total, term)
    return total


def as_it_stands(builder, count, carried, body):
    """`loop` that LLVM is not to unroll: a filter's row has few steps, of which none should be left over."""
    module = builder.module
    results = loop(builder, count, carried, body)
    (_, _), (_, last) = results[0].incomings
    never = module.add_metadata([ir.MetaDataString(module, "llvm.loop.unroll.disable")])
    identity = ir.MDValue(module, [], name=str(len(module.metadata)))
    identity.operands = (identity, never)
    last.terminator.set_metadata("llvm.loop", identity)
    return results


def choose(builder, key, bodies):
    """Emits each of the bodies {number: emit}, of which the one of the number `key` runs, or none."""
    done = builder.append_basic_block("chosen")
    switch = builder.switch(key, done)
    for number, emit in bodies.items():
        block = builder.append_basic_block(f"body{number}")
        switch.add_case(integer(number), block)
        builder.position_at_end(block)
        emit()
        builder.branch(done)
    builder.position_at_end(done)


__all__ = [
    "INDEX",
    "MANY_REGISTERS",
    "Vectors",
    "add",
    "as_it_stands",
    "choose",
    "integer",
    "lanes_of",
    "loop",
    "unpacked",
]
