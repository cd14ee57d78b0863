"""A register tile: ROWS rows of A times a panel of B, one vector of columns wide, as LLVM vector arithmetic.

Numba's own loops would reload the sums from memory; here they stay in registers, one fused multiply-add a
row and step of the inner dimension (Goto and van de Geijn, 2008, "Anatomy of high-performance matrix
multiplication"; the tile's shape follows Van Zee and van de Geijn, 2015, "BLIS"). Where a row of A and where a
stretch of its columns begin is read from two small tables, so that the patches of an image are rows of A without
being copied together first (Dukhan, 2019, "The Indirect Convolution Algorithm").
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
def multiply_tile(  # type: ignore[no-untyped-def]
    typingctx, c, c_at, c_row, a, a_at, row_table, row_at, stretch_table, stretches, a_step, b, b_at, depth, rows, columns, add
):
    """C (rows, columns) = A (rows, stretches * depth) B, added to what C holds if `add`.

    a, b, c are flat arrays; *_at is where a matrix starts in its array. A's element of row i, stretch o and
    step k lies at a_at + row_table[row_at + i] + stretch_table[o] + k * a_step. A row table of None means rows one
    element apart, which needs one address where a table needs ROWS of them; ROWS elements are then read whatever
    `rows` is. B is packed: one panel's columns for each step, one after the other. rows <= ROWS, columns <= one
    panel; what is beyond them in C is left alone.
    """
    signature = types.void(
        c, c_at, c_row, a, a_at, row_table, row_at, stretch_table, stretches, a_step, b, b_at, depth, rows, columns, add
    )

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

        def data(place):  # type: ignore[no-untyped-def]
            return context.make_array(signature.args[place])(context, builder, arguments[place]).data

        def splat(value, kind):  # type: ignore[no-untyped-def]
            one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
            zeros = ir.Constant(ir.VectorType(ir.IntType(32), width), [0] * width)
            return builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), zeros)

        c_start = builder.gep(data(0), [arguments[1]])
        a_start = builder.gep(data(3), [arguments[4]])
        contiguous = isinstance(signature.args[5], types.NoneType)
        row_table = None if contiguous else builder.gep(data(5), [arguments[6]])
        stretch_table = data(7)
        b_start = builder.gep(data(10), [arguments[11]])
        c_row, stretches, a_step = arguments[2], arguments[8], arguments[9]
        depth, rows, columns, add = arguments[12:16]
        lanes = ir.Constant(ir.VectorType(index, width), list(range(width)))
        mask = builder.icmp_signed("<", lanes, splat(columns, ir.VectorType(index, width)))
        zero = ir.Constant(vector, [0.0] * width)
        # Rows beyond the last read the last again: no branch in the loop, nothing read out of bounds.
        last = builder.sub(rows, integer(1))
        sources, targets = [], []
        for row in range(ROWS):
            within = builder.icmp_signed("<", integer(row), rows)
            place = builder.select(within, integer(row), last)
            if row_table is not None:
                sources.append(builder.gep(a_start, [builder.load(builder.gep(row_table, [place]))]))
            target = builder.gep(c_start, [builder.mul(place, c_row)])
            targets.append(builder.bitcast(target, vector.as_pointer()))
        adding = builder.and_(mask, splat(context.cast(builder, add, signature.args[15], types.boolean), mask_type))
        sums = [builder.call(load, [target, alignment, adding, zero]) for target in targets]

        def loop(name, count, carried, make_body):  # type: ignore[no-untyped-def]
            """for index in range(count): carried = make_body(index, carried); returns what is carried at the end."""
            before = builder.block
            head, body, done = (builder.append_basic_block(f"{name}.{part}") for part in ("head", "body", "done"))
            builder.branch(head)
            builder.position_at_end(head)
            position = builder.phi(index)
            position.add_incoming(integer(0), before)
            phis = [builder.phi(value.type) for value in carried]
            for phi, value in zip(phis, carried, strict=True):
                phi.add_incoming(value, before)
            builder.cbranch(builder.icmp_signed("<", position, count), body, done)
            builder.position_at_end(body)
            results = make_body(position, phis)
            last = builder.block
            for phi, value in zip(phis, results, strict=True):
                phi.add_incoming(value, last)
            position.add_incoming(builder.add(position, integer(1)), last)
            builder.branch(head)
            builder.position_at_end(done)
            return phis

        def stretch(number, carried):  # type: ignore[no-untyped-def]
            shift = builder.load(builder.gep(stretch_table, [number]))
            panel_start = builder.gep(b_start, [builder.mul(builder.mul(number, depth), integer(width))])
            starts = [builder.gep(source, [shift]) for source in (sources or [a_start])]

            def step(k, running):  # type: ignore[no-untyped-def]
                here = builder.gep(panel_start, [builder.mul(k, integer(width))])
                panel = builder.load(builder.bitcast(here, vector.as_pointer()), align=bits // 8)
                offset = builder.mul(k, a_step)
                if contiguous:
                    here = builder.gep(starts[0], [offset])
                    places = [builder.gep(here, [integer(row)]) for row in range(ROWS)]
                else:
                    places = [builder.gep(start, [offset]) for start in starts]
                values = [builder.load(place) for place in places]
                return [
                    builder.call(fma, [splat(value, vector), panel, total])
                    for value, total in zip(values, running, strict=True)
                ]

            return loop("step", depth, carried, step)

        running = loop("stretch", stretches, sums, stretch)
        for row, (target, total) in enumerate(zip(targets, running, strict=True)):
            with builder.if_then(builder.icmp_signed("<", integer(row), rows), likely=True):
                builder.call(store, [total, target, alignment, mask])
        return context.get_dummy_value()

    return signature, generate
