"""The channels under one window, or of one cell, as LLVM vectors: what Numba's own loops would store and load again
for every cell stays in registers, and a few channels cost no more than one vector.
"""

# Numba calls these functions with its own builder objects, which have no types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..product import columns_of_panel, splat
from ..product.tile import loop

_INDEX = cgutils.intp_t
_INT = ir.IntType(32)
_BITS = {
    ir.IntType(16): ("i16", 2),
    ir.IntType(32): ("i32", 4),
    ir.FloatType(): ("f32", 4),
    ir.DoubleType(): ("f64", 8),
}
"""Of each type of number its name in LLVM's functions, and its bytes."""


class _Lanes:
    """Loads and stores of a vector of channels at an element of a flat array; `channels` None means all lanes."""

    def __init__(self, context, builder, signature, arguments, channels):
        self._context, self._builder = context, builder
        self._types, self._arguments = signature.args, arguments
        self.number = context.get_value_type(signature.args[0].dtype)
        self.count = columns_of_panel(signature.args[0].dtype.bitwidth // 8)
        self._mask = None
        if channels is not None:
            numbered = ir.Constant(ir.VectorType(_INT, self.count), list(range(self.count)))
            last = splat(builder, builder.trunc(channels, _INT), self.count)
            self._mask = builder.icmp_signed("<", numbered, last)

    def kind(self, argument):
        """The type of the numbers in the array that is this argument."""
        return self._context.get_value_type(self._types[argument].dtype)

    def zeros(self, kind):
        """A vector of zeros of an element's type."""
        return ir.Constant(ir.VectorType(kind, self.count), [0] * self.count)

    def splat(self, value):
        """A vector of one value."""
        return splat(self._builder, value, self.count)

    def cast(self, value, argument):
        """An argument's value as a number of the arrays' type."""
        return self._context.cast(self._builder, value, self._types[argument], self._types[0].dtype)

    def number_of(self, argument, index):
        """The number at an element of the array that is this argument."""
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
        """The vector at an element of the array that is this argument."""
        place, size = self._place(argument, index, kind), _BITS[kind][1]
        if self._mask is None:
            return self._builder.load(place, align=size)
        vector = ir.VectorType(kind, self.count)
        kinds = [place.type, _INT, self._mask.type, vector]
        load = self._masked("load", vector, kinds, kind)
        return self._builder.call(load, [place, ir.Constant(_INT, size), self._mask, self.zeros(kind)])

    def store(self, value, argument, index):
        """Stores a vector at an element of the array that is this argument."""
        kind = value.type.element
        place, size = self._place(argument, index, kind), _BITS[kind][1]
        if self._mask is None:
            self._builder.store(value, place, align=size)
            return
        kinds = [value.type, place.type, _INT, self._mask.type]
        store = self._masked("store", ir.VoidType(), kinds, kind)
        self._builder.call(store, [value, place, ir.Constant(_INT, size), self._mask])


def _whole_or_part(emit):
    """An emitter that is told whether all lanes hold channels: whole vectors need no mask, which few processors have
    for every type. The last argument is how many channels there are.
    """

    def generate(context, builder, signature, arguments):
        width = columns_of_panel(signature.args[0].dtype.bitwidth // 8)
        is_whole = builder.icmp_signed(">=", arguments[-1], ir.Constant(_INDEX, width))
        with builder.if_else(is_whole, likely=True) as (whole, part):
            with whole:
                emit(builder, arguments, _Lanes(context, builder, signature, arguments, None))
            with part:
                emit(builder, arguments, _Lanes(context, builder, signature, arguments, arguments[-1]))
        return context.get_dummy_value()

    return generate


def _cells(builder, rows, columns, carried, visit):
    """carried = visit(i, j, carried) for every cell of rows x columns, in reading order."""
    return loop(
        builder, rows, carried, lambda i, row: loop(builder, columns, row, lambda j, now: visit(i, j, now))
    )


def _at(builder, first, i, row, j, column):
    return builder.add(first, builder.add(builder.mul(i, row), builder.mul(j, column)))


@intrinsic
def largest(
    typingctx, y, switches, x, y_at, x_at, row, column, cell, cell_row, rows, columns, slope, channels
):
    """y, switches = the largest of rows x columns cells of x, times slope if it is below 0, and that cell's number.

    Flat arrays; channel vectors begin at y_at, and at x_at + i row + j column in x, where the cell's number is cell +
    i cell_row + j. The first of several that are equal wins. A NaN wins and stays, so that a diverged run is seen.
    """
    signature = types.void(
        y, switches, x, y_at, x_at, row, column, cell, cell_row, rows, columns, slope, channels
    )

    def emit(builder, arguments, lanes):
        _, _, _, y_at, x_at, row, column, cell, cell_row, rows, columns, slope, _ = arguments

        def number(value):
            return lanes.splat(builder.trunc(value, _INT))

        def visit(i, j, carried):
            best, winner = carried
            value = lanes.load(2, _at(builder, x_at, i, row, j, column), lanes.number)
            wins = builder.or_(
                builder.fcmp_ordered(">", value, best), builder.fcmp_unordered("uno", value, value)
            )
            here = number(_at(builder, cell, i, cell_row, j, ir.Constant(_INDEX, 1)))
            return builder.select(wins, value, best), builder.select(wins, here, winner)

        lowest = ir.Constant(ir.VectorType(lanes.number, lanes.count), [float("-inf")] * lanes.count)
        start = [lowest, number(cell)]
        best, winner = _cells(builder, rows, columns, start, visit)
        share = builder.fmul(lanes.splat(lanes.cast(slope, 11)), best)
        above = builder.fcmp_ordered(">", best, lanes.zeros(lanes.number))
        lanes.store(builder.select(above, best, share), 0, y_at)
        kind = lanes.kind(1)
        lanes.store(
            winner if kind == _INT else builder.trunc(winner, ir.VectorType(kind, lanes.count)), 1, y_at
        )

    return signature, _whole_or_part(emit)


@intrinsic
def to_winner(
    typingctx, d_x, d_y, switches, x_at, y_at, row, column, cell, cell_row, rows, columns, channels
):
    """d_x = d_y in the cell that won and 0 in the others of the window; cells are numbered as in `largest`."""
    signature = types.void(
        d_x, d_y, switches, x_at, y_at, row, column, cell, cell_row, rows, columns, channels
    )

    def emit(builder, arguments, lanes):
        _, _, _, x_at, y_at, row, column, cell, cell_row, rows, columns, _ = arguments
        switch = lanes.kind(2)
        gradient, winner = lanes.load(1, y_at, lanes.number), lanes.load(2, y_at, switch)

        def visit(i, j, _):
            here = _at(builder, cell, i, cell_row, j, ir.Constant(_INDEX, 1))
            won = builder.icmp_signed("==", winner, lanes.splat(builder.trunc(here, switch)))
            share = builder.select(won, gradient, lanes.zeros(lanes.number))
            lanes.store(share, 0, _at(builder, x_at, i, row, j, column))
            return []

        _cells(builder, rows, columns, [], visit)

    return signature, _whole_or_part(emit)


@intrinsic
def from_windows(
    typingctx, d_x, d_y, switches, x_at, y_at, row, column, cell, down, across, rows, columns, channels
):
    """d_x = the sum of d_y over those of rows x columns windows that this cell won.

    The windows lie at y_at + i row + j column; in window (i, j) this cell has the number cell - i down - j across.
    """
    signature = types.void(
        d_x, d_y, switches, x_at, y_at, row, column, cell, down, across, rows, columns, channels
    )

    def emit(builder, arguments, lanes):
        _, _, _, x_at, y_at, row, column, cell, down, across, rows, columns, _ = arguments

        def visit(i, j, carried):
            (total,) = carried
            place = _at(builder, y_at, i, row, j, column)
            here = builder.sub(cell, _at(builder, ir.Constant(_INDEX, 0), i, down, j, across))
            switch = lanes.kind(2)
            won = builder.icmp_signed(
                "==", lanes.load(2, place, switch), lanes.splat(builder.trunc(here, switch))
            )
            gradient = lanes.load(1, place, lanes.number)
            return [builder.fadd(total, builder.select(won, gradient, lanes.zeros(lanes.number)))]

        (total,) = _cells(builder, rows, columns, [lanes.zeros(lanes.number)], visit)
        lanes.store(total, 0, x_at)

    return signature, _whole_or_part(emit)


@intrinsic
def add_cells(
    typingctx,
    target,
    source,
    target_at,
    source_at,
    row,
    column,
    rows,
    columns,
    down,
    across,
    places,
    channels,
):
    """target = the sum of rows x columns cells of source, of flat arrays, which lie at source_at + i row + j column.

    Cell (i, j) counts down[places[0] + i] across[places[1] + j] times.
    """
    signature = types.void(
        target, source, target_at, source_at, row, column, rows, columns, down, across, places, channels
    )

    def emit(builder, arguments, lanes):
        _, _, target_at, source_at, row, column, rows, columns, _, _, places, _ = arguments

        def visit(i, j, carried):
            (total,) = carried
            value = lanes.load(1, _at(builder, source_at, i, row, j, column), lanes.number)
            shares = [
                lanes.number_of(table, builder.add(builder.extract_value(places, axis), index))
                for axis, (table, index) in enumerate(((8, i), (9, j)))
            ]
            value = builder.fmul(value, lanes.splat(builder.fmul(*shares)))
            return [builder.fadd(total, value)]

        (total,) = _cells(builder, rows, columns, [lanes.zeros(lanes.number)], visit)
        lanes.store(total, 0, target_at)

    return signature, _whole_or_part(emit)
