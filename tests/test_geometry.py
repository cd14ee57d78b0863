"""Windows: (I - F + 2P)/S + 1 and its misfits."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from numbacnn.errors import ShapeError
from numbacnn.ops.geometry import Padding, Window


def same(padding):
    return Padding(padding, padding, padding, padding)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "expected"),
    [
        (7, 3, 1, 0, 5),
        (7, 3, 2, 0, 3),
        (7, 3, 3, 1, 3),
        (32, 5, 1, 0, 28),
        (32, 5, 1, 2, 32),
        (56, 1, 1, 0, 56),
        (227, 11, 4, 0, 55),
        (55, 3, 2, 0, 27),
        (27, 5, 1, 2, 27),
        (27, 3, 2, 0, 13),
        (13, 3, 1, 1, 13),
        (13, 3, 2, 0, 6),
    ],
)
def test_sizes_of_the_lecture(size, kernel, stride, padding, expected):
    window = Window((kernel, kernel), (stride, stride), same(padding))
    assert window.output_size(size, size) == (expected, expected)


def test_height_and_width_are_independent():
    window = Window((3, 2), (2, 1), Padding(1, 0, 0, 2))
    assert window.output_size(8, 5) == (4, 6)
    assert window.formula(8, 5) == "(8 - 3 + 1 + 0)/2 + 1 = 4, (5 - 2 + 0 + 2)/1 + 1 = 6"


def test_formula_shows_its_numbers():
    assert Window((11, 11), (4, 4)).formula(227, 227) == "(227 - 11 + 2*0)/4 + 1 = 55"
    assert Window((3, 3), (2, 2), rounding="ceil").formula(32, 32) == "ceil((32 - 3 + 2*0)/2) + 1 = 16"


@pytest.mark.parametrize(
    ("window", "size", "message"),
    [
        (
            Window((3, 3), (3, 3)),
            (7, 7),
            "3x3 filter at stride 3 does not fit a 7x7 input: (7 - 3 + 2*0)/3 + 1 = 2.33; padding 1 gives 3x3",
        ),
        (
            Window((5, 5), noun="max-pool window"),
            (4, 6),
            "5x5 max-pool window at stride 1 does not fit a 4x6 input: (4 - 5 + 2*0)/1 + 1 = 0; padding 1 gives 2x4",
        ),
        (
            Window((2, 2), (2, 2)),
            (7, 7),
            "2x2 filter at stride 2 does not fit a 7x7 input: (7 - 2 + 2*0)/2 + 1 = 3.5; "
            'no equal padding fits: set rounding to "floor" or "ceil"',
        ),
        (
            Window((3, 3), dilation=(4, 4)),
            (1, 8),
            "3x3 filter with dilation 4 at stride 1 does not fit a 1x8 input: (1 - 9 + 2*0)/1 + 1 = -7; "
            "padding 4 gives 1x8",
        ),
    ],
)
def test_a_misfit_shows_the_formula_and_a_padding_that_fits(window, size, message):
    with pytest.raises(ShapeError) as caught:
        window.output_size(*size)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("rounding", "size", "expected"),
    [("floor", 8, 3), ("ceil", 8, 4), ("ceil", 7, 3), ("floor", 7, 3), ("ceil", 32, 16), ("ceil", 16, 8)],
)
def test_floor_and_ceil(rounding, size, expected):
    assert Window((3, 3), (2, 2), rounding=rounding).output_size(size, size) == (expected, expected)


def test_ceil_adds_no_window_that_starts_beyond_the_input():
    # Caffe's pooling_layer.cpp: (3 + 2*1 - 2)/2 rounded up gives 3, and the third would start in the padding.
    assert Window((2, 2), (2, 2), same(1), rounding="ceil").output_size(3, 3) == (2, 2)


def test_ceil_leaves_no_window_out_that_fits():
    assert Window((1, 1), padding=same(1), rounding="ceil").output_size(1, 2) == (3, 4)


@pytest.mark.parametrize(
    "terms", [{"kernel": (0, 1)}, {"stride": (1, 0)}, {"dilation": (0, 1)}, {"padding": (0, 0, -1, 0)}]
)
def test_sizes_below_the_least_are_refused(terms):
    with pytest.raises(ShapeError, match="is expected everywhere"):
        Window(**{"kernel": (1, 1), **terms})


def counted_positions(size, kernel, stride, before, after, dilation, rounding):
    """Positions found by walking; None where the last one does not end on the border and must."""
    extent, end = dilation * (kernel - 1) + 1, size + before + after
    starts = [start for start in range(0, end + 1, stride) if start + extent <= end]
    if not starts:
        return None
    over = starts[-1] + extent != end
    if over and rounding == "exact":
        return None
    if over and rounding == "ceil" and starts[-1] + stride < size + before:
        starts.append(starts[-1] + stride)
    return len(starts)


small = st.integers(1, 5)


@given(
    size=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    kernel=st.tuples(small, small),
    stride=st.tuples(small, small),
    padding=st.tuples(*[st.integers(0, 4)] * 4),
    dilation=st.tuples(small, small),
    rounding=st.sampled_from(["exact", "floor", "ceil"]),
)
def test_predicted_sizes_are_those_that_walking_counts(size, kernel, stride, padding, dilation, rounding):
    window = Window(kernel, stride, Padding(*padding), dilation, rounding)
    counted = tuple(
        counted_positions(
            size[axis],
            kernel[axis],
            stride[axis],
            padding[2 * axis],
            padding[2 * axis + 1],
            dilation[axis],
            rounding,
        )
        for axis in (0, 1)
    )
    if None in counted:
        with pytest.raises(ShapeError):
            window.output_size(*size)
    else:
        assert window.output_size(*size) == counted


@given(size=st.tuples(st.integers(1, 20), st.integers(1, 20)), kernel=small, stride=small)
def test_the_padding_that_an_error_names_fits(size, kernel, stride):
    window = Window((kernel, kernel), (stride, stride))
    try:
        window.output_size(*size)
    except ShapeError as error:
        message = str(error)
        assume("; padding " in message)
        padding, found = message.split("; padding ")[1].split(" gives ")
        rows, columns = Window((kernel, kernel), (stride, stride), same(int(padding))).output_size(*size)
        assert found == f"{rows}x{columns}"


@pytest.mark.parametrize("rounding", ["exact", "floor", "ceil"])
@pytest.mark.parametrize("seed", range(200))
def test_the_padding_that_is_named_is_the_least_that_fits(seed, rounding):
    number = random.Random(seed).randint
    pairs = [(number(1, 12), number(1, 12)), (number(1, 9), number(1, 9)), (number(1, 3), number(1, 3))]
    height, width = number(1, 30), number(1, 30)

    def fits(pad):
        window = Window(*pairs[:2], Padding(pad, pad, pad, pad), pairs[2], rounding)
        try:
            window.output_size(height, width)
        except ShapeError:
            return False
        return True

    window = Window(*pairs[:2], dilation=pairs[2], rounding=rounding)
    expected = next((pad for pad in range(max(window.extent)) if fits(pad)), None)
    assert window._fitting_padding(height, width) == expected


@pytest.mark.parametrize("size", [10**9, 999_999_937])
@pytest.mark.parametrize("rounding", ["exact", "floor"])
def test_a_window_of_any_size_is_refused_at_once(size, rounding):
    begun = time.process_time()
    with pytest.raises(ShapeError, match=f"{size}x{size} filter at stride .* does not fit a 8x8 input"):
        Window((size, size), (size - 1, size - 2), rounding=rounding).output_size(8, 8)
    assert time.process_time() - begun < 1


def test_no_padding_is_named_that_would_be_refused():
    with pytest.raises(ShapeError, match="no equal padding fits: use a smaller kernel or a larger input"):
        Window((10**6, 10**6)).output_size(8, 8)


def test_a_window_that_sees_hardly_more_than_padding_is_refused():
    with pytest.raises(ShapeError, match="at most 65536 is expected"):
        Window((10**6, 10**6), padding=Padding(*[10**6] * 4)).output_size(8, 8)
    with pytest.raises(ShapeError, match="at most 2147483647 is expected"):
        Window((10**400, 1))
