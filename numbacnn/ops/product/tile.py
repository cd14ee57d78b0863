"""A register tile: ROWS rows of A times a panel of B, one vector of columns wide, as LLVM vector arithmetic.

Numba's own loops would reload the sums from memory; here they stay in registers, one fused multiply-add a
row and step of the inner dimension (Goto and van de Geijn, 2008, "Anatomy of high-performance matrix
multiplication"; the tile's shape follows Van Zee and van de Geijn, 2015, "BLIS"). A row of A may lie
anywhere: its elements are broadcast one by one, so a patch of an image can be read in place.
"""

from __future__ import annotations

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_FEATURES = llvmlite.binding.get_host_cpu_features()
_WIDE = bool(_FEATURES.get("avx512f"))
ROWS = 12 if _WIDE else 6
"""Rows of a tile: with 64 bytes of columns its sums fill 12 of the registers of AVX2 (two a row) and of AVX-512."""
_PANEL_BYTES = 64


def columns_of_panel(itemsize: int) -> int:
    """Columns of a panel: 16 of float32, 8 of float64."""
    return _PANEL_BYTES // itemsize


@intrinsic
def multiply_tile(typingctx, c, c_at, c_row, a, a_at, a_row, a_step, b, b_at, b_step, depth, rows, columns, add):  # type: ignore[no-untyped-def]
    """C (rows, columns) = A (rows, depth) B (depth, columns), added to what C holds if `add`.

    a, b, c are flat arrays; *_at is where a matrix starts in them, *_row and *_step how far its next row and
    its next element of the inner dimension are. rows <= ROWS, columns <= one panel; beyond `columns` B is
    read (it is packed, or wide enough) and C left alone.
    """
    signature = types.void(c, c_at, c_row, a, a_at, a_row, a_step, b, b_at, b_step, depth, rows, columns, add)

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        number = context.get_value_type(signature.args[0].dtype)
        bits = signature.args[0].dtype.bitwidth
        width = columns_of_panel(bits // 8)
        vector, index, boolean = ir.VectorType(number, width), cgutils.intp_t, ir.IntType(1)
        suffix = f"v{width}f{bits}"
        module = builder.module
        mask_type = ir.VectorType(boolean, width)
        fma = cgutils.get_or_insert_function(
            module, ir.FunctionType(vector, [vector] * 3), f"llvm.fma.{suffix}"
        )
        load = cgutils.get_or_insert_function(
            module,
            ir.FunctionType(vector, [vector.as_pointer(), ir.IntType(32), mask_type, vector]),
            f"llvm.masked.load.{suffix}.p0",
        )
        store = cgutils.get_or_insert_function(
            module,
            ir.FunctionType(ir.VoidType(), [vector, vector.as_pointer(), ir.IntType(32), mask_type]),
            f"llvm.masked.store.{suffix}.p0",
        )
        alignment = ir.Constant(ir.IntType(32), bits // 8)

        def integer(value):  # type: ignore[no-untyped-def]
            return ir.Constant(index, value)

        def start(place):  # type: ignore[no-untyped-def]
            array = context.make_array(signature.args[place])(context, builder, arguments[place])
            return builder.gep(array.data, [arguments[place + 1]])

        def splat(value, kind):  # type: ignore[no-untyped-def]
            one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
            zeros = ir.Constant(ir.VectorType(ir.IntType(32), width), [0] * width)
            return builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), zeros)

        c_start, a_start, b_start = start(0), start(3), start(7)
        c_row, a_row, a_step, b_step = arguments[2], arguments[5], arguments[6], arguments[9]
        depth, rows, columns, add = arguments[10:14]
        lanes = ir.Constant(ir.VectorType(index, width), list(range(width)))
        mask = builder.icmp_signed("<", lanes, splat(columns, ir.VectorType(index, width)))
        zero = ir.Constant(vector, [0.0] * width)
        # Rows beyond the last read the last again: no branch in the loop, nothing read out of bounds.
        last = builder.sub(rows, integer(1))
        sources, targets = [], []
        for row in range(ROWS):
            within = builder.icmp_signed("<", integer(row), rows)
            place = builder.select(within, integer(row), last)
            sources.append(builder.gep(a_start, [builder.mul(place, a_row)]))
            target = builder.gep(c_start, [builder.mul(place, c_row)])
            targets.append(builder.bitcast(target, vector.as_pointer()))
        adding = builder.and_(mask, splat(context.cast(builder, add, signature.args[13], types.boolean), mask_type))
        sums = [builder.call(load, [target, alignment, adding, zero]) for target in targets]

        before = builder.block
        head = builder.append_basic_block("tile.head")
        body = builder.append_basic_block("tile.body")
        done = builder.append_basic_block("tile.done")
        builder.branch(head)
        builder.position_at_end(head)
        step = builder.phi(index)
        step.add_incoming(integer(0), before)
        running = [builder.phi(vector) for _ in range(ROWS)]
        for phi, first in zip(running, sums, strict=True):
            phi.add_incoming(first, before)
        builder.cbranch(builder.icmp_signed("<", step, depth), body, done)
        builder.position_at_end(body)
        b_here = builder.bitcast(builder.gep(b_start, [builder.mul(step, b_step)]), vector.as_pointer())
        panel = builder.load(b_here, align=bits // 8)
        offset = builder.mul(step, a_step)
        for phi, source in zip(running, sources, strict=True):
            value = splat(builder.load(builder.gep(source, [offset])), vector)
            phi.add_incoming(builder.call(fma, [value, panel, phi]), body)
        step.add_incoming(builder.add(step, integer(1)), body)
        builder.branch(head)
        builder.position_at_end(done)
        for row, (target, total) in enumerate(zip(targets, running, strict=True)):
            with builder.if_then(builder.icmp_signed("<", integer(row), rows), likely=True):
                builder.call(store, [total, target, alignment, mask])
        return context.get_dummy_value()

    return signature, generate
