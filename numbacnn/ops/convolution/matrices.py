"""Winograd's three small matrices of F(m, r), and their application as arithmetic of LLVM: of vectors on the CPU, of single numbers
on a GPU.

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
from numba.core import cgutils

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


KNOWN = {
    (outputs + taps - 1, taps): matrices(outputs, taps) for outputs, taps in ((2, 3), (4, 3), (2, 5), (4, 5))
}
"""(extent, taps) -> A, B, G."""


def apply(builder, matrix, values):
    """M v. What two neighbours of v have in common, and what two rows of M have, is computed once."""
    matrix, values = _paired(builder, matrix, values)
    results: list[ir.Value] = []
    while len(results) < len(matrix):
        row = len(results)
        pair = matrix[row : row + 2]
        if _differ_in_signs(pair):
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


def gathered(builder, matrix, make):
    """`apply` to several vectors at once, whose numbers are `make(i)`, one for each of them: made and used up one or two at a time, so that
    registers hold the results and no more. Results of every vector.
    """
    totals = None
    place = 0
    while place < matrix.shape[1]:
        pair = matrix[:, place : place + 2].T
        together = 2 if _differ_in_signs(pair) else 1
        made = list(zip(*(make(place + i) for i in range(together)), strict=True))
        totals = totals or [[None] * len(matrix) for _ in made]
        columns = matrix[:, place : place + together]
        for results, values in zip(totals, made, strict=True):
            factors, found = _paired(builder, columns, list(values))
            for row, coefficients in enumerate(factors):
                results[row] = _combine(builder, coefficients, found, results[row])
        place += together
    return totals


def _differ_in_signs(pair):
    """Whether there are two rows of numbers that differ in signs alone."""
    return len(pair) == 2 and np.allclose(*np.abs(pair)) and not np.allclose(*pair)


def _paired(builder, matrix, values):
    """M and v for the same product, with sums and differences in the place of neighbours in v whose coefficients differ in signs
    alone: every row takes one of both.
    """
    columns, found = [], []
    place = 0
    while place < len(values):
        pair = matrix[:, place : place + 2].T
        if len(matrix) > 2 and _differ_in_signs(pair):
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


def _combine(builder, coefficients, values, total=None):
    """The sum of coefficient * value, added to a `total` if there is one; None if there is nothing to add."""
    kind = values[0].type
    count = kind.count if isinstance(kind, ir.VectorType) else 0
    element = kind.element if count else kind
    bits = 64 if isinstance(element, ir.DoubleType) else 32
    fma = cgutils.get_or_insert_function(
        builder.module,
        ir.FunctionType(kind, [kind] * 3),
        f"llvm.fma.v{count}f{bits}" if count else f"llvm.fma.f{bits}",
    )
    for coefficient, value in zip(coefficients, values, strict=True):
        if coefficient == 0:
            continue
        exact = (
            float(np.float32(coefficient)) if bits == 32 else coefficient
        )  # LLVM refuses to round a constant
        factor = ir.Constant(kind, [exact] * count if count else exact)
        if total is None:
            total = value if coefficient == 1 else builder.fmul(factor, value)
        elif coefficient == 1:
            total = builder.fadd(total, value)
        else:
            total = builder.call(fma, [factor, value, total])
    return total
