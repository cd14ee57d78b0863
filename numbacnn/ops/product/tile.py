"""A register tile: ROWS rows of A times PANELS panels of B, as LLVM vector arithmetic.

Numba's own loops would reload the sums from memory; here they stay in registers, one fused multiply-add a
row and step of the inner dimension (Goto and van de Geijn, 2008, "Anatomy of high-performance matrix
multiplication"; the tile's shape follows Van Zee and van de Geijn, 2015, "BLIS"). Where a row of A and where a
stretch of its columns begin is read from two small tables, so that the patches of an image are rows of A without
being copied together first (Dukhan, 2019, "The Indirect Convolution Algorithm").
"""

# Numba calls these functions with its own builder objects, which have no types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"

from __future__ import annotations

from typing import Any, NamedTuple

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_WIDE = llvmlite.binding.get_host_cpu_features().get("avx512f")
ROWS = 12 if _WIDE else 6
PANELS = 2 if _WIDE else 1
"""Panels of a tile. Its sums fill 12 of AVX2's 16 registers or 24 of AVX-512's 32: every number of A that is loaded is
used in two multiply-adds, as the processor loads no more numbers than it multiplies and adds vectors."""
_PANEL_BYTES = 64
_INDEX = cgutils.intp_t
_INT = ir.IntType(32)


def columns_of_panel(itemsize: int) -> int:
    """Columns of a panel: 16 of float32, 8 of float64."""
    return _PANEL_BYTES // itemsize


def columns_of_tile(itemsize: int) -> int:
    """Columns of a tile's panels."""
    return PANELS * columns_of_panel(itemsize)


class _Operands(NamedTuple):
    """What a tile is computed from, as LLVM values."""

    c: Any
    c_row: Any
    a: Any
    row_table: Any
    row_distance: Any
    """Of A's rows, where there is no table; None: one element."""
    stretch_table: Any
    stretches: Any
    a_step: Any
    b: Any
    b_row: Any
    b_panel: Any
    depth: Any
    rows: Any
    columns: Any
    add: Any
    branches: bool
    """Whether `add` is a branch."""
    start: Any
    slope: Any
    number: Any
    width: int
    """Columns of a whole panel."""


@intrinsic
def multiply_tile(
    typingctx,
    c,
    c_at,
    c_row,
    a,
    a_at,
    row_table,
    row_at,
    stretch_table,
    stretches,
    a_step,
    b,
    b_at,
    b_row,
    b_panel,
    depth,
    rows,
    columns,
    add,
    start,
    start_at,
    slope,
):
    """C (rows, columns) = f(start + A (rows, stretches * depth) B), or f(C + A B) if `add`.

    `add` as a truth is a mask of what is read of C, as a whole number a branch: it does not wait for memory that it does not add
    to, and was measured slower where it adds to what lies in caches.
    f(v) = v above 0, else slope * v: 0 is a rectifier, 1 changes nothing. a, b, c and start (one number a column) are
    flat arrays; *_at is where a matrix starts in its array. A's element of row i, stretch o and step k lies at
    a_at + row_table[row_at + i] + stretch_table[o] + k * a_step. A whole number as a row table means rows so far apart.
    None means rows one element apart, which needs one address where a table needs ROWS of them; ROWS elements are then
    read whatever `rows` is. B's row of stretch o and step k lies at b_at + (o * depth + k) * b_row, that of the next panel
    b_panel further, and a whole vector of it is read (half a panel, if the columns fit in that). rows <= ROWS,
    columns <= PANELS panels; what is beyond them in C is left alone.
    """
    signature = types.void(
        c,
        c_at,
        c_row,
        a,
        a_at,
        row_table,
        row_at,
        stretch_table,
        stretches,
        a_step,
        b,
        b_at,
        b_row,
        b_panel,
        depth,
        rows,
        columns,
        add,
        start,
        start_at,
        slope,
    )

    def generate(context, builder, signature, arguments):
        def at(place, offset):
            array = context.make_array(signature.args[place])(context, builder, arguments[place])
            return builder.gep(array.data, [offset])

        table = isinstance(signature.args[5], types.Array)
        contiguous = isinstance(signature.args[5], types.NoneType)
        dtype = signature.args[0].dtype
        operands = _Operands(
            c=at(0, arguments[1]),
            c_row=arguments[2],
            a=at(3, arguments[4]),
            row_table=at(5, arguments[6]) if table else None,
            row_distance=None if table or contiguous else arguments[5],
            stretch_table=at(7, integer(0)),
            stretches=arguments[8],
            a_step=arguments[9],
            b=at(10, arguments[11]),
            b_row=arguments[12],
            b_panel=arguments[13],
            depth=arguments[14],
            rows=arguments[15],
            columns=arguments[16],
            add=context.cast(builder, arguments[17], signature.args[17], types.boolean),
            branches=not isinstance(signature.args[17], types.Boolean),
            start=at(18, arguments[19]),
            slope=context.cast(builder, arguments[20], signature.args[20], dtype),
            number=context.get_value_type(dtype),
            width=columns_of_panel(dtype.bitwidth // 8),
        )
        _emit_widths(builder, operands, PANELS)
        return context.get_dummy_value()

    return signature, generate


def integer(value):
    """A constant index, as LLVM has it."""
    return ir.Constant(_INDEX, value)


def splat(builder, value, lanes):
    """A vector of one value, as LLVM builds it."""
    kind = ir.VectorType(value.type, lanes)
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(_INT, 0))
    zeros = ir.Constant(ir.VectorType(_INT, lanes), [0] * lanes)
    return builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), zeros)


def rectified(builder, value, slope):
    """A vector where it is above 0, else slope (a vector) times it."""
    above = builder.fcmp_ordered(">", value, ir.Constant(value.type, [0.0] * value.type.count))
    return builder.select(above, value, builder.fmul(slope, value))


def wins(builder, value, best):
    """Where a vector takes the place of the largest so far: the first of several equal numbers stays, a NaN wins over every number, so
    that a diverged run is visible.
    """
    is_nan = builder.fcmp_unordered("uno", value, value)
    return builder.or_(builder.fcmp_ordered(">", value, best), is_nan)


def hidden(builder, value):
    """The same value, but LLVM does not know what it is, and orders nothing by it."""
    return builder.asm(ir.FunctionType(value.type, [value.type]), "", "=r,0", [value], False)


def loop(builder, count, carried, make_body):
    """for index in range(count): carried = make_body(index, carried). Returns what is carried at the end."""
    before = builder.block
    head, body, done = (builder.append_basic_block(f"tile.{part}") for part in ("head", "body", "done"))
    builder.branch(head)
    builder.position_at_end(head)
    index = builder.phi(_INDEX)
    index.add_incoming(integer(0), before)
    phis = [builder.phi(value.type) for value in carried]
    for phi, value in zip(phis, carried, strict=True):
        phi.add_incoming(value, before)
    builder.cbranch(builder.icmp_signed("<", index, count), body, done)
    builder.position_at_end(body)
    results = make_body(index, phis)
    last = builder.block
    for phi, value in zip(phis, results, strict=True):
        phi.add_incoming(value, last)
    index.add_incoming(builder.add(index, integer(1)), last)
    builder.branch(head)
    builder.position_at_end(done)
    return phis


def either(builder, condition, make, others):
    """What `make` gives if the condition holds, else the others."""
    before = builder.block
    with builder.if_then(condition):
        made, after = make(), builder.block
    chosen = [builder.phi(other.type) for other in others]
    for phi, value, other in zip(chosen, made, others, strict=True):
        phi.add_incoming(value, after)
        phi.add_incoming(other, before)
    return chosen


def _emit_widths(builder, operands, panels):
    """The tile of the fewest vectors that hold the columns: few filters would waste most of a whole panel."""
    if not panels:
        _emit_heights(builder, operands, 1, operands.width // 2)
        return
    most = (panels - 1) * operands.width or operands.width // 2
    fewer = builder.icmp_signed("<=", operands.columns, integer(most))
    with builder.if_else(fewer) as (narrow, wide):
        with narrow:
            _emit_widths(builder, operands, panels - 1)
        with wide:
            _emit_heights(builder, operands, panels, operands.width)


def _emit_heights(builder, operands, panels, lanes):
    """A matrix's last rows would waste most of a whole tile."""
    low = builder.icmp_signed("<=", operands.rows, integer(ROWS // 2))
    with builder.if_else(low) as (low_tile, high_tile):
        with low_tile:
            _emit(builder, operands, ROWS // 2, panels, lanes)
        with high_tile:
            _emit(builder, operands, ROWS, panels, lanes)


def _emit(builder, operands, height, panels, lanes):
    """The tile of `height` rows and `panels` vectors of `lanes` columns."""
    vector = ir.VectorType(operands.number, lanes)
    pointer, mask_type = vector.as_pointer(), ir.VectorType(ir.IntType(1), lanes)
    bits = 64 if isinstance(operands.number, ir.DoubleType) else 32
    alignment = ir.Constant(_INT, bits // 8)

    def function(name, result, parameters):
        kind = ir.FunctionType(result, parameters)
        return cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v{lanes}f{bits}")

    fma = function("fma", vector, [vector] * 3)
    load = function("masked.load", vector, [pointer, _INT, mask_type, vector])
    store = function("masked.store", ir.VoidType(), [vector, pointer, _INT, mask_type])

    # Rows beyond the last read the last again: no branch in the loop, nothing read out of bounds.
    last = builder.sub(operands.rows, integer(1))
    places = [
        builder.select(builder.icmp_signed("<", integer(row), operands.rows), integer(row), last)
        for row in range(height)
    ]
    lines = [builder.gep(operands.c, [builder.mul(place, operands.c_row)]) for place in places]
    targets = [
        [builder.bitcast(builder.gep(line, [integer(panel * lanes)]), pointer) for panel in range(panels)]
        for line in lines
    ]
    starts = [operands.a]
    if operands.row_table is not None:
        offsets = [builder.load(builder.gep(operands.row_table, [place])) for place in places]
        starts = [builder.gep(operands.a, [offset]) for offset in offsets]
    elif operands.row_distance is not None:
        starts = [builder.gep(operands.a, [builder.mul(place, operands.row_distance)]) for place in places]
    zero = ir.Constant(vector, [0.0] * lanes)
    masks, first_sums = [], []
    for panel in range(panels):
        numbered = ir.Constant(ir.VectorType(_INDEX, lanes), list(range(panel * lanes, (panel + 1) * lanes)))
        mask = builder.icmp_signed("<", numbered, splat(builder, operands.columns, lanes))
        begin = builder.bitcast(builder.gep(operands.start, [integer(panel * lanes)]), pointer)
        masks.append(mask)
        first_sums.append(builder.call(load, [begin, alignment, mask, zero]))
    begins = first_sums * height

    def added(masks):
        pairs = [(target, mask) for line in targets for target, mask in zip(line, masks, strict=True)]
        return [
            builder.call(load, [target, alignment, mask, begin])
            for (target, mask), begin in zip(pairs, begins, strict=True)
        ]

    if operands.branches:
        sums = either(builder, operands.add, lambda: added(masks), begins)
    else:
        add = splat(builder, operands.add, lanes)
        sums = added([builder.and_(mask, add) for mask in masks])

    def stretch(number, carried):
        shift = builder.load(builder.gep(operands.stretch_table, [number]))
        first = builder.mul(builder.mul(number, operands.depth), operands.b_row)
        panel_starts = [
            builder.gep(operands.b, [builder.add(first, builder.mul(operands.b_panel, integer(panel)))])
            for panel in range(panels)
        ]
        shifted = [builder.gep(start, [shift]) for start in starts]

        def step(k, running):
            row = builder.mul(k, operands.b_row)
            columns = [
                builder.load(builder.bitcast(builder.gep(begin, [row]), pointer), align=bits // 8)
                for begin in panel_starts
            ]
            offset = builder.mul(k, operands.a_step)
            sources = [builder.gep(start, [offset]) for start in shifted]
            if len(sources) == 1:
                sources = [builder.gep(sources[0], [integer(row)]) for row in range(height)]
            values = [splat(builder, builder.load(source), lanes) for source in sources]
            factors = [(value, column) for value in values for column in columns]
            return [builder.call(fma, [*pair, total]) for pair, total in zip(factors, running, strict=True)]

        return loop(builder, operands.depth, carried, step)

    totals = loop(builder, operands.stretches, sums, stretch)
    slope = splat(builder, operands.slope, lanes)
    finished = [rectified(builder, total, slope) for total in totals]

    def store_rows(store_vector):
        for row, line in enumerate(targets):
            with builder.if_then(builder.icmp_signed("<", integer(row), operands.rows), likely=True):
                for target, value, mask in zip(line, finished[row * panels :], masks, strict=False):
                    store_vector(value, target, mask)

    # AMD's processors take twelve cycles for a store of AVX2 with a mask, and one without.
    whole = builder.icmp_signed(">=", operands.columns, integer(panels * lanes))
    with builder.if_else(whole, likely=True) as (whole_vectors, part):
        with whole_vectors:
            store_rows(lambda value, target, _: builder.store(value, target, align=bits // 8))
        with part:
            store_rows(lambda value, target, mask: builder.call(store, [value, target, alignment, mask]))
