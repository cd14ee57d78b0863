"""Register tiles without edges, for matrices that come in whole tiles: Winograd's, most pixels of 1x1 convolutions, most rows of dense layers.

`multiply_tile` asks of every tile how much of it there is, whether it adds to something, and with what it starts. Where a
sum has as few terms as Winograd's, that took up to a third of the time, and of 1x1 convolutions with few channels nearly half.
"""

# Numba calls these functions with its own builder objects, which have no types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .tile import PANELS, ROWS, columns_of_panel, either, integer, loop, rectified, splat

STEPS = 4
"""Steps of the inner dimension in an iteration of the loop."""
_SECOND = 2
"""What LLVM calls the second cache where it is asked to fetch something."""


def _emitted(builder, context, signature, arguments, begin, finished, apart=None, rows=None, fetch=None):
    """C = A B, the arguments beginning with those of `multiply_whole`: the sums of a panel's row, `place` numbers after the first of C, start from
    `begin(vector, place, panel)`, and `finished(sums, place)` is what is stored there. Panels are `apart` numbers apart, or follow each
    other; of fewer `rows` the last is computed again in the place of those beyond it; `fetch(number)` comes first in each iteration.
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

    def offsets(distance):
        """Of every row, `distance` numbers from the one before."""
        places = [integer(0)]
        for row in range(1, ROWS):
            step = distance
            if rows is not None:
                step = builder.select(builder.icmp_signed("<", integer(row), rows), distance, integer(0))
            places.append(builder.add(places[-1], step))
        return places

    def vector_at(place):
        return builder.bitcast(place, vector.as_pointer())

    def tile(count):
        lines, first = [builder.gep(at(3), [place]) for place in offsets(a_row)], at(6)
        targets = offsets(c_row)
        distance = apart or builder.mul(depth, integer(width))
        starts = [builder.gep(first, [builder.mul(distance, integer(panel))]) for panel in range(count)]

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

        begins = [begin(vector, place, panel) for place in targets for panel in range(count)]
        sums = loop(builder, builder.sdiv(depth, integer(STEPS)), begins, steps)
        for row, place in enumerate(targets):
            for panel in range(count):
                further = builder.add(place, integer(panel * width))
                value = finished(sums[row * count + panel], further)
                builder.store(value, vector_at(builder.gep(at(0), [further])), align=alignment)

    for count in range(1, PANELS + 1):
        with builder.if_then(builder.icmp_signed("==", panels, integer(count))):
            tile(count)
    return context.get_dummy_value()


def _fetching(builder, context, signature, arguments, apart, lines, emit):
    """`emit(fetch)`, the last arguments being `ahead` and `fetches`: with a function that fetches so many lines of each panel in an iteration,
    or with None.
    """
    dtype = signature.args[6].dtype
    width = columns_of_panel(dtype.bitwidth // 8)
    source = context.make_array(signature.args[6])(context, builder, arguments[6]).data
    *_, ahead, fetches = arguments
    byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
    prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")

    def fetch(number):
        first = builder.add(ahead, builder.mul(number, integer(lines * width)))
        for panel in range(PANELS):
            begin = builder.add(first, builder.mul(apart, integer(panel)))
            for line in range(lines):
                place = builder.gep(source, [builder.add(begin, integer(line * width))])
                builder.call(prefetch, [builder.bitcast(place, byte), flag(0), flag(_SECOND), flag(1)])

    with builder.if_else(context.cast(builder, fetches, signature.args[-1], types.boolean)) as (some, none):
        with some:
            emit(fetch)
        with none:
            emit(None)


@intrinsic
def multiply_whole(typingctx, c, c_at, c_row, a, a_at, a_row, b, b_at, depth, panels, ahead, fetches):
    """C (ROWS, panels) = A (ROWS, depth) B, of flat arrays, for up to PANELS panels; depth is a multiple of STEPS.

    *_at is where a matrix starts, *_row how far its rows are apart; B's panels lie one after the other, as product.pack packs
    them. If `fetches`, one of STEPS vectors of other panels, the first from `ahead` on in b, comes into the second cache meanwhile: asked for all
    at once they would hold up the sums.
    """

    def generate(context, builder, signature, arguments):
        dtype = signature.args[0].dtype
        width = columns_of_panel(dtype.bitwidth // 8)

        def begin(vector, place, panel):
            return ir.Constant(vector, [0.0] * vector.count)

        def emit(fetch):
            _emitted(builder, context, signature, arguments, begin, lambda total, _: total, fetch=fetch)

        apart = builder.mul(arguments[8], integer(width))
        _fetching(builder, context, signature, arguments, apart, 1, emit)
        return context.get_dummy_value()

    return types.void(c, c_at, c_row, a, a_at, a_row, b, b_at, depth, panels, ahead, fetches), generate


@intrinsic
def continue_whole(
    typingctx,
    c,
    c_at,
    c_row,
    a,
    a_at,
    a_row,
    b,
    b_at,
    depth,
    panels,
    apart,
    start,
    start_at,
    slope,
    continues,
    rows,
    ahead,
    fetches,
):
    """C = f(C + A B) if `continues`, else f(start + A B), `start` one number a column, f(v) = v above 0, else slope v. B's panels begin `apart`
    numbers apart, and C has up to ROWS rows. The rest is as in `multiply_whole`, but that two of STEPS vectors are fetched; sums are those of `multiply_tile` to the bit.
    """
    signature = types.void(
        c, c_at, c_row, a, a_at, a_row, b, b_at, depth, panels, apart, start, start_at, slope, continues, rows, ahead, fetches
    )  # fmt: skip

    def generate(context, builder, signature, arguments):
        dtype = signature.args[0].dtype
        alignment = dtype.bitwidth // 8
        continuing = context.cast(builder, arguments[14], signature.args[14], types.boolean)

        def at(number, place):
            array = context.make_array(signature.args[number])(context, builder, arguments[number])
            return builder.gep(array.data, [builder.add(arguments[number + 1], place)])

        def begin(vector, place, panel):
            column = integer(panel * vector.count)
            number = builder.select(continuing, at(0, builder.add(place, column)), at(11, column))
            return builder.load(builder.bitcast(number, vector.as_pointer()), align=alignment)

        def finished(total, _):
            factor = context.cast(builder, arguments[13], signature.args[13], dtype)
            return rectified(builder, total, splat(builder, factor, total.type.count))

        def emit(fetch):
            _emitted(
                builder, context, signature, arguments, begin, finished, arguments[10], arguments[15], fetch
            )

        _fetching(builder, context, signature, arguments, arguments[10], 2, emit)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def finish_whole(
    typingctx, c, c_at, c_row, a, a_at, a_row, b, b_at, depth, panels, start, start_at, slope, added, adds
):
    """C = f(start + A B), `start` one number a column, f(v) = v above 0, else slope v; if `adds`, f(start + A B + D), D in `added` where C is
    in its array. The rest is as in `multiply_whole`, and the sums are those of `multiply_tile` to the bit.
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

        def begin(vector, place, panel):
            return load(10, builder.add(arguments[11], integer(panel * vector.count)), vector)

        def finished(total, further):
            def with_added():
                return [builder.fadd(total, load(13, builder.add(arguments[1], further), total.type))]

            (value,) = either(builder, adding, with_added, [total])
            factor = context.cast(builder, arguments[12], signature.args[12], dtype)
            return rectified(builder, value, splat(builder, factor, total.type.count))

        return _emitted(builder, context, signature, arguments, begin, finished)

    return signature, generate
