"""A register tile without edges, for matrices that come in whole tiles: Winograd's.

`product.multiply_tile` asks of every tile how much of it there is, whether it adds to something, and with what it starts. Where a
sum has as few terms as Winograd's, that took up to a third of the time.
"""

# Numba calls these functions with its own builder objects, which have no types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..product import PANELS, ROWS, columns_of_panel, splat
from ..product.tile import integer, loop

_STEPS = 4
"""Steps of the inner dimension in an iteration of the loop."""


@intrinsic
def multiply_whole(typingctx, c, c_at, c_row, a, a_at, a_row, b, b_at, depth, panels):
    """C (ROWS, panels) = A (ROWS, depth) B, of flat arrays, for up to PANELS panels; depth is a multiple of 4.

    *_at is where a matrix starts, *_row how far its rows are apart; B's panels lie one after the other, as product.pack packs
    them.
    """
    signature = types.void(c, c_at, c_row, a, a_at, a_row, b, b_at, depth, panels)

    def generate(context, builder, signature, arguments):
        dtype = signature.args[0].dtype
        alignment = dtype.bitwidth // 8
        width = columns_of_panel(alignment)
        vector = ir.VectorType(context.get_value_type(dtype), width)
        _, _, c_row, _, _, a_row, _, _, depth, panels = arguments
        fma = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fma.v{width}f{alignment * 8}"
        )

        def at(number):
            array = context.make_array(signature.args[number])(context, builder, arguments[number])
            return builder.gep(array.data, [arguments[number + 1]])

        def rows_of(first, row):
            places = [first]
            for _ in range(ROWS - 1):
                places.append(builder.gep(places[-1], [row]))
            return places

        def vector_at(place):
            return builder.bitcast(place, vector.as_pointer())

        def tile(count):
            lines, begin = rows_of(at(3), a_row), at(6)
            apart = builder.mul(depth, integer(width))
            starts = [builder.gep(begin, [builder.mul(apart, integer(panel))]) for panel in range(count)]

            def steps(number, sums):
                for k in range(_STEPS):
                    step = builder.add(builder.mul(number, integer(_STEPS)), integer(k))
                    row = builder.mul(step, integer(width))
                    columns = [
                        builder.load(vector_at(builder.gep(start, [row])), align=alignment)
                        for start in starts
                    ]
                    values = [
                        splat(builder, builder.load(builder.gep(line, [step])), width) for line in lines
                    ]
                    factors = [(value, column) for value in values for column in columns]
                    sums = [
                        builder.call(fma, [*pair, total]) for pair, total in zip(factors, sums, strict=True)
                    ]
                return sums

            zero = ir.Constant(vector, [0.0] * width)
            sums = loop(builder, builder.sdiv(depth, integer(_STEPS)), [zero] * ROWS * count, steps)
            for row, line in enumerate(rows_of(at(0), c_row)):
                for panel in range(count):
                    target = vector_at(builder.gep(line, [integer(panel * width)]))
                    builder.store(sums[row * count + panel], target, align=alignment)

        for count in range(1, PANELS + 1):
            with builder.if_then(builder.icmp_signed("==", panels, integer(count))):
                tile(count)
        return context.get_dummy_value()

    return signature, generate
