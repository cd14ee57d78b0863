"""Vectors with one picture a lane, as wide as the processor's, emitted as LLVM.

Every number of a group of pictures is a vector in the group's own array; lane l holds the number of picture l.
"""

# Numba calls these functions with its own builder objects, which have no types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"

from __future__ import annotations

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils

from ..product.tile import integer, loop, rectified, splat

_FEATURES = llvmlite.binding.get_host_cpu_features()
MANY_REGISTERS = bool(_FEATURES.get("avx512f")) or not _FEATURES.get("sse2")
"""Whether the processor has 32 vector registers (AVX-512, ARM's NEON), not 16 (AVX2)."""
VECTOR_BYTES = 64 if _FEATURES.get("avx512f") else 32 if _FEATURES.get("avx") else 16
INDEX = cgutils.intp_t
_INT = ir.IntType(32)


def lanes_of(itemsize: int) -> int:
    """Returns the number of pictures in a group: 16 for float32 with AVX-512."""
    return VECTOR_BYTES // itemsize


class Vectors:
    """Loads, stores and arithmetic of vectors, in the arrays that are an intrinsic's first arguments."""

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
        """Returns the address of an element of the intrinsic's argument number `array`."""
        return self.builder.gep(self._data[array], [offset])

    def load(self, place):
        """Returns the vector at an address."""
        address = self.builder.bitcast(place, self.vector.as_pointer())
        return self.builder.load(address, align=self.bits // 8)

    def load_at(self, array, offset):
        """Returns the vector at an element of the intrinsic's argument number `array`."""
        return self.load(self.at(array, offset))

    def store(self, value, place):
        """Stores a vector at an address."""
        address = self.builder.bitcast(place, value.type.as_pointer())
        self.builder.store(value, address, align=self.bits // 8)

    def splat(self, value):
        """Returns a vector of one number."""
        return splat(self.builder, value, self.lanes)

    def broadcast_at(self, array, offset):
        """Returns a vector of the number that is an element of the intrinsic's argument number `array`."""
        return self.splat(self.builder.load(self.at(array, offset)))

    def multiply_add(self, a, b, c):
        """Returns a b + c, rounded once."""
        name = f"llvm.fma.v{self.lanes}f{self.bits}"
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), [a, b, c])

    def rectified(self, value, slope):
        """Returns value where it is positive, else slope times value."""
        return rectified(self.builder, value, slope)

    def where_positive(self, x, value, slope):
        """Returns value where x is positive, else slope times value."""
        positive = self.builder.fcmp_ordered(">", x, self.zero)
        return self.builder.select(positive, value, self.builder.fmul(slope, value))

    def total(self, value, lanes=1):
        """Returns the sum over the lanes, by adding halves to each other; of more `lanes`, as a vector of so many sums."""
        while value.type.count > lanes:
            half = value.type.count // 2
            low, high = (self._shuffled(value, value, range(first, first + half)) for first in (0, half))
            value = self.builder.fadd(low, high)
        return self.builder.extract_element(value, ir.Constant(_INT, 0)) if lanes == 1 else value

    def totals(self, values):
        """Returns the sums over the lanes of as many vectors as 128 bits hold numbers, as one vector of so many numbers."""
        count = len(values)
        starts = range(0, self.lanes, count)
        apart = 1
        while len(values) > 1:  # of each 128 bits of two vectors one half each, added to the others
            halves = []
            for first in (0, count // 2):
                lanes = [start + first + k for start in starts for k in range(count // 2)]
                taken = [lanes[i : i + apart] for i in range(0, len(lanes), apart)]
                halves.append(
                    [lane for few in taken for lane in (*few, *(self.lanes + each for each in few))]
                )
            values = [
                self.builder.fadd(*(self._shuffled(one, other, half) for half in halves))
                for one, other in zip(values[::2], values[1::2], strict=True)
            ]
            apart *= 2
        return self.total(values[0], count)

    def _shuffled(self, one, other, lanes):
        mask = ir.Constant(ir.VectorType(_INT, len(lanes)), list(lanes))
        return self.builder.shuffle_vector(one, other, mask)


def unpacked(context, builder, kind, value):
    """Returns the numbers of a tuple of whole numbers, as indices."""
    return [
        context.cast(builder, builder.extract_value(value, place), each, types.intp)
        for place, each in enumerate(kind.types)
    ]


def add(builder, *terms):
    """Returns the sum of indices."""
    total = terms[0]
    for term in terms[1:]:
        total = builder.add(total, term)
    return total


def as_it_stands(builder, count, carried, body):
    """Emits a `loop` that LLVM must not unroll: a filter's row has few steps, and unrolling would leave a remainder."""
    module = builder.module
    results = loop(builder, count, carried, body)
    (_, _), (_, last) = results[0].incomings
    never = module.add_metadata([ir.MetaDataString(module, "llvm.loop.unroll.disable")])
    identity = ir.MDValue(module, [], name=str(len(module.metadata)))
    identity.operands = (identity, never)
    last.terminator.set_metadata("llvm.loop", identity)
    return results


def choose(builder, key, bodies):
    """Emits each of the bodies {number: emit}; at run time the one with the number `key` runs, or none."""
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
