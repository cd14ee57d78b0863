"""A register tile of neighbouring pixels times some filters, without edges: for thin layers, whose sums have few terms.

Its outputs go to a buffer whose rows have room for whole vectors, and beyond the last pixel for a whole tile. So nothing is asked
of each tile, and a store with a mask, which takes AMD's processors twelve cycles, is not needed. Every sum is added
in the order of `product.multiply_tile`, from its bias on.
"""

# Numba calls these functions with its own builder objects, which have no types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..product import PANELS, ROWS, columns_of_panel, splat
from ..product.tile import hidden, integer, loop, rectified

PIXELS = 14
"""Pixels of the highest tile: with a vector of filters and a pixel's number their sums fill the registers of AVX2."""
LINES = (12, 14)
"""Pixels of a tile of `multiply_line`."""


def pixels_of(lanes: int, itemsize: int) -> int:
    """Pixels of a tile of `multiply_pixels` with `lanes` filters, a whole panel or half of one."""
    return ROWS if lanes == columns_of_panel(itemsize) and PANELS == 1 else LINES[0]


class _Operands(NamedTuple):
    """What a tile is computed from, as LLVM values."""

    number: Any
    alignment: int
    target: Any
    row: Any
    source: Any
    stretches: Any
    """(the table, its length)."""
    stretch: Any
    panel: Any
    bias: Any
    filters: Any
    slope: Any


def _operands(context, builder, signature, arguments):
    """Of (c, c_at, c_row, a, a_at, stretches, stretch, b, b_at, bias, bias_at, filters, slope, …)."""
    dtype = signature.args[0].dtype

    def array(place):
        return context.make_array(signature.args[place])(context, builder, arguments[place])

    def at(place):
        return builder.gep(array(place).data, [arguments[place + 1]])

    table = array(5)
    return _Operands(
        number=context.get_value_type(dtype),
        alignment=dtype.bitwidth // 8,
        target=at(0),
        row=arguments[2],
        source=at(3),
        stretches=(table.data, builder.extract_value(table.shape, 0)),
        stretch=arguments[6],
        panel=at(7),
        bias=at(9),
        filters=arguments[11],
        slope=context.cast(builder, arguments[12], signature.args[12], dtype),
    )


def _emit(builder, operands, lanes, height, places):
    """The tile of `lanes` filters. `places`, given where a stretch begins in a patch, gives a function of the step, which gives
    every pixel's place.
    """
    width, bits = columns_of_panel(operands.alignment), operands.alignment * 8
    vector, flag = ir.VectorType(operands.number, lanes), ir.IntType(32)
    pointer, mask_type = vector.as_pointer(), ir.VectorType(ir.IntType(1), lanes)

    def function(name, kinds):
        kind = ir.FunctionType(vector, kinds)
        return cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v{lanes}f{bits}")

    fma = function("fma", [vector] * 3)
    load = function("masked.load", [pointer, flag, mask_type, vector])
    zeros = ir.Constant(vector, [0.0] * lanes)
    numbered = ir.Constant(ir.VectorType(cgutils.intp_t, lanes), list(range(lanes)))
    mask = builder.icmp_signed("<", numbered, splat(builder, operands.filters, lanes))
    bias = builder.bitcast(operands.bias, pointer)
    first = builder.call(load, [bias, ir.Constant(flag, operands.alignment), mask, zeros])
    table, count = operands.stretches

    def over_stretch(o, sums):
        patches = places(builder.load(builder.gep(table, [o])))
        begin = builder.mul(builder.mul(o, operands.stretch), integer(width))
        panel = builder.gep(operands.panel, [begin])

        def step(k, sums):
            column = builder.gep(panel, [builder.mul(k, integer(width))])
            weights = builder.load(builder.bitcast(column, pointer), align=operands.alignment)
            values = [splat(builder, builder.load(place), lanes) for place in patches(k)]
            return [
                builder.call(fma, [value, weights, total]) for value, total in zip(values, sums, strict=True)
            ]

        return loop(builder, operands.stretch, sums, step)

    totals = loop(builder, count, [first] * height, over_stretch)
    slope, line = splat(builder, operands.slope, lanes), operands.target
    for total in totals:
        builder.store(
            rectified(builder, total, slope), builder.bitcast(line, pointer), align=operands.alignment
        )
        line = builder.gep(line, [operands.row])


@intrinsic
def multiply_pixels(
    typingctx,
    c,
    c_at,
    c_row,
    a,
    a_at,
    stretches,
    stretch,
    b,
    b_at,
    bias,
    bias_at,
    filters,
    slope,
    pixels,
    pixel,
):
    """C (pixels, lanes) = f(bias + A B), f(v) = v above 0, else slope * v; all arrays are flat.

    Step k of stretch o of pixel i lies in A at a_at + pixels[pixel + i] + stretches[o] + k, k < stretch. B is a panel. Half
    a panel is computed where `filters` is no more than that, else a whole one; the bias has `filters` numbers.
    """
    signature = types.void(
        c,
        c_at,
        c_row,
        a,
        a_at,
        stretches,
        stretch,
        b,
        b_at,
        bias,
        bias_at,
        filters,
        slope,
        pixels,
        pixel,
    )

    def generate(context, builder, signature, arguments):
        operands = _operands(context, builder, signature, arguments)
        table = context.make_array(signature.args[13])(context, builder, arguments[13])
        width = columns_of_panel(operands.alignment)

        def tile(lanes):
            begin = builder.gep(table.data, [arguments[14]])
            starts = [
                builder.gep(operands.source, [builder.load(builder.gep(begin, [integer(i)]))])
                for i in range(pixels_of(lanes, operands.alignment))
            ]

            def places(shift):
                patches = [builder.gep(start, [shift]) for start in starts]
                return lambda k: [builder.gep(patch, [k]) for patch in patches]

            _emit(builder, operands, lanes, len(starts), places)

        few = builder.icmp_signed("<=", operands.filters, integer(width // 2))
        with builder.if_else(few) as (half, whole):
            with half:
                tile(width // 2)
            with whole:
                tile(width)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def multiply_line(
    typingctx, c, c_at, c_row, a, a_at, stretches, stretch, b, b_at, bias, bias_at, filters, slope, height
):
    """`multiply_pixels` for up to half a panel of filters and `height` pixels, one of LINES, each an element after the one before
    it, as in pictures of one channel: one address is enough for all of them, where twelve are more than there are registers.
    """
    signature = types.void(
        c, c_at, c_row, a, a_at, stretches, stretch, b, b_at, bias, bias_at, filters, slope, height
    )

    def generate(context, builder, signature, arguments):
        operands = _operands(context, builder, signature, arguments)

        def tile(pixels):
            def places(shift):
                patch = builder.gep(operands.source, [shift])

                def at(k):
                    # What a step reads is, but for one number, what the step before it read, and LLVM would keep all of it in
                    # registers that the sums need.
                    first = hidden(builder, builder.gep(patch, [k]))
                    return [builder.gep(first, [integer(i)]) for i in range(pixels)]

                return at

            _emit(builder, operands, columns_of_panel(operands.alignment) // 2, pixels, places)

        low = builder.icmp_signed("==", arguments[13], integer(LINES[0]))
        with builder.if_else(low) as (few, many):
            with few:
                tile(LINES[0])
            with many:
                tile(LINES[1])
        return context.get_dummy_value()

    return signature, generate
