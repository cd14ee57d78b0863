"""Brings pictures into lanes: square blocks of numbers are transposed in registers."""

# Numba calls these functions with its own builder objects, which have no types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"

from __future__ import annotations

from numba import types
from numba.extending import intrinsic

from ..product.transpose import turned
from .vectors import Vectors, add, integer


@intrinsic
def turn(typingctx, arena, target, source, at, next_picture):
    """Writes vectors from `target` on: those of the neighbouring numbers from `at` on, of as many pictures as a vector
    has lanes.
    """
    signature = types.void(arena, target, source, at, next_picture)

    def generate(context, builder, signature, arguments):
        vectors = Vectors(context, builder, signature, arguments)
        lanes = vectors.lanes
        _, to, _, begin, apart = (
            context.cast(builder, value, kind, types.intp) if isinstance(kind, types.Integer) else value
            for kind, value in zip(signature.args, arguments, strict=True)
        )
        lines = [
            vectors.load(vectors.at(1, add(builder, begin, builder.mul(apart, integer(i)))))
            for i in range(lanes)
        ]
        for i, line in enumerate(turned(builder, lines)):
            vectors.store(line, vectors.at(0, add(builder, to, integer(i * lanes))))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def normalise(typingctx, arena, target, source, mean, scale):
    """The vector at `target` = (the vector at `source` - mean) scale."""
    signature = types.void(arena, target, source, mean, scale)

    def generate(context, builder, signature, arguments):
        vectors = Vectors(context, builder, signature, arguments)
        places = [
            context.cast(builder, value, kind, types.intp)
            for kind, value in zip(signature.args[1:3], arguments[1:3], strict=True)
        ]
        less = builder.fsub(vectors.load(vectors.at(0, places[1])), vectors.splat(arguments[3]))
        vectors.store(builder.fmul(less, vectors.splat(arguments[4])), vectors.at(0, places[0]))
        return context.get_dummy_value()

    return signature, generate
