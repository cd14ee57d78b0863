"""Register tiles without edges, for matrices that come in whole tiles: Winograd's, and most pixels of 1x1 convolutions.

`product.multiply_tile` asks of every tile how much of it there is, whether it adds to something, and with what it starts. Where a
sum has as few terms as Winograd's, that took up to a third of the time, and of 1x1 convolutions with few channels nearly half.
"""

# Numba calls these functions with its own builder objects, which have no types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..product import PANELS, ROWS, columns_of_panel, splat
from ..product.tile import either, integer, loop, rectified

STEPS = 4
"""Steps of the inner dimension in an iteration of the loop."""
_SECOND = 2
"""What LLVM calls the second cache where it is asked to fetch something."""


def _emitted(builder, context, signature, arguments, begin, finished, fetch=None):
    """C = A B, the arguments beginning with those of `multiply_whole`: a panel's sums start from `begin(vector, panel)`, and
    `finished(sums, place)` is what is stored, so many numbers after the first of C. `fetch(number)` comes first in each iteration.
    """
    dtype = signature.args[0].dtype
    alignment = dtype.bitwidth // 8
    width = columns_of_panel(alignment)
    vector = ir.VectorType(context.get_value_type(dtype), width)
    c_row, a_row, depth, panels = (arguments[number] for number in (2, 5, 8, 9))
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
        lines, first = rows_of(at(3), a_row), at(6)
        apart = builder.mul(depth, integer(width))
        starts = [builder.gep(first, [builder.mul(apart, integer(panel))]) for panel in range(count)]

        def steps(number, sums):
            if fetch:
                fetch(number)
            for k in range(STEPS):
                step = builder.add(builder.mul(number, integer(STEPS)), integer(k))
                row = builder.mul(step, integer(width))
                columns = [
                    builder.load(vector_at(builder.gep(start, [row])), align=alignment) for start in starts
                ]
                values = [splat(builder, builder.load(builder.gep(line, [step])), width) for line in lines]
                factors = [(value, column) for value in values for column in columns]
                sums = [builder.call(fma, [*pair, total]) for pair, total in zip(factors, sums, strict=True)]
            return sums

        begins = [begin(vector, panel) for panel in range(count)]
        sums = loop(builder, builder.sdiv(depth, integer(STEPS)), begins * ROWS, steps)
        for row, place in enumerate(builder.mul(c_row, integer(row)) for row in range(ROWS)):
            for panel in range(count):
                further = builder.add(place, integer(panel * width))
                value = finished(sums[row * count + panel], further)
                builder.store(value, vector_at(builder.gep(at(0), [further])), align=alignment)

    for count in range(1, PANELS + 1):
        with builder.if_then(builder.icmp_signed("==", panels, integer(count))):
            tile(count)
    return context.get_dummy_value()


@intrinsic
def multiply_whole(typingctx, c, c_at, c_row, a, a_at, a_row, b, b_at, depth, panels, ahead, apart):
    """C (ROWS, panels) = A (ROWS, depth) B, of flat arrays, for up to PANELS panels; depth is a multiple of STEPS.

    *_at is where a matrix starts, *_row how far its rows are apart; B's panels lie one after the other, as product.pack packs
    them. Unless `apart` is 0, lines of b that lie `apart` numbers apart, from `ahead` on, are fetched into the second cache meanwhile, PANELS of them
    every STEPS of depth: asked for at once they would hold up the sums.
    """
    signature = types.void(c, c_at, c_row, a, a_at, a_row, b, b_at, depth, panels, ahead, apart)

    def generate(context, builder, signature, arguments):
        def begin(vector, panel):
            return ir.Constant(vector, [0.0] * vector.count)

        source = context.make_array(signature.args[6])(context, builder, arguments[6]).data
        byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        _, ahead, apart = arguments[9:]

        def fetch(number):
            for panel in range(PANELS):
                line = builder.add(builder.mul(number, integer(PANELS)), integer(panel))
                place = builder.gep(source, [builder.add(ahead, builder.mul(line, apart))])
                builder.call(prefetch, [builder.bitcast(place, byte), flag(0), flag(_SECOND), flag(1)])

        def product(fetch):
            _emitted(builder, context, signature, arguments, begin, lambda total, _: total, fetch)

        with builder.if_else(builder.icmp_signed("!=", apart, integer(0))) as (fetching, alone):
            with fetching:
                product(fetch)
            with alone:
                product(None)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def finish_whole(
    typingctx, c, c_at, c_row, a, a_at, a_row, b, b_at, depth, panels, start, start_at, slope, added, adds
):
    """C = f(start + A B), `start` one number a column, f(v) = v above 0, else slope v; if `adds`, f(start + A B + D), D in `added` where C is
    in its array. The rest is as in `multiply_whole`, and the sums are those of `product.multiply_tile` to the bit.
    """
    signature = types.void(
        c, c_at, c_row, a, a_at, a_row, b, b_at, depth, panels, start, start_at, slope, added, adds
    )

    def generate(context, builder, signature, arguments):
        dtype = signature.args[0].dtype
        alignment = dtype.bitwidth // 8
        adding = context.cast(builder, arguments[14], signature.args[14], types.boolean)

        def load(number, place, vector):
            array = context.make_array(signature.args[number])(context, builder, arguments[number])
            pointer = builder.bitcast(builder.gep(array.data, [place]), vector.as_pointer())
            return builder.load(pointer, align=alignment)

        def begin(vector, panel):
            return load(10, builder.add(arguments[11], integer(panel * vector.count)), vector)

        def finished(total, further):
            def with_added():
                return [builder.fadd(total, load(13, builder.add(arguments[1], further), total.type))]

            (value,) = either(builder, adding, with_added, [total])
            factor = context.cast(builder, arguments[12], signature.args[12], dtype)
            return rectified(builder, value, splat(builder, factor, total.type.count))

        return _emitted(builder, context, signature, arguments, begin, finished)

    return signature, generate
