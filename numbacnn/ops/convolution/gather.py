"""A rectangle of a picture and its padding, copied to where a product or a transform reads it."""

# Numba calls intrinsics with its own builder objects, which have no types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..compilation import jit
from ..product import columns_of_panel
from ..vectors import copy


@intrinsic
def copy_panel(typingctx, target, target_at, source, source_at):
    """As many numbers as fill 64 bytes, of flat arrays: one vector where a loop of its own would be called for each cell."""
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


@jit
def gather(target: Any, x: Any, volume: Any, n: Any, top: Any, left: Any, rows: Any, columns: Any) -> None:
    """Target (rows, columns, C) = picture n of x from (top, left), zeros beyond its border; both flat, volume (H, W, C)."""
    height, width, channels = volume
    begin, end = max(0, -left), max(0, min(columns, width - left))
    for i in range(rows):
        line = target[i * columns * channels : (i + 1) * columns * channels]
        if 0 <= top + i < height and begin < end:
            source = ((n * height + top + i) * width + left) * channels
            line[: begin * channels] = 0
            copy(
                line[begin * channels : end * channels],
                x[source + begin * channels : source + end * channels],
            )
            line[end * channels :] = 0
        else:
            line[:] = 0


@jit
def gather_share(target: Any, x: Any, volume: Any, corner: Any, extent: Any, first: Any, taken: Any) -> None:
    """`gather` of channels first .. first+taken alone, whole panels; corner (n, top, left), extent (rows, columns)."""
    height, width, channels = volume
    n, top, left = corner
    lanes = 64 // x.itemsize
    begin, end = max(0, -left), max(0, min(extent[1], width - left))
    for i in range(extent[0]):
        line = i * extent[1] * taken
        if not 0 <= top + i < height or begin >= end:
            target[line : line + extent[1] * taken] = 0
            continue
        target[line : line + begin * taken] = 0
        target[line + end * taken : line + extent[1] * taken] = 0
        source = ((n * height + top + i) * width + left) * channels + first
        for j in range(begin, end):
            for c in range(0, taken, lanes):
                copy_panel(target, line + j * taken + c, x, source + j * channels + c)
