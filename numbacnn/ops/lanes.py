"""Emits the channels of a cell as an LLVM vector, so that sums stay in registers; Numba's own loops would store and
load them for every cell. A few channels cost no more than one vector.
"""

# Numba calls these functions with its own builder objects, which have no types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils

from .product import columns_of_panel, splat
from .product.tile import loop

INDEX = cgutils.intp_t
INT = ir.IntType(32)
_BITS = {
    ir.IntType(16): ("i16", 2),
    ir.IntType(32): ("i32", 4),
    ir.FloatType(): ("f32", 4),
    ir.DoubleType(): ("f64", 8),
}
"""LLVM's name of each type of number, and its bytes."""


class Lanes:
    """Loads and stores of a vector of channels at an element of a flat array. `channels` is the number of lanes in use;
    None means all.
    """

    def __init__(self, context, builder, signature, arguments, channels):
        self._context, self._builder = context, builder
        self._types, self._arguments = signature.args, arguments
        self.number = context.get_value_type(signature.args[0].dtype)
        self.count = columns_of_panel(signature.args[0].dtype.bitwidth // 8)
        self._mask = None
        if channels is not None:
            numbered = ir.Constant(ir.VectorType(INT, self.count), list(range(self.count)))
            last = splat(builder, builder.trunc(channels, INT), self.count)
            self._mask = builder.icmp_signed("<", numbered, last)

    def kind(self, argument):
        """Returns the type of the numbers in the array that is this argument."""
        return self._context.get_value_type(self._types[argument].dtype)

    def zeros(self, kind):
        """Returns a vector of zeros."""
        return ir.Constant(ir.VectorType(kind, self.count), [0] * self.count)

    def splat(self, value):
        """Returns a vector of one value."""
        return splat(self._builder, value, self.count)

    def cast(self, value, argument):
        """Returns an argument's value, converted to the arrays' type of number."""
        return self._context.cast(self._builder, value, self._types[argument], self._types[0].dtype)

    def number_of(self, argument, index):
        """Returns the number at an element of the array that is this argument."""
        array = self._context.make_array(self._types[argument])(
            self._context, self._builder, self._arguments[argument]
        )
        return self._builder.load(self._builder.gep(array.data, [index]))

    def _place(self, argument, index, kind):
        array = self._context.make_array(self._types[argument])(
            self._context, self._builder, self._arguments[argument]
        )
        return self._builder.bitcast(
            self._builder.gep(array.data, [index]), ir.VectorType(kind, self.count).as_pointer()
        )

    def _masked(self, name, result, kinds, kind):
        function = ir.FunctionType(result, kinds)
        return cgutils.get_or_insert_function(
            self._builder.module, function, f"llvm.masked.{name}.v{self.count}{_BITS[kind][0]}"
        )

    def load(self, argument, index, kind):
        """Returns the vector at an element of the array that is this argument."""
        place, size = self._place(argument, index, kind), _BITS[kind][1]
        if self._mask is None:
            return self._builder.load(place, align=size)
        vector = ir.VectorType(kind, self.count)
        kinds = [place.type, INT, self._mask.type, vector]
        load = self._masked("load", vector, kinds, kind)
        return self._builder.call(load, [place, ir.Constant(INT, size), self._mask, self.zeros(kind)])

    def store(self, value, argument, index):
        """Stores a vector at an element of the array that is this argument."""
        kind = value.type.element
        place, size = self._place(argument, index, kind), _BITS[kind][1]
        if self._mask is None:
            self._builder.store(value, place, align=size)
            return
        kinds = [value.type, place.type, INT, self._mask.type]
        store = self._masked("store", ir.VoidType(), kinds, kind)
        self._builder.call(store, [value, place, ir.Constant(INT, size), self._mask])


def whole_or_part(emit):
    """Returns an emitter with separate code for whole vectors, which need no mask, and for the last ones; few
    processors have masks for every type. Its last argument is the number of channels.
    """

    def generate(context, builder, signature, arguments):
        width = columns_of_panel(signature.args[0].dtype.bitwidth // 8)
        is_whole = builder.icmp_signed(">=", arguments[-1], ir.Constant(INDEX, width))
        with builder.if_else(is_whole, likely=True) as (whole, part):
            with whole:
                emit(builder, arguments, Lanes(context, builder, signature, arguments, None))
            with part:
                emit(builder, arguments, Lanes(context, builder, signature, arguments, arguments[-1]))
        return context.get_dummy_value()

    return generate


def over_cells(builder, rows, columns, carried, visit):
    """Emits carried = visit(i, j, carried) for every cell of rows x columns, in row-major order, and returns the last
    value.
    """
    return loop(
        builder, rows, carried, lambda i, row: loop(builder, columns, row, lambda j, now: visit(i, j, now))
    )


def place_of(builder, first, i, row, j, column):
    """Returns first + i row + j column."""
    return builder.add(first, builder.add(builder.mul(i, row), builder.mul(j, column)))
