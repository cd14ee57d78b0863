"""Reduces the cells under one window, or the windows over one cell; channels are LLVM vectors (ops.lanes)."""

# Numba calls these functions with its own builder objects, which have no types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..lanes import INDEX, INT, over_cells, place_of, whole_or_part
from ..product.tile import rectified, wins


@intrinsic
def largest(
    typingctx, y, switches, x, y_at, x_at, row, column, cell, cell_row, rows, columns, slope, channels
):
    """Writes to y and switches the largest of rows x columns cells of x, times slope if it is negative, and that cell's
    number.

    All arrays are flat. Channel vectors begin at y_at, and at x_at + i row + j column in x, whose cell has the number
    cell + i cell_row + j. The first of several equal cells wins. A NaN wins over every number, so that a diverged run
    is visible.
    """
    signature = types.void(
        y, switches, x, y_at, x_at, row, column, cell, cell_row, rows, columns, slope, channels
    )

    def emit(builder, arguments, lanes):
        _, _, _, y_at, x_at, row, column, cell, cell_row, rows, columns, slope, _ = arguments

        def number(value):
            return lanes.splat(builder.trunc(value, INT))

        def visit(i, j, carried):
            best, winner = carried
            value = lanes.load(2, place_of(builder, x_at, i, row, j, column), lanes.number)
            larger = wins(builder, value, best)
            here = number(place_of(builder, cell, i, cell_row, j, ir.Constant(INDEX, 1)))
            return builder.select(larger, value, best), builder.select(larger, here, winner)

        lowest = ir.Constant(ir.VectorType(lanes.number, lanes.count), [float("-inf")] * lanes.count)
        start = [lowest, number(cell)]
        best, winner = over_cells(builder, rows, columns, start, visit)
        lanes.store(rectified(builder, best, lanes.splat(lanes.cast(slope, 11))), 0, y_at)
        kind = lanes.kind(1)
        lanes.store(
            winner if kind == INT else builder.trunc(winner, ir.VectorType(kind, lanes.count)), 1, y_at
        )

    return signature, whole_or_part(emit)


@intrinsic
def to_winner(
    typingctx, d_x, d_y, switches, x_at, y_at, row, column, cell, cell_row, rows, columns, channels
):
    """Writes d_x = d_y to the cell that won and 0 to the other cells of the window; cells are numbered as in `largest`."""
    signature = types.void(
        d_x, d_y, switches, x_at, y_at, row, column, cell, cell_row, rows, columns, channels
    )

    def emit(builder, arguments, lanes):
        _, _, _, x_at, y_at, row, column, cell, cell_row, rows, columns, _ = arguments
        switch = lanes.kind(2)
        gradient, winner = lanes.load(1, y_at, lanes.number), lanes.load(2, y_at, switch)

        def visit(i, j, _):
            here = place_of(builder, cell, i, cell_row, j, ir.Constant(INDEX, 1))
            won = builder.icmp_signed("==", winner, lanes.splat(builder.trunc(here, switch)))
            share = builder.select(won, gradient, lanes.zeros(lanes.number))
            lanes.store(share, 0, place_of(builder, x_at, i, row, j, column))
            return []

        over_cells(builder, rows, columns, [], visit)

    return signature, whole_or_part(emit)


@intrinsic
def from_windows(
    typingctx, d_x, d_y, switches, x_at, y_at, row, column, cell, down, across, rows, columns, channels
):
    """Writes to d_x the sum of d_y over those of rows x columns windows in which this cell won.

    The windows are at y_at + i row + j column; in window (i, j) this cell has the number cell - i down - j across.
    """
    signature = types.void(
        d_x, d_y, switches, x_at, y_at, row, column, cell, down, across, rows, columns, channels
    )

    def emit(builder, arguments, lanes):
        _, _, _, x_at, y_at, row, column, cell, down, across, rows, columns, _ = arguments

        def visit(i, j, carried):
            (total,) = carried
            place = place_of(builder, y_at, i, row, j, column)
            here = builder.sub(cell, place_of(builder, ir.Constant(INDEX, 0), i, down, j, across))
            switch = lanes.kind(2)
            won = builder.icmp_signed(
                "==", lanes.load(2, place, switch), lanes.splat(builder.trunc(here, switch))
            )
            gradient = lanes.load(1, place, lanes.number)
            return [builder.fadd(total, builder.select(won, gradient, lanes.zeros(lanes.number)))]

        (total,) = over_cells(builder, rows, columns, [lanes.zeros(lanes.number)], visit)
        lanes.store(total, 0, x_at)

    return signature, whole_or_part(emit)


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
    """Writes to target the sum of rows x columns cells of source, flat arrays, which are at source_at + i row + j
    column.

    Cell (i, j) is multiplied by down[places[0] + i] across[places[1] + j].
    """
    signature = types.void(
        target, source, target_at, source_at, row, column, rows, columns, down, across, places, channels
    )

    def emit(builder, arguments, lanes):
        _, _, target_at, source_at, row, column, rows, columns, _, _, places, _ = arguments

        def visit(i, j, carried):
            (total,) = carried
            value = lanes.load(1, place_of(builder, source_at, i, row, j, column), lanes.number)
            shares = [
                lanes.number_of(table, builder.add(builder.extract_value(places, axis), index))
                for axis, (table, index) in enumerate(((8, i), (9, j)))
            ]
            value = builder.fmul(value, lanes.splat(builder.fmul(*shares)))
            return [builder.fadd(total, value)]

        (total,) = over_cells(builder, rows, columns, [lanes.zeros(lanes.number)], visit)
        lanes.store(total, 0, target_at)

    return signature, whole_or_part(emit)
