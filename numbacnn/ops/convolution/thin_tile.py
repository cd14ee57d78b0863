"""A tile of Winograd's outputs of few channels: products and the transform back in registers.

With so few channels a product of a tile has few terms, and would mostly be written and read again between two steps.
"""

# Numba calls these functions with its own builder objects, which have no types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..product import columns_of_panel, splat
from ..product.tile import hidden, integer, loop, rectified
from .matrices import apply, gathered, matrices
from .transforms import PARTS, THIN

CHANNELS = (3, 4)
"""With fewer, this way was measured to be no faster than the product of patches."""
SIZE, TAPS = 4, 5
"""Outputs of a tile and taps of a filter, each way."""
EXTENT = SIZE + TAPS - 1
TILE = EXTENT * EXTENT * THIN
"""Elements of a tile's transformed inputs."""
_BACK = matrices(SIZE, TAPS)[0].T


@intrinsic
def outputs_of_few(typingctx, y, y_at, y_row, y_cell, v, u, bias, filters, channels, slope, tiles):
    """y (SIZE, tiles * SIZE, filters) = f(A' (V U) A + bias), f(v) = v above 0, else slope v; all arrays are flat.

    Output (i, j) begins at y_at + i * y_row + j * y_cell. In v there are TILE numbers of each tile's transformed inputs, position
    (i, j) from THIN * (j * EXTENT + i) on. The transformed filters u have panels; position (i, j) of channel c of one is its row (j * EXTENT + i) * channels + c.
    """
    signature = types.void(y, y_at, y_row, y_cell, v, u, bias, filters, channels, slope, tiles)

    def generate(context, builder, signature, arguments):
        dtype = signature.args[0].dtype
        alignment = dtype.bitwidth // 8
        width = columns_of_panel(alignment)
        lanes = width // PARTS
        vector = ir.VectorType(context.get_value_type(dtype), lanes)
        fma = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fma.v{lanes}f{alignment * 8}"
        )
        _, y_at, y_row, y_cell, *_, filters, channels, slope, tiles = arguments
        target, inputs, panels, biases = (
            context.make_array(signature.args[place])(context, builder, arguments[place]).data
            for place in (0, 4, 5, 6)
        )
        share = splat(builder, context.cast(builder, slope, signature.args[9], dtype), lanes)
        with builder.goto_entry_block():
            kind = ir.ArrayType(ir.ArrayType(ir.ArrayType(vector, EXTENT), SIZE), PARTS)
            between = builder.alloca(kind)

        def vector_at(place):
            return builder.bitcast(place, vector.as_pointer())

        def panels_of(count):
            """All filters, with so many channels: a loop over them would take half as long again. The tiles come one after the other for
            a panel, whose transformed filters stay in the first cache meanwhile.
            """

            def panel(number, _):
                begin = builder.mul(number, integer(EXTENT * EXTENT * count * width))
                filter_at = builder.mul(number, integer(width))

                def tile(t, _):
                    source = builder.gep(inputs, [builder.mul(t, integer(TILE))])
                    place = builder.add(y_at, builder.mul(t, builder.mul(y_cell, integer(SIZE))))
                    columns(source, begin, count)
                    for part in range(PARTS):
                        shift = integer(part * lanes)
                        rows(part, builder.add(place, filter_at), builder.add(filter_at, shift), shift)
                    return []

                loop(builder, tiles, [], tile)
                return []

            loop(builder, builder.sdiv(filters, integer(width)), [], panel)

        def columns(inputs, begin, count):
            """Products of each column of positions, transformed back into a column of `between`."""

            def column(j, _):
                source = builder.gep(inputs, [builder.mul(j, integer(THIN * EXTENT))])
                step = builder.mul(j, integer(EXTENT * count * width))
                weights = builder.gep(panels, [builder.add(begin, step)])

                def products(i):
                    """Of a position, for each part of the panel."""
                    totals = [None] * PARTS
                    for c in range(count):
                        value = splat(
                            builder, builder.load(builder.gep(source, [integer(THIN * i + c)])), lanes
                        )
                        for part in range(PARTS):
                            place = builder.gep(weights, [integer((i * count + c) * width + part * lanes)])
                            pair = value, builder.load(vector_at(place), align=alignment)
                            total = totals[part]
                            totals[part] = builder.call(fma, [*pair, total]) if total else builder.fmul(*pair)
                    return totals

                for part, results in enumerate(gathered(builder, _BACK, products)):
                    for i, value in enumerate(results):
                        builder.store(value, builder.gep(between, [integer(0), integer(part), integer(i), j]))
                return []

            loop(builder, hidden(builder, integer(EXTENT)), [], column)

        def rows(part, begin, filter_at, shift):
            """Each row of `between` transformed back."""
            own = builder.load(vector_at(builder.gep(biases, [filter_at])), align=alignment)

            def row(i, _):
                values = [
                    builder.load(builder.gep(between, [integer(0), integer(part), i, integer(j)]))
                    for j in range(EXTENT)
                ]
                line = builder.add(builder.add(begin, shift), builder.mul(i, y_row))
                for j, value in enumerate(apply(builder, _BACK, values)):
                    total = rectified(builder, builder.fadd(value, own), share)
                    place = builder.gep(target, [builder.add(line, builder.mul(y_cell, integer(j)))])
                    builder.store(total, vector_at(place), align=alignment)
                return []

            loop(builder, hidden(builder, integer(SIZE)), [], row)

        for count in CHANNELS:
            with builder.if_then(builder.icmp_signed("==", channels, integer(count))):
                panels_of(count)
        return context.get_dummy_value()

    return signature, generate
