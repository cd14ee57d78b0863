"""Maxima, sums and averages of windows on a buffer whose cells have room for whole vectors; no switches."""

# Numba calls these functions with its own builder objects, which have no types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..lanes import over_cells, place_of
from ..product import columns_of_panel, splat
from ..product.tile import integer, loop, rectified, wins

_USUAL = (2, 3)
"""Sides of square windows that have code without loops."""


@intrinsic
def pool_windows(
    typingctx,
    y,
    y_at,
    y_step,
    x,
    x_at,
    x_step,
    row,
    column,
    rows,
    columns,
    divisor,
    slope,
    channels,
    room,
    count,
):
    """Writes to y the pools of `count` windows of rows x columns cells of x, flat arrays, times slope where they are negative.

    The cells' vectors of channels begin at x_at + i row + j column, those of the next window x_step further: half a panel where
    there are no more `channels`, else a whole one. A divisor of 0 stands for the maximum (as `cells.largest` finds it), another
    is what the sum of the cells in row-major order is divided by. Of y, `room` numbers from y_at on are written at most, y_step
    further on as many fewer.
    """
    signature = types.void(
        y,
        y_at,
        y_step,
        x,
        x_at,
        x_step,
        row,
        column,
        rows,
        columns,
        divisor,
        slope,
        channels,
        room,
        count,
    )

    def generate(context, builder, signature, arguments):
        dtype = signature.args[0].dtype
        alignment = dtype.bitwidth // 8
        kind, width = context.get_value_type(dtype), columns_of_panel(alignment)
        (
            _,
            y_at,
            y_step,
            _,
            x_at,
            x_step,
            row,
            column,
            rows,
            columns,
            divisor,
            slope,
            channels,
            room,
            count,
        ) = arguments
        source, target = (
            context.make_array(signature.args[place])(context, builder, arguments[place]).data
            for place in (3, 0)
        )

        def emit(lanes):
            vector = ir.VectorType(kind, lanes)

            def value_of(number, place):
                return splat(builder, context.cast(builder, number, signature.args[place], dtype), lanes)

            share, cells = value_of(slope, 11), value_of(divisor, 10)

            def larger(value, best):
                return builder.select(wins(builder, value, best), value, best)

            def store(value, q):
                shift = builder.mul(q, y_step)
                place = builder.gep(target, [builder.add(y_at, shift)])
                place, left = builder.bitcast(place, vector.as_pointer()), builder.sub(room, shift)
                is_whole = builder.icmp_signed(">=", left, integer(lanes))
                with builder.if_else(is_whole, likely=True) as (whole, part):
                    with whole:
                        builder.store(value, place, align=alignment)
                    with part:
                        numbered = ir.Constant(ir.VectorType(cgutils.intp_t, lanes), list(range(lanes)))
                        mask = builder.icmp_signed("<", numbered, splat(builder, left, lanes))
                        kinds = [vector, place.type, ir.IntType(32), mask.type]
                        masked = cgutils.get_or_insert_function(
                            builder.module,
                            ir.FunctionType(ir.VoidType(), kinds),
                            f"llvm.masked.store.v{lanes}f{alignment * 8}",
                        )
                        builder.call(masked, [value, place, ir.Constant(ir.IntType(32), alignment), mask])

            def windows(start, add, finish, side):
                """Of a usual side without loops over their cells, or of any with them."""
                begin = [ir.Constant(vector, [start] * lanes)]

                def window(q, _):
                    first = builder.add(x_at, builder.mul(q, x_step))

                    def visit(i, j, carried):
                        place = builder.gep(source, [place_of(builder, first, i, row, j, column)])
                        cell = builder.load(builder.bitcast(place, vector.as_pointer()), align=alignment)
                        return [add(cell, carried[0])]

                    if side is None:
                        (value,) = over_cells(builder, rows, columns, begin, visit)
                    else:
                        (value,) = begin
                        for place in range(side * side):
                            (value,) = visit(integer(place // side), integer(place % side), [value])
                    store(rectified(builder, finish(value), share), q)
                    return []

                loop(builder, count, [], window)

            def by_side(start, add, finish, sides=_USUAL):
                if not sides:
                    windows(start, add, finish, None)
                    return
                usual = builder.and_(
                    builder.icmp_signed("==", rows, integer(sides[0])),
                    builder.icmp_signed("==", columns, integer(sides[0])),
                )
                with builder.if_else(usual) as (this, others):
                    with this:
                        windows(start, add, finish, sides[0])
                    with others:
                        by_side(start, add, finish, sides[1:])

            with builder.if_else(builder.icmp_signed("==", divisor, integer(0))) as (maximum, total):
                with maximum:
                    by_side(float("-inf"), larger, lambda value: value)
                with total:
                    by_side(
                        0.0,
                        lambda cell, sum_before: builder.fadd(sum_before, cell),
                        lambda value: builder.fdiv(value, cells),
                    )

        with builder.if_else(builder.icmp_signed("<=", channels, integer(width // 2))) as (half, whole):
            with half:
                emit(width // 2)
            with whole:
                emit(width)
        return context.get_dummy_value()

    return signature, generate
