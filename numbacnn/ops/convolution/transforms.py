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
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..compilation import jit
from ..product import columns_of_panel, splat

_ROOT = math.sqrt(2)
_POINTS = {4: (0.0, 1.0, -1.0), 6: (0.0, 1 / _ROOT, -1 / _ROOT, _ROOT, -_ROOT)}
"""By the inputs under a tile. For six 0, +-1, +-2 would be the textbook's; these lose four to seven times less of
float32's digits."""


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


def _transform(matrix: np.ndarray, *, finish: bool = False):
    """An intrinsic that computes M S M' of cells S, each one vector of channels wide.

    `finish` adds a bias, a number a channel, and then applies a rectifier as `multiply_tile` does.
    """
    rows, columns = matrix.shape

    def emit(context, builder, signature, arguments):
        dtype = signature.args[0].dtype
        alignment = dtype.bitwidth // 8
        lanes = columns_of_panel(alignment)
        vector = ir.VectorType(context.get_value_type(dtype), lanes)

        def at(place, offset):
            array = context.make_array(signature.args[place])(context, builder, arguments[place])
            return builder.gep(array.data, [offset])

        def cells(place, count):
            start, row, cell = arguments[place + 1 : place + 4]
            offsets = [
                builder.add(builder.mul(row, _integer(i)), builder.mul(cell, _integer(j)))
                for i in range(count)
                for j in range(count)
            ]
            first = at(place, start)
            return [builder.bitcast(builder.gep(first, [o]), vector.as_pointer()) for o in offsets]

        def finished(value):
            if not finish:
                return value
            total = builder.fadd(value, bias)
            above = builder.fcmp_ordered(">", total, ir.Constant(vector, [0.0] * lanes))
            return builder.select(above, total, builder.fmul(slope, total))

        if finish:
            bias = builder.load(builder.bitcast(at(8, arguments[9]), vector.as_pointer()), align=alignment)
            slope = splat(builder, context.cast(builder, arguments[10], signature.args[10], dtype), lanes)
        values = [builder.load(cell, align=alignment) for cell in cells(4, columns)]
        across = [_apply(builder, matrix, values[i * columns :][:columns]) for i in range(columns)]
        targets = cells(0, rows)
        for j in range(rows):
            down = _apply(builder, matrix, [line[j] for line in across])
            for i in range(rows):
                builder.store(finished(down[i]), targets[i * rows + j], align=alignment)
        return context.get_dummy_value()

    if finish:

        @intrinsic
        def transform(
            typingctx,
            target,
            target_at,
            target_row,
            target_cell,
            source,
            source_at,
            source_row,
            source_cell,
            bias,
            bias_at,
            slope,
        ):
            ends = target, target_at, target_row, target_cell, source, source_at, source_row, source_cell
            return types.void(*ends, bias, bias_at, slope), emit

    else:

        @intrinsic
        def transform(
            typingctx,
            target,
            target_at,
            target_row,
            target_cell,
            source,
            source_at,
            source_row,
            source_cell,
        ):
            ends = target, target_at, target_row, target_cell, source, source_at, source_row, source_cell
            return types.void(*ends), emit

    transform.__doc__ = f"Target cells ({rows},{rows}) = M S M' of source cells ({columns},{columns})."
    return transform


def _integer(value):
    return ir.Constant(cgutils.intp_t, value)


def _apply(builder, matrix, values):
    """M v. Two rows that differ in signs alone share the sums of what they have in common."""
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


_A23, _B4, _G23 = matrices(2, 3)
_A43, _B6, _G43 = matrices(4, 3)
_A25, _, _G25 = matrices(2, 5)
# The points alone make B: F(4, 3) and F(2, 5) share it.
_inputs_4, _inputs_6 = _transform(_B4.T), _transform(_B6.T)
_filters_23, _filters_43, _filters_25 = _transform(_G23), _transform(_G43), _transform(_G25)
_outputs_23, _outputs_43, _outputs_25 = (_transform(matrix.T, finish=True) for matrix in (_A23, _A43, _A25))
_d_outputs_23, _d_outputs_43, _d_outputs_25 = _transform(_A23), _transform(_A43), _transform(_A25)
_d_filters_23, _d_filters_43, _d_filters_25 = _transform(_G23.T), _transform(_G43.T), _transform(_G25.T)


# Cell (i, j) of a target or a source lies at *_at + i * *_row + j * *_cell of a flat array.


@jit
def inputs(
    target: Any,
    target_at: Any,
    target_row: Any,
    target_cell: Any,
    source: Any,
    source_at: Any,
    source_row: Any,
    source_cell: Any,
    extent: Any,
) -> None:
    """B' d B, of one vector of channels."""
    if extent == 4:
        _inputs_4(target, target_at, target_row, target_cell, source, source_at, source_row, source_cell)
    else:
        _inputs_6(target, target_at, target_row, target_cell, source, source_at, source_row, source_cell)


@jit
def filters(
    target: Any,
    target_at: Any,
    target_row: Any,
    target_cell: Any,
    source: Any,
    source_at: Any,
    source_row: Any,
    source_cell: Any,
    extent: Any,
    taps: Any,
) -> None:
    """G g G', of one vector of filters."""
    if extent == 4:
        _filters_23(target, target_at, target_row, target_cell, source, source_at, source_row, source_cell)
    elif taps == 3:
        _filters_43(target, target_at, target_row, target_cell, source, source_at, source_row, source_cell)
    else:
        _filters_25(target, target_at, target_row, target_cell, source, source_at, source_row, source_cell)


@jit
def d_outputs(
    target: Any,
    target_at: Any,
    target_row: Any,
    target_cell: Any,
    source: Any,
    source_at: Any,
    source_row: Any,
    source_cell: Any,
    extent: Any,
    taps: Any,
) -> None:
    """A d_y A', of one vector of filters."""
    if extent == 4:
        _d_outputs_23(target, target_at, target_row, target_cell, source, source_at, source_row, source_cell)
    elif taps == 3:
        _d_outputs_43(target, target_at, target_row, target_cell, source, source_at, source_row, source_cell)
    else:
        _d_outputs_25(target, target_at, target_row, target_cell, source, source_at, source_row, source_cell)


@jit
def d_filters(
    target: Any,
    target_at: Any,
    target_row: Any,
    target_cell: Any,
    source: Any,
    source_at: Any,
    source_row: Any,
    source_cell: Any,
    extent: Any,
    taps: Any,
) -> None:
    """G' s G, of one vector of filters."""
    if extent == 4:
        _d_filters_23(target, target_at, target_row, target_cell, source, source_at, source_row, source_cell)
    elif taps == 3:
        _d_filters_43(target, target_at, target_row, target_cell, source, source_at, source_row, source_cell)
    else:
        _d_filters_25(target, target_at, target_row, target_cell, source, source_at, source_row, source_cell)


@jit
def outputs(
    target: Any,
    target_at: Any,
    target_row: Any,
    target_cell: Any,
    source: Any,
    source_at: Any,
    source_row: Any,
    source_cell: Any,
    bias: Any,
    bias_at: Any,
    slope: Any,
    extent: Any,
    taps: Any,
) -> None:
    """f(A' m A + bias), f(v) = v above 0, else slope v, of one vector of filters."""
    if extent == 4:
        _outputs_23(
            target, target_at, target_row, target_cell, source, source_at, source_row, source_cell,
            bias, bias_at, slope,
        )  # fmt: skip
    elif taps == 3:
        _outputs_43(
            target, target_at, target_row, target_cell, source, source_at, source_row, source_cell,
            bias, bias_at, slope,
        )  # fmt: skip
    else:
        _outputs_25(
            target, target_at, target_row, target_cell, source, source_at, source_row, source_cell,
            bias, bias_at, slope,
        )  # fmt: skip
