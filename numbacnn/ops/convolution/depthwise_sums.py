"""Sums of products of vectors of channels, in LLVM: what depthwise convolution is made of (depthwise.py).

Several sums are formed at a time, as a multiply-add takes four cycles and two may begin in each.
"""

# Numba calls the intrinsics with its own builder objects, which have no types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..lanes import INDEX, Lanes, over_cells, place_of, whole_or_part
from ..product.tile import loop, rectified

CELLS = 4
"""So many cells of a row, or vectors of a cell, are summed at a time."""
TAPS = 3
"""And so many sums of a weight gradient,"""
SPAN = 8
"""over so many cells of a line: what they read stays in the first cache, for the filter's next row."""


def _cell(vectors):
    """An intrinsic for so many vectors of channels of one cell, of several whole ones only."""

    @intrinsic
    def add_products(
        typingctx, y, y_at, start, start_at, x, x_at, x_row, x_column, w, w_at, w_row, w_column, rows, columns,
        slope, channels,
    ):  # fmt: skip
        """y = f(start + the sum of x w over rows x columns cells), of vectors of channels in flat arrays.

        Those of cell (i, j) lie at x_at + i x_row + j x_column and at w_at + i w_row + j w_column; f(v) = v above 0, else
        slope v.
        """
        signature = types.void(
            y, y_at, start, start_at, x, x_at, x_row, x_column, w, w_at, w_row, w_column, rows, columns, slope, channels
        )  # fmt: skip

        def emit(builder, arguments, lanes):
            (
                _,
                y_at,
                _,
                start_at,
                _,
                x_at,
                x_row,
                x_column,
                _,
                w_at,
                w_row,
                w_column,
                rows,
                columns,
                slope,
                _,
            ) = arguments
            add = _fma(builder, lanes)

            def load(argument, place):
                each = (_further(builder, place, k * lanes.count) for k in range(vectors))
                return [lanes.load(argument, first, lanes.number) for first in each]

            def visit(i, j, totals):
                values = load(4, place_of(builder, x_at, i, x_row, j, x_column))
                weights = load(8, place_of(builder, w_at, i, w_row, j, w_column))
                return list(map(add, values, weights, totals))

            totals = over_cells(builder, rows, columns, load(2, start_at), visit)
            for k, total in enumerate(totals):
                result = _rectified(builder, lanes, total, lanes.cast(slope, 14))
                lanes.store(result, 0, _further(builder, y_at, k * lanes.count))

        def whole(context, builder, signature, arguments):
            emit(builder, arguments, Lanes(context, builder, signature, arguments, None))
            return context.get_dummy_value()

        return signature, whole_or_part(emit) if vectors == 1 else whole

    return add_products


def _row_of_cells(columns, step):
    """An intrinsic for `CELLS` sums at a time, of windows of so many columns that lie `step` pixels apart: a pixel is loaded once for
    all windows that see it, the weights once for all windows, and the sums' chains of additions fill the pipelines together.
    """

    @intrinsic
    def add_products(
        typingctx, y, y_at, y_step, start, start_at, x, x_at, x_row, x_column, w, w_at, w_row, w_column, rows, slope,
    ):  # fmt: skip
        """As _add_products, of whole vectors: sum k goes to y_at + k y_step, and its windows begin at x_at + k step x_column."""
        signature = types.void(
            y, y_at, y_step, start, start_at, x, x_at, x_row, x_column, w, w_at, w_row, w_column, rows, slope
        )  # fmt: skip

        def generate(context, builder, signature, arguments):
            _, y_at, y_step, _, start_at, _, x_at, x_row, x_column, _, w_at, w_row, w_column, rows, slope = (
                arguments
            )
            lanes = Lanes(context, builder, signature, arguments, None)
            add = _fma(builder, lanes)

            def at(first, distance, count):
                return (
                    builder.add(first, builder.mul(distance, ir.Constant(INDEX, count))) if count else first
                )

            def visit(i, totals):
                totals = list(totals)
                pixels, weights = (
                    builder.add(first, builder.mul(i, row)) for first, row in ((x_at, x_row), (w_at, w_row))
                )
                filters = [lanes.load(9, at(weights, w_column, j), lanes.number) for j in range(columns)]
                for pixel in range((CELLS - 1) * step + columns):
                    seeing = [k for k in range(CELLS) if 0 <= pixel - k * step < columns]
                    value = lanes.load(5, at(pixels, x_column, pixel), lanes.number) if seeing else None
                    for k in seeing:
                        totals[k] = add(value, filters[pixel - k * step], totals[k])
                return totals

            totals = loop(builder, rows, [lanes.load(3, start_at, lanes.number)] * CELLS, visit)
            for k, total in enumerate(totals):
                lanes.store(_rectified(builder, lanes, total, lanes.cast(slope, 14)), 0, at(y_at, y_step, k))
            return context.get_dummy_value()

        return signature, generate

    return add_products


def _taps(count):
    """An intrinsic for the sums of so many neighbouring taps of a filter's row over a line, whose chains of additions fill the
    pipelines together.
    """

    @intrinsic
    def add_products(
        typingctx, sums, sums_at, step, x, x_at, x_column, d_y, d_y_at, seeing, tap, channels
    ):  # fmt: skip
        """Adds the products of x and d_y over the cells of a line, from left to right, as vectors of channels, where x is on the picture.

        Of tap k and cell j they lie at sums_at + k step, x_at + k step + j x_column, and d_y_at + j step. The numbers
        2 (tap + k) and the next of `seeing` say from which cell on tap k sees the picture, and from which on no longer.
        """
        signature = types.void(sums, sums_at, step, x, x_at, x_column, d_y, d_y_at, seeing, tap, channels)

        def emit(builder, arguments, lanes):
            _, sums_at, step, _, x_at, x_column, _, d_y_at, _, tap, _ = arguments
            add = _fma(builder, lanes)
            steps = [builder.mul(step, ir.Constant(INDEX, k)) for k in range(count)]
            edges = [
                lanes.number_of(8, _further(builder, builder.mul(tap, ir.Constant(INDEX, 2)), place))
                for place in range(2 * count)
            ]
            first, end = edges[::2], edges[1::2]

            def some(begin, stop, totals, taps):
                """The products of some taps and the cells from `begin` to before `stop`."""

                def visit(j, now):
                    j, now = builder.add(begin, j), list(now)
                    signal = lanes.load(6, builder.add(d_y_at, builder.mul(j, step)), lanes.number)
                    pixel = builder.add(x_at, builder.mul(j, x_column))
                    for k in taps:
                        value = lanes.load(3, builder.add(pixel, steps[k]), lanes.number)
                        now[k] = add(value, signal, now[k])
                    return now

                return loop(builder, builder.sub(stop, begin), totals, visit)

            def least(one, other):
                return builder.select(builder.icmp_signed("<", one, other), one, other)

            def most(one, other):
                return builder.select(builder.icmp_signed("<", one, other), other, one)

            places = [builder.add(sums_at, each) for each in steps]
            totals = [lanes.load(0, place, lanes.number) for place in places]
            # Further taps see the picture from earlier cells on: all of them do from `inner` to before `outer`.
            inner, outer = first[0], most(first[0], end[-1])
            for k in range(1, count):
                totals = some(first[k], least(inner, end[k]), totals, [k])
            totals = some(inner, outer, totals, range(count))
            for k in range(count - 1):
                totals = some(outer, end[k], totals, [k])
            for place, total in zip(places, totals, strict=True):
                lanes.store(total, 0, place)

        return signature, whole_or_part(emit)

    return add_products


@intrinsic
def taps_of_span(typingctx, sums, sums_at, step, x, x_at, d_y, d_y_at):
    """Adds the products of x and d_y over `SPAN` cells, of `TAPS` taps at stride 1 that see the picture from all of them, as whole
    vectors of channels, in the order of `_taps`. A pixel is loaded once for all taps.
    """

    def generate(context, builder, signature, arguments):
        _, sums_at, step, _, x_at, _, d_y_at = arguments
        lanes = Lanes(context, builder, signature, arguments, None)
        add = _fma(builder, lanes)
        steps = [builder.mul(step, ir.Constant(INDEX, k)) for k in range(SPAN + TAPS - 1)]
        places = [builder.add(sums_at, each) for each in steps[:TAPS]]
        totals = [lanes.load(0, place, lanes.number) for place in places]
        pixels = [lanes.load(3, builder.add(x_at, each), lanes.number) for each in steps]
        for j in range(SPAN):
            signal = lanes.load(5, builder.add(d_y_at, steps[j]), lanes.number)
            totals = [add(pixels[j + k], signal, total) for k, total in enumerate(totals)]
        for place, total in zip(places, totals, strict=True):
            lanes.store(total, 0, place)
        return context.get_dummy_value()

    return types.void(sums, sums_at, step, x, x_at, d_y, d_y_at), generate


def _further(builder, place, elements):
    return builder.add(place, ir.Constant(INDEX, elements)) if elements else place


def _fma(builder, lanes):
    """What multiplies two vectors and adds a third."""
    vector = ir.VectorType(lanes.number, lanes.count)
    bits = 64 if isinstance(lanes.number, ir.DoubleType) else 32
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fma.v{lanes.count}f{bits}"
    )
    return lambda value, weight, total: builder.call(function, [value, weight, total])


def _rectified(builder, lanes, total, slope):
    """v above 0, else slope v."""
    return rectified(builder, total, lanes.splat(slope))


one_vector, some_vectors = _cell(1), _cell(CELLS)
one_column, two_columns, three_columns, five_columns = (_row_of_cells(count, 1) for count in (1, 2, 3, 5))
three_apart, five_apart = (_row_of_cells(count, 2) for count in (3, 5))
one_tap, two_taps, three_taps = (_taps(count) for count in range(1, TAPS + 1))
