"""Winograd's matrices applied to rows of vectors, and the products between them: F(4, r) along the rows of a volume.

A row's tile has `points` numbers for 4 outputs next to each other; its transform has as many positions.
"""

# Numba calls these functions with its own builder objects, which have no types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"

from __future__ import annotations

from functools import partial
from typing import Any

from numba import types
from numba.extending import intrinsic

from ..convolution.matrices import KNOWN, apply
from ..product.tile import wins
from .tiles import nested, outer_product, tiles_of
from .vectors import Vectors, add, as_it_stands, choose, integer, loop, unpacked

OUTPUTS = 4
"""The neighbouring outputs of a tile."""
MATRICES = {taps: KNOWN[OUTPUTS + taps - 1, taps] for taps in (3, 5)}
"""Maps a filter row's taps to A, B, G."""
HEIGHTS = 5, 4
"""The rows of a tile of sums, of WIDE filters."""
WIDE = 2


class _Line:
    """The arguments of an intrinsic over `count` neighbouring vectors, its last place, with a body for each number of taps."""

    def __init__(self, context, builder, signature, arguments, places):
        self.vectors = Vectors(context, builder, signature, arguments)
        self.builder = builder
        *self.places, self.count = unpacked(context, builder, signature.args[places], arguments[places])

    def offset(self, at, *steps):
        return add(self.builder, at, *(self.builder.mul(integer(i), step) for i, step in steps))

    def load(self, at, *steps):
        return self.vectors.load_at(0, self.offset(at, *steps))

    def store(self, value, at, *steps):
        self.vectors.store(value, self.vectors.at(0, self.offset(at, *steps)))

    def each(self, body):
        """Emits body(offset) for all vectors."""

        def one(k, _):
            body(self.builder.mul(k, integer(self.vectors.lanes)))
            return []

        loop(self.builder, self.count, [], one)

    def each_with_or_without_pool(self, winners, plain, pooled):
        """Emits one of two bodies for all vectors: `plain` where `winners` is negative, as there is no pool."""
        with self.builder.if_else(self.builder.icmp_signed("<", winners, integer(0))) as (alone, four):
            with alone:
                self.each(plain)
            with four:
                self.each(pooled)

    def by_taps(self, context, kind, value, body):
        key = context.cast(self.builder, value, kind, types.intp)
        choose(self.builder, key, {taps: partial(body, *each) for taps, each in MATRICES.items()})


def _transform(matrices, *, short=False):
    """An intrinsic that applies one of the matrices {number: M} to neighbouring numbers: target = M source, a line for each row of M
    from one for each of its columns. `short`: lines may be shorter than a vector.

    places: target, offset of its next line, source, offset of its next line, numbers of a line.
    """

    @intrinsic
    def transform(typingctx, arena, given, number, places):
        signature = types.void(arena, given, number, places)

        def generate(context, builder, signature, arguments):
            vectors = Vectors(context, builder, signature, arguments)
            target, line, source, source_line, length = unpacked(
                context, builder, signature.args[3], arguments[3]
            )
            lanes = integer(vectors.lanes)
            last = builder.sub(length, lanes)

            def column(matrix, offset, load, store):
                values = [
                    load(1, add(builder, source, offset, builder.mul(integer(i), source_line)))
                    for i in range(matrix.shape[1])
                ]
                for i, value in enumerate(apply(builder, matrix, values)):
                    place = add(builder, target, offset, builder.mul(integer(i), line))
                    store(value, vectors.at(0, place))
                return []

            def emit(matrix):
                def vector(k, _):
                    offset = builder.mul(k, lanes)
                    offset = builder.select(builder.icmp_signed("<", offset, last), offset, last)
                    return column(matrix, offset, vectors.load_at, vectors.store)

                def single(k, _):
                    return column(matrix, k, lambda *place: builder.load(vectors.at(*place)), builder.store)

                whole = builder.udiv(builder.add(length, integer(vectors.lanes - 1)), lanes)
                if not short:
                    loop(builder, whole, [], vector)
                    return
                with builder.if_else(builder.icmp_signed("<", last, integer(0))) as (one_by_one, in_vectors):
                    with one_by_one:
                        loop(builder, length, [], single)
                    with in_vectors:
                        loop(builder, whole, [], vector)

            key = context.cast(builder, arguments[2], signature.args[2], types.intp)
            choose(builder, key, {number: partial(emit, matrix) for number, matrix in matrices.items()})
            return context.get_dummy_value()

        return signature, generate

    return transform


to_positions = _transform({taps: b.T for taps, (_, b, _) in MATRICES.items()})
"""Inputs of a tile, B' x, as an intrinsic told their taps; source and target are in the arena, an argument twice."""
filters_moved = _transform(
    {taps: g for taps, (_, _, g) in MATRICES.items()} | {-taps: g.T for taps, (_, _, g) in MATRICES.items()},
    short=True,
)
"""A row of a filter, G w, as an intrinsic told the taps, or below 0, G' d for a gradient."""


@intrinsic
def clear(typingctx, arena, places):
    """Writes zeros. places: target, vectors."""
    signature = types.void(arena, places)

    def generate(context, builder, signature, arguments):
        line = _Line(context, builder, signature, arguments, 1)
        line.each(lambda offset: line.store(line.vectors.zero, builder.add(line.places[0], offset)))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def where_positive(typingctx, arena, places, slope):
    """Writes vectors, times the slope where others are not positive. places: target, the others, source, vectors."""
    signature = types.void(arena, places, slope)

    def generate(context, builder, signature, arguments):
        line = _Line(context, builder, signature, arguments, 1)
        target, others, source = line.places
        slopes = line.vectors.splat(
            context.cast(builder, arguments[2], signature.args[2], signature.args[0].dtype)
        )

        def body(offset):
            other, value = (line.load(builder.add(place, offset)) for place in (others, source))
            line.store(line.vectors.where_positive(other, value, slopes), builder.add(target, offset))

        line.each(body)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def add_back(typingctx, arena, taps, places):
    """Adds the gradient of a tile's inputs: target += B d, to as many of its first cells as were written before. places: target,
    offset of its next cell, source, offset of its next position, the cells that were written before, channels.
    """
    signature = types.void(arena, taps, places)

    def generate(context, builder, signature, arguments):
        line = _Line(context, builder, signature, arguments, 2)
        target, cell, source, position, known = line.places

        def emit(_, b, __):
            def body(offset):
                values = [line.load(builder.add(source, offset), (i, position)) for i in range(len(b))]
                for i, value in enumerate(apply(builder, b, values)):
                    there = builder.add(target, offset)
                    is_known = builder.icmp_signed("<", integer(i), known)
                    before = builder.select(is_known, line.load(there, (i, cell)), line.vectors.zero)
                    line.store(builder.fadd(before, value), there, (i, cell))

            line.each(body)

        line.by_taps(context, signature.args[1], arguments[1], emit)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def gradients_to_positions(typingctx, arena, taps, places):
    """Transforms the gradient of a tile's outputs, A d, of one row or, of pooled ones, of two.

    places: target, offset of its next position and row; d, offset of its next cell, the winners (negative: no pool); how many of the
    first outputs count as zeros; channels.
    """
    signature = types.void(arena, taps, places)

    def generate(context, builder, signature, arguments):
        line = _Line(context, builder, signature, arguments, 2)
        vectors = line.vectors
        target, position, row, source, cell, winners, zeros = line.places

        def emit(a, _, __):
            def write(values, offset, number):
                for i, value in enumerate(apply(builder, a, values)):
                    line.store(value, builder.add(target, offset), (i, position), (number, row))

            def gradient(offset, j, outputs):
                value = line.load(builder.add(source, offset), (j, cell))
                counts = builder.icmp_signed(">=", integer(outputs * j), zeros)
                return builder.select(counts, value, vectors.zero)

            def plain(offset):
                write([gradient(offset, j, 1) for j in range(OUTPUTS)], offset, 0)

            def pooled(offset):
                found: list[list[Any]] = [[], []]
                for j in range(OUTPUTS // 2):
                    value = gradient(offset, j, 2)
                    place = vectors.at(0, line.offset(builder.add(winners, offset), (j, cell)))
                    who = builder.load(
                        builder.bitcast(place, vectors.wholes.as_pointer()), align=vectors.bits // 8
                    )
                    for i in range(4):
                        won = builder.icmp_signed("==", who, vectors.wholes([i] * vectors.lanes))
                        found[i // 2].append(builder.select(won, value, vectors.zero))
                for number, values in enumerate(found):
                    write(values, offset, number)

            line.each_with_or_without_pool(winners, plain, pooled)

        line.by_taps(context, signature.args[1], arguments[1], emit)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def from_positions(typingctx, arena, weights, taps, places, slope):
    """Computes a tile's outputs, A' m + bias, rectified, of one row; with a pool of two, the largest of each 2x2 and their numbers.

    places: y, offset of its next cell, m, offset of its next position and row, the bias (negative: none), the winners
    (negative: no pool), channels.
    """
    signature = types.void(arena, weights, taps, places, slope)

    def generate(context, builder, signature, arguments):
        line = _Line(context, builder, signature, arguments, 3)
        vectors = line.vectors
        y, cell, source, position, row, bias, winners = line.places
        slopes = vectors.splat(
            context.cast(builder, arguments[4], signature.args[4], signature.args[0].dtype)
        )
        has_bias = builder.icmp_signed(">=", bias, integer(0))
        first_bias = builder.select(has_bias, bias, integer(0))

        def emit(a, _, __):
            def outputs(offset, number):
                values = [
                    line.load(builder.add(source, offset), (i, position), (number, row))
                    for i in range(len(a))
                ]
                return apply(builder, a.T, values)

            def biased(offset):
                place = builder.add(first_bias, builder.udiv(offset, integer(vectors.lanes)))
                value = builder.load(vectors.at(1, place))
                return vectors.splat(builder.select(has_bias, value, value.type(0.0)))

            def plain(offset):
                term = biased(offset)
                for j, value in enumerate(outputs(offset, 0)):
                    result = vectors.rectified(builder.fadd(value, term), slopes)
                    line.store(result, builder.add(y, offset), (j, cell))

            def pooled(offset):
                term = biased(offset)
                rows = [outputs(offset, number) for number in range(2)]
                for j in range(OUTPUTS // 2):
                    best, *others = (builder.fadd(rows[i // 2][2 * j + i % 2], term) for i in range(4))
                    who = vectors.wholes([0] * vectors.lanes)
                    for i, value in enumerate(others, 1):
                        larger = wins(builder, value, best)
                        best = builder.select(larger, value, best)
                        who = builder.select(larger, vectors.wholes([i] * vectors.lanes), who)
                    line.store(vectors.rectified(best, slopes), builder.add(y, offset), (j, cell))
                    line.store(who, builder.add(winners, offset), (j, cell))

            line.each_with_or_without_pool(winners, plain, pooled)

        line.by_taps(context, signature.args[2], arguments[2], emit)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def position_sums(typingctx, arena, tile, places):
    """Computes a tile of sums, a few rows times WIDE filters, for each position.

    places: positions; m, offsets of its next position and row; the inputs, offsets of the next position and row; the
    filters, offsets of the next position and of the next tap's; taps.
    """
    signature = types.void(arena, tile, places)

    def generate(context, builder, signature, arguments):
        vectors = Vectors(context, builder, signature, arguments)
        positions, m, m_position, m_row, x, x_position, x_row, w, w_position, w_tap, taps = unpacked(
            context, builder, signature.args[2], arguments[2]
        )
        key = context.cast(builder, arguments[1], signature.args[1], types.intp)
        lanes = integer(vectors.lanes)

        def emit(rows, columns):
            def position(_, places):
                target, source, factors = places

                def step(here, sums):
                    x_at, w_at = here
                    values = [
                        partial(vectors.load_at, 0, add(builder, x_at, builder.mul(integer(i), x_row)))
                        for i in range(rows)
                    ]
                    numbers = [
                        partial(vectors.broadcast_at, 0, builder.add(w_at, integer(j)))
                        for j in range(columns)
                    ]
                    return outer_product(vectors, sums, values, numbers)

                sums = nested(
                    builder,
                    [(taps, (lanes, w_tap))],
                    [source, factors],
                    [vectors.zero] * (rows * columns),
                    step,
                )
                for i in range(rows):
                    for j in range(columns):
                        at = add(builder, target, builder.mul(integer(i), m_row), integer(j * vectors.lanes))
                        vectors.store(sums[i * columns + j], vectors.at(0, at))
                return [
                    builder.add(place, step)
                    for place, step in zip(places, (m_position, x_position, w_position), strict=True)
                ]

            as_it_stands(builder, positions, [m, x, w], position)

        tiles = tiles_of(dict.fromkeys(HEIGHTS, (WIDE,)))
        choose(builder, key, {number: lambda size=size: emit(*size) for number, size in tiles.items()})
        return context.get_dummy_value()

    return signature, generate
