"""Reduces and fills the windows of pools, for all channels; each number is a vector with one picture a lane."""

# Numba calls these functions with its own builder objects, which have no types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"

from __future__ import annotations

from itertools import product

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..product.tile import wins
from .vectors import Vectors, add, choose, integer, loop, unpacked

WRITES, ADDS, FOUR = range(3)
"""What `to_winner` does with the cells of a window."""


def _cells(builder, rows, columns, carried, visit):
    """Emits carried = visit(i, j, carried) for every cell of rows x columns, in row-major order, and returns the last
    value.
    """
    return loop(
        builder, rows, carried, lambda i, row: loop(builder, columns, row, lambda j, now: visit(i, j, now))
    )


def _place(builder, first, i, row, j, cell):
    return add(builder, first, builder.mul(i, row), builder.mul(j, cell))


class _Pool:
    """The arguments of an intrinsic over one window."""

    def __init__(self, context, builder, signature, arguments):
        self.vectors = Vectors(context, builder, signature, arguments)
        self.places = unpacked(context, builder, signature.args[1], arguments[1])
        self._kind, self._context, self._builder = signature.args[0].dtype, context, builder

    def slope(self, kind, value):
        return self.vectors.splat(self._context.cast(self._builder, value, kind, self._kind))

    def numbered(self, value):
        """Returns a vector of one whole number."""
        return self.vectors.splat(
            self._builder.trunc(value, self.vectors.whole) if self.vectors.bits < 64 else value
        )

    def divided(self, value, cells):
        """Returns a vector divided by a whole number."""
        return self._builder.fdiv(value, self.vectors.splat(self._builder.sitofp(cells, self.vectors.number)))

    def channels(self, count, visit):
        """Emits visit(offset of the channel's vector) for all channels."""

        def body(c, _):
            visit(self._builder.mul(c, integer(self.vectors.lanes)))
            return []

        loop(self._builder, count, [], body)


@intrinsic
def largest(typingctx, arena, places, slope):
    """Writes the largest of a window's cells, rectified, and its number. The first of several equal cells wins; a NaN
    wins over every number.

    places: y, the winner, x, the offsets of its next row and cell, rows, columns, the first cell's number, the number
    added a row, channels.
    """
    signature = types.void(arena, places, slope)

    def generate(context, builder, signature, arguments):
        pool = _Pool(context, builder, signature, arguments)
        vectors = pool.vectors
        y, winner, x, row, cell, rows, columns, number, number_row, channels = pool.places
        slopes = pool.slope(signature.args[2], arguments[2])
        lowest = ir.Constant(vectors.vector, [float("-inf")] * vectors.lanes)

        def channel(offset):
            def visit(i, j, carried):
                best, who = carried
                place = builder.add(_place(builder, x, i, row, j, cell), offset)
                value = vectors.load(vectors.at(0, place))
                larger = wins(builder, value, best)
                here = pool.numbered(_place(builder, number, i, number_row, j, integer(1)))
                return builder.select(larger, value, best), builder.select(larger, here, who)

            best, who = _cells(builder, rows, columns, [lowest, pool.numbered(number)], visit)
            vectors.store(vectors.rectified(best, slopes), vectors.at(0, builder.add(y, offset)))
            vectors.store(who, vectors.at(0, builder.add(winner, offset)))

        pool.channels(channels, channel)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def to_winner(typingctx, arena, kind, places, slope):
    """Writes d_x = d_y to the cell that won and 0 to the other cells of a window, d_y times the slope where y is not positive.
    kind: ADDS adds instead; FOUR is the same as WRITES for windows of 2x2.

    places: d_x, the offsets of its next row and cell, d_y, y, the winner, rows, columns, the first cell's number, the
    number added a row, channels.
    """
    signature = types.void(arena, kind, places, slope)

    def generate(context, builder, signature, arguments):
        vectors = Vectors(context, builder, signature, arguments)
        array, chosen, given, share = zip(signature.args, arguments, strict=True)
        pool = _Pool(context, builder, types.void(array[0], given[0]), [array[1], given[1]])
        slopes = pool.slope(*share)
        target, row, cell, d, y, winner, rows, columns, number, number_row, channels = pool.places

        def emit(adding, two_by_two):
            def channel(offset):
                gradient, positive = (
                    vectors.load(vectors.at(0, builder.add(place, offset))) for place in (d, y)
                )
                gradient = vectors.where_positive(positive, gradient, slopes)
                address = builder.bitcast(
                    vectors.at(0, builder.add(winner, offset)), vectors.wholes.as_pointer()
                )
                who = builder.load(address, align=vectors.bits // 8)

                def visit(i, j, _):
                    here = pool.numbered(_place(builder, number, i, number_row, j, integer(1)))
                    share = builder.select(builder.icmp_signed("==", who, here), gradient, vectors.zero)
                    place = vectors.at(0, builder.add(_place(builder, target, i, row, j, cell), offset))
                    vectors.store(builder.fadd(vectors.load(place), share) if adding else share, place)
                    return []

                if two_by_two:
                    for i, j in product(range(2), repeat=2):
                        visit(integer(i), integer(j), [])
                else:
                    _cells(builder, rows, columns, [], visit)

            pool.channels(channels, channel)

        key = context.cast(builder, chosen[1], chosen[0], types.intp)
        bodies = {WRITES: (False, False), ADDS: (True, False), FOUR: (False, True)}
        choose(builder, key, {kind: lambda body=body: emit(*body) for kind, body in bodies.items()})
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def total(typingctx, arena, places, slope):
    """Writes the sum of a window's cells divided by a number, rectified.

    places: y, x, the offsets of its next row and cell, rows, columns, the divisor, channels.
    """
    signature = types.void(arena, places, slope)

    def generate(context, builder, signature, arguments):
        pool = _Pool(context, builder, signature, arguments)
        vectors = pool.vectors
        y, x, row, cell, rows, columns, cells, channels = pool.places
        slopes = pool.slope(signature.args[2], arguments[2])

        def channel(offset):
            def visit(i, j, carried):
                place = builder.add(_place(builder, x, i, row, j, cell), offset)
                return [builder.fadd(carried[0], vectors.load(vectors.at(0, place)))]

            (found,) = _cells(builder, rows, columns, [vectors.zero], visit)
            value = vectors.rectified(pool.divided(found, cells), slopes)
            vectors.store(value, vectors.at(0, builder.add(y, offset)))

        pool.channels(channels, channel)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def spread(typingctx, arena, places):
    """Adds d_y divided by a number to d_x in all cells of a window.

    places: d_x, the offsets of its next row and cell, d_y, rows, columns, the divisor, channels.
    """
    signature = types.void(arena, places)

    def generate(context, builder, signature, arguments):
        pool = _Pool(context, builder, signature, arguments)
        vectors = pool.vectors
        target, row, cell, d, rows, columns, cells, channels = pool.places

        def channel(offset):
            share = pool.divided(vectors.load(vectors.at(0, builder.add(d, offset))), cells)

            def visit(i, j, _):
                place = vectors.at(0, builder.add(_place(builder, target, i, row, j, cell), offset))
                vectors.store(builder.fadd(vectors.load(place), share), place)
                return []

            _cells(builder, rows, columns, [], visit)

        pool.channels(channels, channel)
        return context.get_dummy_value()

    return signature, generate
