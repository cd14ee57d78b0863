"""Winograd's transforms: the three small matrices of F(m, r), and their application as LLVM vector arithmetic.

F(m, r) computes m outputs of an r-tap filter from m + r - 1 inputs with as many multiplications, instead of m * r:
y = A' [(G g) * (B' d)], in two dimensions with every matrix on both sides (Winograd, 1980, "Arithmetic Complexity of
Computations"; Lavin and Gray, 2015, "Fast Algorithms for Convolutional Neural Networks"). The matrices follow from
m + r - 2 points at which polynomials are evaluated, and infinity (Cook and Toom).
"""

# Numba calls these functions with its own builder objects, which have no types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..product import PANELS, columns_of_panel, splat
from ..product.tile import integer, loop

PARTS = 2 // PANELS
"""Registers of a panel's vector: AVX-512's hold a whole one, others half of it."""
THIN = 4
"""The most channels of a thin convolution (thin.py), and the numbers of a cell of its transformed inputs."""
_SMALL = 20
"""Numbers of a matrix up to which whole tiles are transformed in registers."""
_ROOT = math.sqrt(2)
_POINTS = {
    4: (0.0, 1.0, -1.0),
    6: (0.0, 1 / _ROOT, -1 / _ROOT, _ROOT, -_ROOT),
    8: (0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0),
}
"""By the inputs under a tile. For six 0, +-1, +-2 would be the textbook's; these lose four to seven times less of
float32's digits. For eight the textbook's lose the least."""


def matrices(outputs: int, taps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A (inputs, outputs), B (inputs, inputs) and G (inputs, taps) of F(outputs, taps), inputs = outputs + taps - 1."""
    inputs = outputs + taps - 1
    points = np.array(_POINTS[inputs])
    a, b, g = np.zeros((inputs, outputs)), np.zeros((inputs, inputs)), np.zeros((inputs, taps))
    for row, point in enumerate(points):
        others = np.delete(points, row)
        a[row] = point ** np.arange(outputs)
        g[row] = point ** np.arange(taps) / np.prod(point - others)
        b[: inputs - 1, row] = np.poly(others)[::-1]
    a[-1, -1] = g[-1, -1] = 1
    b[:, -1] = np.poly(points)[::-1]
    for matrix in (
        a,
        b,
        g,
    ):  # np.poly leaves rounding errors where a coefficient is zero or is its neighbour's
        matrix[np.abs(matrix) < 1e-12] = 0
    return a, b, g


def _transform(matrices: dict[tuple[int, int], np.ndarray], *, finish: bool = False, channels: int = 0):
    """An intrinsic that computes target = M S M' of source cells S, each one vector of channels wide.

    M is of the `matrices` the one for (extent, taps); taps of 0 are any. Its arguments: target and source, flat, and
    (target_at, target_row, target_cell, source_at, source_row, source_cell, extent, taps): cell (i, j) of a target or
    source lies at *_at + i * *_row + j * *_cell. With `finish` bias, bias_at and slope follow: f(M S M' + bias), a
    number of bias a channel, f(v) = v above 0, else slope v. A vector has a panel's width, or so many `channels`.
    """

    def emit(context, builder, signature, arguments):
        dtype = signature.args[0].dtype
        alignment = dtype.bitwidth // 8
        places, (extent, taps) = arguments[2], cgutils.unpack_tuple(builder, arguments[2])[-2:]

        def at(number, offset):
            array = context.make_array(signature.args[number])(context, builder, arguments[number])
            return builder.gep(array.data, [offset])

        def transform(matrix):
            rows, columns = matrix.shape
            is_small = matrix.size <= _SMALL
            parts = 1 if is_small or channels else PARTS
            lanes = channels or columns_of_panel(alignment) // parts
            vector = ir.VectorType(context.get_value_type(dtype), lanes)
            with builder.goto_entry_block():
                between = builder.alloca(ir.ArrayType(ir.ArrayType(vector, rows), columns))

            def cells(number, shift, line, count):
                """A line of cells of the target, one of its columns, or of the source, one of its rows."""
                start, row, cell = (builder.extract_value(places, 3 * number + k) for k in range(3))
                step, along = (row, cell) if number else (cell, row)
                start = at(number, builder.add(builder.add(start, shift), builder.mul(line, step)))
                offsets = [builder.mul(along, integer(k)) for k in range(count)]
                return [builder.bitcast(builder.gep(start, [o]), vector.as_pointer()) for o in offsets]

            def over(count, line):
                if is_small:
                    for number in range(count):
                        line(integer(number), [])
                else:
                    loop(builder, hidden(builder, count), [], line)

            def part(number, _):
                """Of a cell's vector, as much as a register holds, or all of it where tiles are small."""
                shift = builder.mul(number, integer(lanes))
                if finish:
                    begin = builder.bitcast(at(3, builder.add(arguments[4], shift)), vector.as_pointer())
                    bias = builder.load(begin, align=alignment)
                    slope = splat(
                        builder, context.cast(builder, arguments[5], signature.args[5], dtype), lanes
                    )

                def finished(value):
                    if not finish:
                        return value
                    total = builder.fadd(value, bias)
                    above = builder.fcmp_ordered(">", total, ir.Constant(vector, [0.0] * lanes))
                    return builder.select(above, total, builder.fmul(slope, total))

                def across(i, _):
                    values = [builder.load(cell, align=alignment) for cell in cells(1, shift, i, columns)]
                    for j, value in enumerate(apply(builder, matrix, values)):
                        builder.store(value, builder.gep(between, [integer(0), i, integer(j)]))
                    return []

                def down(j, _):
                    lines = [builder.gep(between, [integer(0), integer(i), j]) for i in range(columns)]
                    found = apply(builder, matrix, [builder.load(line) for line in lines])
                    for value, cell in zip(found, cells(0, shift, j, rows), strict=True):
                        builder.store(finished(value), cell, align=alignment)
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
        def transform(typingctx, target, source, places, bias, bias_at, slope):
            return types.void(target, source, places, bias, bias_at, slope), emit

    else:

        @intrinsic
        def transform(typingctx, target, source, places):
            return types.void(target, source, places), emit

    return transform


def hidden(builder, value):
    """A number that LLVM does not know: it would unroll the loop, compute all lines of a tile side by side, and move what it computes
    between registers and memory three times.
    """
    kind = ir.FunctionType(cgutils.intp_t, [cgutils.intp_t])
    return builder.asm(kind, "", "=r,0", [integer(value)], False)


def apply(builder, matrix, values):
    """M v. What two neighbours of v have in common, and what two rows of M have, is computed once."""
    matrix, values = _paired(builder, matrix, values)
    results: list[ir.Value] = []
    while len(results) < len(matrix):
        row = len(results)
        pair = matrix[row : row + 2]
        if len(pair) == 2 and np.allclose(*np.abs(pair)) and not np.allclose(*pair):
            same = np.isclose(*pair)
            common = _combine(builder, np.where(same, pair[0], 0), values)
            differing = _combine(builder, np.where(same, 0, pair[0]), values)
            if common is None:
                results += [differing, builder.fneg(differing)]
            else:
                results += [builder.fadd(common, differing), builder.fsub(common, differing)]
        else:
            results.append(_combine(builder, pair[0], values))
    return results


def _paired(builder, matrix, values):
    """M and v for the same product, with sums and differences in the place of neighbours in v whose coefficients differ in signs
    alone: every row takes one of both.
    """
    columns, found = [], []
    place = 0
    while place < len(values):
        pair = matrix[:, place : place + 2].T
        if len(pair) == 2 and len(matrix) > 2 and np.allclose(*np.abs(pair)) and not np.allclose(*pair):
            same = np.isclose(*pair)
            columns += [np.where(same, pair[0], 0), np.where(same, 0, pair[0])]
            left, right = values[place : place + 2]
            found += [builder.fadd(left, right), builder.fsub(left, right)]
            place += 2
        else:
            columns.append(pair[0])
            found.append(values[place])
            place += 1
    return np.array(columns).T, found


def _combine(builder, coefficients, values):
    """The sum of coefficient * value; None if every coefficient is zero."""
    kind = values[0].type
    bits = 64 if isinstance(kind.element, ir.DoubleType) else 32
    fma = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(kind, [kind] * 3), f"llvm.fma.v{kind.count}f{bits}"
    )
    total = None
    for coefficient, value in zip(coefficients, values, strict=True):
        if coefficient == 0:
            continue
        exact = (
            float(np.float32(coefficient)) if bits == 32 else coefficient
        )  # LLVM refuses to round a constant
        factor = ir.Constant(kind, [exact] * kind.count)
        if total is None:
            total = value if coefficient == 1 else builder.fmul(factor, value)
        elif coefficient == 1:
            total = builder.fadd(total, value)
        else:
            total = builder.call(fma, [factor, value, total])
    return total


_KNOWN = {
    (outputs + taps - 1, taps): matrices(outputs, taps) for outputs, taps in ((2, 3), (4, 3), (2, 5), (4, 5))
}
"""(extent, taps) -> A, B, G."""

# The points alone make B: F(4, 3) and F(2, 5) share it.
inputs = _transform({(extent, 0): b.T for (extent, _), (_, b, _) in _KNOWN.items()})
thin_inputs = _transform({(8, 0): _KNOWN[8, 5][1].T}, channels=THIN)
filters = _transform({key: g for key, (_, _, g) in _KNOWN.items()})
outputs = _transform({key: a.T for key, (a, _, _) in _KNOWN.items()}, finish=True)
d_outputs = _transform({key: a for key, (a, _, _) in _KNOWN.items()})
d_filters = _transform({key: g.T for key, (_, _, g) in _KNOWN.items()})
