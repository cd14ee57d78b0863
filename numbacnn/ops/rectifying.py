"""Rectifiers as LLVM vectors (ops.lanes), in place or not.

They work in place in most networks, and there LLVM makes no vectors of a plain loop: as it asks whether the arrays overlap,
and not whether they are one, the loop took four times as long.
"""

# Numba calls these functions with its own builder objects, which have no types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"

from __future__ import annotations

from numba import types
from numba.extending import intrinsic

from .lanes import whole_or_part
from .product.tile import rectified


@intrinsic
def rectify(typingctx, y, x, i, slope, count):
    """y = x where x > 0, else slope x, of flat arrays from element i on: a vector, or `count` elements where these are fewer."""

    def emit(builder, arguments, lanes):
        _, _, i, slope, _ = arguments
        value = lanes.load(1, i, lanes.number)
        share = builder.fmul(lanes.splat(lanes.cast(slope, 3)), value)
        above = builder.fcmp_ordered(">", value, lanes.zeros(lanes.number))
        lanes.store(builder.select(above, value, share), 0, i)

    return types.void(y, x, i, slope, count), whole_or_part(emit)


@intrinsic
def rectify_sum(typingctx, y, y_at, one, one_at, other, other_at, slope, count):
    """y = f(one + other), f(v) = v above 0, else slope v, of flat arrays from these elements on: a vector, or `count` elements where these
    are fewer.
    """

    def emit(builder, arguments, lanes):
        _, y_at, _, one_at, _, other_at, slope, _ = arguments
        total = builder.fadd(lanes.load(2, one_at, lanes.number), lanes.load(4, other_at, lanes.number))
        lanes.store(rectified(builder, total, lanes.splat(lanes.cast(slope, 6))), 0, y_at)

    return types.void(y, y_at, one, one_at, other, other_at, slope, count), whole_or_part(emit)


@intrinsic
def rectify_back(typingctx, d_x, d_y, x, i, count):
    """d_x = d_y where x > 0, else 0 d_y, of flat arrays from element i on: a vector, or `count` elements where these are fewer."""

    def emit(builder, arguments, lanes):
        i, zeros = arguments[3], lanes.zeros(lanes.number)
        signal = lanes.load(1, i, lanes.number)
        above = builder.fcmp_ordered(">", lanes.load(2, i, lanes.number), zeros)
        lanes.store(builder.select(above, signal, builder.fmul(zeros, signal)), 0, i)

    return types.void(d_x, d_y, x, i, count), whole_or_part(emit)
