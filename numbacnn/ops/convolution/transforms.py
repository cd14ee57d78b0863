"""Winograd's transforms of tiles whose cells are vectors of channels: his matrices (matrices.py) as LLVM vector arithmetic."""

# Numba calls these functions with its own builder objects, which have no types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"

from __future__ import annotations

from typing import Literal

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..product import PANELS, columns_of_panel, splat
from ..product.tile import hidden, integer, loop, rectified
from .matrices import KNOWN, apply

PARTS = 2 // PANELS
"""Registers of a panel's vector: AVX-512's hold a whole one, others half of it."""
THIN = 4
"""The most channels of a thin convolution (thin.py), and the numbers of a cell of its transformed inputs."""
_SMALL = 20
"""Numbers of a matrix up to which whole tiles are transformed in registers."""


def _transform(
    matrices: dict[tuple[int, int], np.ndarray],
    *,
    finish: bool = False,
    channels: int = 0,
    ahead: Literal["source", "target"] | None = None,
):
    """An intrinsic that computes target = M S M' of source cells S, each one vector of channels wide.

    M is of the `matrices` the one for (extent, taps); taps of 0 are any. Its arguments: target and source, flat, and
    (target_at, target_row, target_cell, source_at, source_row, source_cell, extent, taps): cell (i, j) of a target or
    source lies at *_at + i * *_row + j * *_cell. With `finish` bias, bias_at, slope, added and adds follow: f(M S M' + bias), a
    number of bias a channel, f(v) = v above 0, else slope v. `added` is (), or if `adds` (A,): f(M S M' + bias + A), whose cells are in A
    where the target's are in their array. A vector has a panel's width, or so many `channels`. `ahead` says of which array what comes next after every
    cell is fetched meanwhile: with each cell in a page of its own, no processor foresees that.
    """

    def emit(context, builder, signature, arguments):
        dtype = signature.args[0].dtype
        alignment = dtype.bitwidth // 8
        places, (extent, taps) = arguments[2], cgutils.unpack_tuple(builder, arguments[2])[-2:]
        byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")

        def at(number, offset):
            array = context.make_array(signature.args[number])(context, builder, arguments[number])
            return builder.gep(array.data, [offset])

        def summed():
            """Where the array is that is added, and whether it is; else the target, whose numbers are there to be read."""
            if not len(signature.args[6]):
                return None, None
            array = builder.extract_value(arguments[6], 0)
            data = context.make_array(signature.args[6][0])(context, builder, array).data
            adds = context.cast(builder, arguments[7], signature.args[7], types.boolean)
            return builder.select(adds, data, at(0, integer(0))), adds

        def transform(matrix):
            rows, columns = matrix.shape
            is_small = matrix.size <= _SMALL
            parts = 1 if is_small or channels else PARTS
            lanes = channels or columns_of_panel(alignment) // parts
            vector = ir.VectorType(context.get_value_type(dtype), lanes)
            with builder.goto_entry_block():
                between = builder.alloca(ir.ArrayType(ir.ArrayType(vector, rows), columns))

            def cells(number, shift, line, count, array=None):
                """A line of cells of the target, one of its columns, or of the source, one of its rows; or of another
                array where they are in theirs.
                """
                start, row, cell = (builder.extract_value(places, 3 * number + k) for k in range(3))
                step, along = (row, cell) if number else (cell, row)
                first = builder.add(builder.add(start, shift), builder.mul(line, step))
                start = at(number, first) if array is None else builder.gep(array, [first])
                offsets = [builder.mul(along, integer(k)) for k in range(count)]
                return [builder.bitcast(builder.gep(start, [o]), vector.as_pointer()) for o in offsets]

            def fetch(lines, number, writes):
                """Of the cells' next vectors every part fetches its share."""
                for k in range(0, len(lines), parts):
                    line = lines[k]
                    for other in range(1, parts):
                        is_its = builder.icmp_signed("==", number, integer(other))
                        line = builder.select(is_its, lines[k + other], line)
                    following = builder.bitcast(builder.gep(line, [integer(parts)]), byte)
                    builder.call(prefetch, [following, flag(writes), flag(3), flag(1)])

            def over(count, line):
                if is_small:
                    for number in range(count):
                        line(integer(number), [])
                else:
                    # Unrolled, all lines of a tile would be computed side by side, and moved between registers and memory three times.
                    loop(builder, hidden(builder, integer(count)), [], line)

            def part(number, _):
                """Of a cell's vector, as much as a register holds, or all of it where tiles are small."""
                shift = builder.mul(number, integer(lanes))
                if finish:
                    begin = builder.bitcast(at(3, builder.add(arguments[4], shift)), vector.as_pointer())
                    bias = builder.load(begin, align=alignment)
                    slope = splat(
                        builder, context.cast(builder, arguments[5], signature.args[5], dtype), lanes
                    )
                    added, adds = summed()

                def finished(values, j):
                    if not finish:
                        return values
                    sums = [builder.fadd(value, bias) for value in values]
                    if added is not None:
                        others = cells(0, shift, j, len(sums), added)
                        terms = [builder.load(other, align=alignment) for other in others]
                        totals = [builder.fadd(one, other) for one, other in zip(sums, terms, strict=True)]
                        sums = [builder.select(adds, *pair) for pair in zip(totals, sums, strict=True)]
                    return [rectified(builder, total, slope) for total in sums]

                def across(i, _):
                    lines = cells(1, shift, i, columns)
                    values = [builder.load(cell, align=alignment) for cell in lines]
                    if ahead == "source":
                        fetch(lines, number, 0)
                    for j, value in enumerate(apply(builder, matrix, values)):
                        builder.store(value, builder.gep(between, [integer(0), i, integer(j)]))
                    return []

                def down(j, _):
                    lines = [builder.gep(between, [integer(0), integer(i), j]) for i in range(columns)]
                    found = apply(builder, matrix, [builder.load(line) for line in lines])
                    lines = cells(0, shift, j, rows)
                    for value, cell in zip(finished(found, j), lines, strict=True):
                        builder.store(value, cell, align=alignment)
                    if ahead == "target":
                        fetch(lines, number, 1)
                    return []

                over(columns, across)
                over(rows, down)
                return []

            loop(builder, integer(parts), [], part)

        for (known_extent, known_taps), matrix in matrices.items():
            chosen = builder.icmp_signed("==", extent, integer(known_extent))
            if known_taps:
                chosen = builder.and_(chosen, builder.icmp_signed("==", taps, integer(known_taps)))
            with builder.if_then(chosen):
                transform(matrix)
        return context.get_dummy_value()

    if finish:

        @intrinsic
        def transform(typingctx, target, source, places, bias, bias_at, slope, added, adds):
            return types.void(target, source, places, bias, bias_at, slope, added, adds), emit

    else:

        @intrinsic
        def transform(typingctx, target, source, places):
            return types.void(target, source, places), emit

    return transform


# The points alone make B: F(4, 3) and F(2, 5) share it.
inputs = _transform({(extent, 0): b.T for (extent, _), (_, b, _) in KNOWN.items()}, ahead="target")
thin_inputs = _transform({(8, 0): KNOWN[8, 5][1].T}, channels=THIN)
filters = _transform({key: g for key, (_, _, g) in KNOWN.items()})
outputs = _transform({key: a.T for key, (a, _, _) in KNOWN.items()}, finish=True, ahead="source")
d_outputs = _transform({key: a for key, (a, _, _) in KNOWN.items()})
d_filters = _transform({key: g.T for key, (_, _, g) in KNOWN.items()})
