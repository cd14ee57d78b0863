"""Register tiles: a few places times a few channels, whose sums stay in vector registers.

`outputs`, `inputs` and `pictures` multiply vectors by single numbers (weights, which all pictures share, or the lanes
of another vector); `taps` multiplies vectors by vectors.
"""

# Numba calls these functions with its own builder objects, which have no types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"

from __future__ import annotations

from functools import partial

from numba import types
from numba.extending import intrinsic

from ..product.tile import wins
from .vectors import INDEX, MANY_REGISTERS, Vectors, add, as_it_stands, choose, integer, unpacked

PLACES = 4
CHANNELS = 6 if MANY_REGISTERS else 3
"""The most channels of a tile of `PLACES`; a product's tile uses 12 of AVX2's 16 registers, or 24 of 32."""
LONG = 12
"""The channels of a tile of one place."""
FEW = 6
"""The most channels of smaller tiles."""
TAPS = {5: 5, 4: 6, 3: 6, 1: 6} if MANY_REGISTERS else {5: 2, 4: 3, 3: 4, 1: 6}
"""Maps the taps of a tile of a filter's gradient to its largest number of channels."""
KEY = 16
"""The tile of i places and j channels has the number KEY i + j."""


def tiles_of(heights):
    """The tiles (rows, columns) of {rows: columns}, by their numbers."""
    return {KEY * rows + columns: (rows, columns) for rows, widths in heights.items() for columns in widths}


def nested(builder, loops, places, sums, visit):
    """Emits sums = visit(places, sums) over nested loops, each given as (count, steps of the places), outermost first."""
    if not loops:
        return visit(places, list(sums))
    (count, steps), *inner = loops

    def body(_, carried):
        here, running = carried[: len(places)], carried[len(places) :]
        results = nested(builder, inner, here, running, visit)
        return [*(builder.add(place, step) for place, step in zip(here, steps, strict=True)), *results]

    return as_it_stands(builder, count, [*places, *sums], body)[len(places) :]


def outer_product(vectors, sums, rows, columns):
    """Emits sums[i, j] + rows[i] columns[j]; rows and columns are functions that load a vector. The fewer ones stay in
    registers, of the others one at a time does, as 12 sums leave 4 of AVX2's 16 registers.
    """
    if len(rows) > len(columns):
        by_columns = [sums[i * len(columns) + j] for j in range(len(columns)) for i in range(len(rows))]
        found = outer_product(vectors, by_columns, columns, rows)
        return [found[j * len(rows) + i] for i in range(len(rows)) for j in range(len(columns))]
    held = [load() for load in rows]
    found = list(sums)
    for j, load in enumerate(columns):
        value = load()
        for i, other in enumerate(held):
            at = i * len(columns) + j
            found[at] = vectors.multiply_add(other, value, found[at])
    return found


def _products(vectors, loops, x_at, w_at, x_places, w_places, x_array, w_array, start):
    """Emits start + the sum over nested loops of x vectors times w numbers; `loops` are (count, x step, w step),
    outermost first.
    """
    builder = vectors.builder

    def visit(places, sums):
        x, w = places
        values = [partial(vectors.load_at, x_array, add(builder, x, place)) for place in x_places]
        factors = [partial(vectors.broadcast_at, w_array, add(builder, w, place)) for place in w_places]
        return outer_product(vectors, sums, values, factors)

    return nested(builder, [(count, steps) for count, *steps in loops], [x_at, w_at], start, visit)


@intrinsic
def outputs(typingctx, arena, weights, tile, places, slope):
    """Computes a tile of a convolution's or a dense layer's outputs, rectified; with a pool, the largest of four places
    and its number.

    places: y, offsets of the next y across and down, x, offsets of the next x across and down, outer steps, x step, w
    step, inner steps, w, w step, the bias (negative: none), and the winner's place (negative: no pool).
    """
    signature = types.void(arena, weights, tile, places, slope)

    def generate(context, builder, signature, arguments):
        vectors = Vectors(context, builder, signature, arguments)
        (
            y, y_across, y_down, x, x_across, x_down, outer, x_outer, w_outer, inner, w, w_inner, bias, winner,
        ) = unpacked(context, builder, signature.args[3], arguments[3])  # fmt: skip
        share = context.cast(builder, arguments[4], signature.args[4], signature.args[0].dtype)
        lanes = integer(vectors.lanes)
        key = context.cast(builder, arguments[2], signature.args[2], types.intp)

        def emit(rows, columns):
            has_bias = builder.icmp_signed(">=", bias, integer(0))
            first = builder.select(has_bias, bias, integer(0))
            start = []
            for j in range(columns):
                value = builder.load(vectors.at(1, builder.add(first, integer(j))))
                start.append(vectors.splat(builder.select(has_bias, value, value.type(0.0))))
            x_places = [
                add(builder, builder.mul(integer(i // 2), x_down), builder.mul(integer(i % 2), x_across))
                for i in range(rows)
            ]
            sums = _products(
                vectors, [(outer, x_outer, w_outer), (inner, lanes, w_inner)], x, w,
                x_places, [integer(j) for j in range(columns)], 0, 1, start * rows,
            )  # fmt: skip
            slopes = vectors.splat(share)

            def plain():
                for i in range(rows):
                    place = add(
                        builder,
                        y,
                        builder.mul(integer(i // 2), y_down),
                        builder.mul(integer(i % 2), y_across),
                    )
                    for j in range(columns):
                        value = vectors.rectified(sums[i * columns + j], slopes)
                        vectors.store(value, vectors.at(0, builder.add(place, integer(j * vectors.lanes))))

            if rows != PLACES:
                plain()
                return
            with builder.if_else(builder.icmp_signed("<", winner, integer(0))) as (alone, pooled):
                with alone:
                    plain()
                with pooled:
                    for j in range(columns):
                        best = sums[j]
                        who = vectors.wholes([0] * vectors.lanes)
                        for i in range(1, rows):
                            value = sums[i * columns + j]
                            larger = wins(builder, value, best)
                            best = builder.select(larger, value, best)
                            who = builder.select(larger, vectors.wholes([i] * vectors.lanes), who)
                        offset = integer(j * vectors.lanes)
                        vectors.store(vectors.rectified(best, slopes), vectors.at(0, builder.add(y, offset)))
                        vectors.store(who, vectors.at(0, builder.add(winner, offset)))

        tiles = tiles_of({PLACES: range(1, CHANNELS + 1), 1: (*range(1, FEW + 1), LONG)})
        choose(builder, key, {number: lambda size=size: emit(*size) for number, size in tiles.items()})
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def inputs(typingctx, arena, weights, tile, places, slope):
    """Computes a tile of the gradient of a convolution's or a dense layer's inputs, times the slope where the input is not
    positive: a rectifier's derivative, whose outputs are these inputs. The slope 1 changes nothing.

    places: d_x, offset of the next d_x, the input, offset of the next input, d_y, offset of the next d_y, outer steps,
    d_y step, w step, middle steps, d_y step, w step, inner steps (of one vector and one number), w, and offset of the next
    channel's w.
    """
    signature = types.void(arena, weights, tile, places, slope)

    def generate(context, builder, signature, arguments):
        vectors = Vectors(context, builder, signature, arguments)
        slopes = vectors.splat(
            context.cast(builder, arguments[4], signature.args[4], signature.args[0].dtype)
        )
        (
            target, target_next, x, x_next, d, d_next, outer, d_outer, w_outer, middle, d_middle, w_middle, inner, w,
            w_next,
        ) = unpacked(context, builder, signature.args[3], arguments[3])  # fmt: skip
        lanes = integer(vectors.lanes)
        key = context.cast(builder, arguments[2], signature.args[2], types.intp)

        def emit(rows, columns):
            sums = _products(
                vectors,
                [(outer, d_outer, w_outer), (middle, d_middle, w_middle), (inner, lanes, integer(1))], d, w,
                [builder.mul(integer(i), d_next) for i in range(rows)],
                [builder.mul(integer(j), w_next) for j in range(columns)], 0, 1,
                [vectors.zero] * (rows * columns),
            )  # fmt: skip
            for i in range(rows):
                place, given = (
                    add(builder, first, builder.mul(integer(i), following))
                    for first, following in ((target, target_next), (x, x_next))
                )
                for j in range(columns):
                    offset = integer(j * vectors.lanes)
                    rectified = vectors.load_at(0, builder.add(given, offset))
                    value = vectors.where_positive(rectified, sums[i * columns + j], slopes)
                    vectors.store(value, vectors.at(0, builder.add(place, offset)))

        tiles = tiles_of({2: range(1, FEW + 1), 1: (*range(1, FEW + 1), LONG)})
        choose(builder, key, {number: lambda size=size: emit(*size) for number, size in tiles.items()})
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def pictures(typingctx, target, arena, tile, places):
    """Computes a tile of the gradient of a dense layer's weights, as vectors of outputs: the sum over a group's
    pictures.

    places: the gradient, offset of its next row, d_y with the outputs in lanes, offset of the next picture, x with the
    pictures in lanes, and whether the tile is added to the gradient.
    """
    signature = types.void(target, arena, tile, places)

    def generate(context, builder, signature, arguments):
        vectors = Vectors(context, builder, signature, arguments)
        gradient, next_row, d, next_picture, x, adds = unpacked(
            context, builder, signature.args[3], arguments[3]
        )
        lanes = integer(vectors.lanes)
        key = context.cast(builder, arguments[2], signature.args[2], types.intp)
        adding = builder.icmp_signed("!=", adds, integer(0))

        def emit(rows, columns):
            targets = [
                vectors.at(
                    0, add(builder, gradient, integer(i * vectors.lanes), builder.mul(integer(j), next_row))
                )
                for i in range(rows)
                for j in range(columns)
            ]
            start = [builder.select(adding, vectors.load(place), vectors.zero) for place in targets]
            sums = _products(
                vectors, [(lanes, next_picture, integer(1))], d, x,
                [integer(i * vectors.lanes) for i in range(rows)],
                [integer(j * vectors.lanes) for j in range(columns)], 1, 1, start,
            )  # fmt: skip
            for value, place in zip(sums, targets, strict=True):
                vectors.store(value, place)

        tiles = tiles_of({2: (1, FEW), 1: (1, FEW)})
        choose(builder, key, {number: lambda size=size: emit(*size) for number, size in tiles.items()})
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def taps(typingctx, arena, tile, places):
    """Computes a tile of the gradient of a convolution's weights: products of vectors, summed over places and then over
    the lanes.

    places: the gradient, offset of its next row, x, offsets of its next row and cell, d_y, offsets of its next row and
    cell, rows, cells. The x of a tile are adjacent, and so are the d_y.
    """
    signature = types.void(arena, tile, places)

    def generate(context, builder, signature, arguments):
        vectors = Vectors(context, builder, signature, arguments)
        gradient, next_row, x, x_row, x_cell, d, d_row, d_cell, rows_of, cells = unpacked(
            context, builder, signature.args[2], arguments[2]
        )
        key = context.cast(builder, arguments[1], signature.args[1], types.intp)

        def emit(rows, columns):
            def cell(places, sums):
                x_at, d_at = places
                x_values, d_values = (
                    [
                        partial(vectors.load_at, 0, builder.add(at, integer(k * vectors.lanes)))
                        for k in range(count)
                    ]
                    for at, count in ((x_at, rows), (d_at, columns))
                )
                return outer_product(vectors, sums, x_values, d_values)

            sums = nested(
                builder, [(rows_of, (x_row, d_row)), (cells, (x_cell, d_cell))], [x, d],
                [vectors.zero] * (rows * columns), cell,
            )  # fmt: skip
            together = 128 // vectors.bits
            for i in range(rows):
                for j in range(0, columns, together):
                    at = vectors.at(0, add(builder, gradient, builder.mul(integer(i), next_row), integer(j)))
                    few = sums[i * columns + j : i * columns + min(j + together, columns)]
                    if len(few) == together:
                        vectors.store(vectors.totals(few), at)
                    else:
                        for k, value in enumerate(few):
                            builder.store(vectors.total(value), builder.gep(at, [integer(k)]))

        tiles = tiles_of({rows: range(1, widest + 1) for rows, widest in TAPS.items()})
        choose(builder, key, {number: lambda size=size: emit(*size) for number, size in tiles.items()})
        return context.get_dummy_value()

    return signature, generate


__all__ = [
    "CHANNELS",
    "FEW",
    "INDEX",
    "KEY",
    "LONG",
    "PLACES",
    "TAPS",
    "inputs",
    "nested",
    "outer_product",
    "outputs",
    "pictures",
    "taps",
    "tiles_of",
]
