"""Copies vectors as wide as a panel, and transposes matrices in squares of such vectors, in registers."""

# Numba calls these functions with its own builder objects, which have no types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..compilation import jit
from .tile import columns_of_panel


@intrinsic
def copy_panel(typingctx, target, target_at, source, source_at):
    """Copies 64 bytes of numbers between flat arrays, as one vector; a loop would be a function call for each cell."""
    signature = types.void(target, target_at, source, source_at)

    def generate(context, builder, signature, arguments):
        alignment = signature.args[0].dtype.bitwidth // 8
        number = context.get_value_type(signature.args[0].dtype)
        vector = ir.VectorType(number, columns_of_panel(alignment)).as_pointer()

        def place(argument):
            array = context.make_array(signature.args[argument])(context, builder, arguments[argument])
            return builder.bitcast(builder.gep(array.data, [arguments[argument + 1]]), vector)

        builder.store(builder.load(place(2), align=alignment), place(0), align=alignment)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def prefetch(typingctx, array, at):
    """Prefetches the cache line of an element of a flat array; beyond the array's end nothing happens."""
    signature = types.void(array, at)

    def generate(context, builder, signature, arguments):
        byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        place = builder.bitcast(builder.gep(data, [arguments[1]]), byte)
        builder.call(function, [place, flag(0), flag(3), flag(1)])
        return context.get_dummy_value()

    return signature, generate


def turned(builder, lines):
    """Returns the columns of a square whose rows are `lines`, as LLVM vectors."""
    width, lines = len(lines), list(lines)
    kind = ir.VectorType(ir.IntType(32), width)
    apart = 1
    while apart < width:  # squares of this size change places with the one across the diagonal
        upper = [lane if not lane & apart else width + lane - apart for lane in range(width)]
        lower = [lane + apart if not lane & apart else width + lane for lane in range(width)]
        for i in range(width):
            if not i & apart:
                pair = lines[i], lines[i + apart]
                lines[i], lines[i + apart] = (
                    builder.shuffle_vector(*pair, ir.Constant(kind, mask)) for mask in (upper, lower)
                )
        apart *= 2
    return lines


@intrinsic
def _transpose_square(typingctx, target, target_at, target_row, source, source_at, source_row):
    """Transposes a square as wide as a panel, of flat arrays."""
    signature = types.void(target, target_at, target_row, source, source_at, source_row)

    def generate(context, builder, signature, arguments):
        dtype = signature.args[0].dtype
        alignment = dtype.bitwidth // 8
        width = columns_of_panel(alignment)
        vector = ir.VectorType(context.get_value_type(dtype), width)

        def rows(place):
            array = context.make_array(signature.args[place])(context, builder, arguments[place])
            start = builder.gep(array.data, [arguments[place + 1]])
            offsets = [
                builder.mul(arguments[place + 2], ir.Constant(cgutils.intp_t, i)) for i in range(width)
            ]
            return [builder.bitcast(builder.gep(start, [o]), vector.as_pointer()) for o in offsets]

        lines = turned(builder, [builder.load(row, align=alignment) for row in rows(3)])
        for row, line in zip(rows(0), lines, strict=True):
            builder.store(line, row, align=alignment)
        return context.get_dummy_value()

    return signature, generate


@jit
def transpose(
    target: Any,
    target_at: Any,
    target_row: Any,
    source: Any,
    source_at: Any,
    source_row: Any,
    rows: Any,
    columns: Any,
) -> None:
    """target (columns, rows) = the transposed source (rows, columns), of flat arrays; target_row and source_row are the
    offsets of the next row.
    """
    width = 64 // source.itemsize
    whole_rows, whole_columns = rows // width * width, columns // width * width
    for i in range(0, whole_rows, width):
        for j in range(0, whole_columns, width):
            _transpose_square(
                target,
                target_at + j * target_row + i,
                target_row,
                source,
                source_at + i * source_row + j,
                source_row,
            )
    for i in range(rows):
        for j in range(whole_columns if i < whole_rows else 0, columns):
            target[target_at + j * target_row + i] = source[source_at + i * source_row + j]
