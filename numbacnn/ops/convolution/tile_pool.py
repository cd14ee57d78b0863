"""The maximum of 2x2 outputs of a tile of Winograd's, before they leave the first cache."""

# Numba calls these functions with its own builder objects, which have no types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..product import columns_of_panel, splat
from ..product.tile import rectified, wins

WINDOW = 2
"""Rows and columns of a window, and the step from one to the next: no tile's window reaches into the next tile."""


@intrinsic
def largest_of_window(typingctx, y, y_at, x, x_at, row, cell, slope):
    """y = the largest of the WINDOW x WINDOW cells of x, times slope where it is negative: a panel's channels of each, flat arrays.

    Cell (i, j) begins at x_at + i * row + j * cell. A NaN wins over every number, as in `pooling`.
    """
    signature = types.void(y, y_at, x, x_at, row, cell, slope)

    def generate(context, builder, signature, arguments):
        dtype = signature.args[0].dtype
        alignment = dtype.bitwidth // 8
        vector = ir.VectorType(context.get_value_type(dtype), columns_of_panel(alignment))
        row, cell = arguments[4:6]

        def vector_at(number, offset):
            array = context.make_array(signature.args[number])(context, builder, arguments[number])
            place = builder.gep(array.data, [builder.add(arguments[number + 1], offset)])
            return builder.bitcast(place, vector.as_pointer())

        best = None
        for i in range(WINDOW):
            for j in range(WINDOW):
                shift = builder.add(builder.mul(row, row.type(i)), builder.mul(cell, cell.type(j)))
                value = builder.load(vector_at(2, shift), align=alignment)
                best = value if best is None else builder.select(wins(builder, value, best), value, best)
        share = splat(builder, context.cast(builder, arguments[6], signature.args[6], dtype), vector.count)
        builder.store(rectified(builder, best, share), vector_at(0, arguments[1].type(0)), align=alignment)
        return context.get_dummy_value()

    return signature, generate
