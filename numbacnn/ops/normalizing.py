"""Batch normalisation of vectors of channels, in LLVM (ops.lanes): what its passes over memory do to a vector of x.

Element i of the flat arrays is of channel c of what each channel has. With a rectifier, f(v) = v above 0, else slope v, the
gradient of its output passes where the number v that it was given is above 0; v is computed again from x, in the order of
operations of the forward pass, so that both passes agree about its sign. A slope of 1 is no rectifier.
"""

# Numba calls these functions with its own builder objects, which have no types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"

from __future__ import annotations

from numba import types
from numba.extending import intrinsic

from .lanes import whole_or_part


@intrinsic
def spread(typingctx, sums, squares, x, about, i, c, count):
    """sums_c += x_i - about_c and squares_c += (x_i - about_c)^2."""

    def emit(builder, arguments, lanes):
        i, c = arguments[4:6]
        apart = builder.fsub(lanes.load(2, i, lanes.number), lanes.load(3, c, lanes.number))
        _add(builder, lanes, 0, c, apart)
        _add(builder, lanes, 1, c, builder.fmul(apart, apart))

    return types.void(sums, squares, x, about, i, c, count), whole_or_part(emit)


@intrinsic
def normal(typingctx, y, x, mean, inverse, scale, shift, slope, i, c, count):
    """y_i = f((x_i - mean_c) (inverse_c scale_c) + shift_c)."""

    def emit(builder, arguments, lanes):
        slope, i, c = arguments[6:9]
        value = _normal(builder, lanes, i, c, 1)
        lanes.store(_passed(builder, lanes, value, value, lanes.cast(slope, 6)), 0, i)

    return types.void(y, x, mean, inverse, scale, shift, slope, i, c, count), whole_or_part(emit)


@intrinsic
def normal_sum(typingctx, y, x, other, mean, inverse, scale, shift, slope, i, c, count):
    """y_i = f((x_i - mean_c) (inverse_c scale_c) + shift_c + other_i)."""

    def emit(builder, arguments, lanes):
        slope, i, c = arguments[7:10]
        value = builder.fadd(_normal(builder, lanes, i, c, 1, 3), lanes.load(2, i, lanes.number))
        lanes.store(_passed(builder, lanes, value, value, lanes.cast(slope, 7)), 0, i)

    return types.void(y, x, other, mean, inverse, scale, shift, slope, i, c, count), whole_or_part(emit)


@intrinsic
def weigh(typingctx, scaled, plain, d_y, x, mean, inverse, scale, shift, slope, i, c, count):
    """scaled_c += d_i (x_i - mean_c) and plain_c += d_i, where d_i = d_y_i where v_i is above 0, else slope d_y_i, and
    v_i = (x_i - mean_c) (inverse_c scale_c) + shift_c.
    """

    def emit(builder, arguments, lanes):
        slope, i, c = arguments[8:11]
        value, signal = _normal(builder, lanes, i, c, 3), lanes.load(2, i, lanes.number)
        signal = _passed(builder, lanes, value, signal, lanes.cast(slope, 8))
        centred = builder.fsub(lanes.load(3, i, lanes.number), lanes.load(4, c, lanes.number))
        _add(builder, lanes, 0, c, builder.fmul(signal, centred))
        _add(builder, lanes, 1, c, signal)

    signature = types.void(scaled, plain, d_y, x, mean, inverse, scale, shift, slope, i, c, count)
    return signature, whole_or_part(emit)


@intrinsic
def weigh_joined(typingctx, scaled, plain, d, added, y, x, mean, slope, i, c, count):
    """d_i = d_i + added_i where y_i is above 0, else slope (d_i + added_i); scaled_c += d_i (x_i - mean_c) and plain_c += d_i."""

    def emit(builder, arguments, lanes):
        slope, i, c = arguments[7:10]
        signal = builder.fadd(lanes.load(2, i, lanes.number), lanes.load(3, i, lanes.number))
        value = lanes.load(4, i, lanes.number)
        signal = _passed(builder, lanes, value, signal, lanes.cast(slope, 7))
        lanes.store(signal, 2, i)
        centred = builder.fsub(lanes.load(5, i, lanes.number), lanes.load(6, c, lanes.number))
        _add(builder, lanes, 0, c, builder.fmul(signal, centred))
        _add(builder, lanes, 1, c, signal)

    return types.void(scaled, plain, d, added, y, x, mean, slope, i, c, count), whole_or_part(emit)


@intrinsic
def back(
    typingctx, d_x, d_y, x, mean, inverse, scale, shift, d_scale, d_shift, share, slope, i, c, count
):  # fmt: skip
    """d_x_i = scale_c inverse_c (d_i - share (d_shift_c + (x_i - mean_c) inverse_c d_scale_c)), with the d_i of `weigh`."""

    def emit(builder, arguments, lanes):
        share, slope, i, c = arguments[9:13]
        value, signal = _normal(builder, lanes, i, c, 2), lanes.load(1, i, lanes.number)
        signal = _passed(builder, lanes, value, signal, lanes.cast(slope, 10))
        inverse = lanes.load(4, c, lanes.number)
        centred = builder.fsub(lanes.load(2, i, lanes.number), lanes.load(3, c, lanes.number))
        scaled = builder.fmul(builder.fmul(centred, inverse), lanes.load(7, c, lanes.number))
        mean = builder.fmul(lanes.splat(share), builder.fadd(lanes.load(8, c, lanes.number), scaled))
        factor = builder.fmul(lanes.load(5, c, lanes.number), inverse)
        lanes.store(builder.fmul(factor, builder.fsub(signal, mean)), 0, i)

    signature = types.void(
        d_x, d_y, x, mean, inverse, scale, shift, d_scale, d_shift, share, slope, i, c, count
    )
    return signature, whole_or_part(emit)


def _normal(builder, lanes, i, c, x, mean=None):
    """(x_i - mean_c) (inverse_c scale_c) + shift_c; `x` is the place of that argument, `mean` (where it does not follow x)
    of that one, which inverse, scale and shift follow.
    """
    mean = x + 1 if mean is None else mean
    inverse, scale, shift = (lanes.load(mean + place, c, lanes.number) for place in (1, 2, 3))
    centred = builder.fsub(lanes.load(x, i, lanes.number), lanes.load(mean, c, lanes.number))
    return builder.fadd(builder.fmul(centred, builder.fmul(inverse, scale)), shift)


def _passed(builder, lanes, value, signal, slope):
    """The signal where the value is above 0, else slope times it."""
    above = builder.fcmp_ordered(">", value, lanes.zeros(lanes.number))
    return builder.select(above, signal, builder.fmul(lanes.splat(slope), signal))


def _add(builder, lanes, argument, c, value):
    """Adds a vector to the array that is this argument, from element c on."""
    lanes.store(builder.fadd(lanes.load(argument, c, lanes.number), value), argument, c)
