"""Matrix products on a GPU in every tile, as large shapes take them, and on tensor cores, executed from the PTX that they are compiled
to; and faults planted in them, which are found.
"""

from __future__ import annotations

import itertools
import math
from contextlib import ExitStack

import pytest
from runs import needs_compiler

needs_compiler()

from comparisons import EVERYWHERE as COMPARISONS
from comparisons.convolution import Filters
from execution import (
    SIGNIFICANT_BITS,
    TILED,
    assert_of_rounded_numbers,
    changed_ptx,
    exact_ones,
    run,
)
from kernels.ptx.errors import FaultError
from variants import arguments_of, as_float64, assert_agree

from numbacnn.ops.cuda import few_channels
from numbacnn.ops.cuda.product import launching
from numbacnn.ops.cuda.product.plan import plan_of
from numbacnn.ops.cuda.product.precision import computing
from numbacnn.ops.cuda.product.tile import TILES

OFTEN = ("128x128", "64x64", "32x32")
"""Tiles that dense layers are tried in each time, in float32 and on tensor cores; convolutions are in all."""

PRODUCTS = [
    f"{room}.{op}" for room in TILED for op in ("forward", "backward_input_masked", "backward_parameters")
]
TILE_NAMES = [tile.name for tile in TILES]
OTHER_TILES = ("128x64", "64x64", "128x32")
"""Tiles that numbers are read one by one in, beside those that the table's shapes take."""


def in_turn(room, often):
    """A room's products in every tile. Each time those in `often` are tried with one product each, in turn: the code for a tile is the
    same for all; the others are slow, as a kernel for each takes seconds to compile.
    """
    kernels = [kernel for kernel in PRODUCTS if kernel.startswith(f"{room}.")]
    tried = {(tile, kernels[number % len(kernels)]) for number, tile in enumerate(often)}
    for tile, kernel in itertools.product(TILE_NAMES, kernels):
        marks = [] if (tile, kernel) in tried else [pytest.mark.slow]
        yield pytest.param(kernel, tile, marks=marks, id=f"{kernel}-{tile}")


@pytest.fixture
def in_tile(request, monkeypatch):
    (tile,) = (tile for tile in TILES if tile.name == request.param)
    monkeypatch.setattr(launching, "plan_of", lambda *shape: plan_of(*shape)._replace(tile=tile))


@pytest.fixture
def precision(request):
    with computing(request.param):
        yield request.param


@pytest.mark.parametrize(("kernel", "in_tile"), in_turn("convolution", TILE_NAMES), indirect=["in_tile"])
@pytest.mark.usefixtures("in_tile")
def test_every_tile_of_convolutions(kernel):
    check_product(kernel, "in fours")


@pytest.mark.parametrize(("kernel", "in_tile"), in_turn("dense", OFTEN), indirect=["in_tile"])
@pytest.mark.usefixtures("in_tile")
def test_every_tile_of_dense_layers(kernel):
    check_product(kernel, "in fours")


@pytest.mark.slow
@pytest.mark.parametrize("in_tile", OTHER_TILES, indirect=True)
@pytest.mark.parametrize("kernel", PRODUCTS)
@pytest.mark.usefixtures("in_tile")
def test_every_tile_that_reads_one_by_one(kernel):
    check_product(kernel, "one by one")


def check_product(kernel, manner):
    arguments = arguments_of(kernel, TILED[kernel.partition(".")[0]][manner])
    assert_agree(run(kernel, arguments), exact_ones(kernel, arguments))


@pytest.mark.parametrize("precision", SIGNIFICANT_BITS, indirect=True)
@pytest.mark.parametrize(("kernel", "in_tile"), in_turn("dense", OFTEN), indirect=["in_tile"])
@pytest.mark.usefixtures("in_tile")
def test_every_tile_of_tensor_cores(kernel, precision):
    assert_of_rounded_numbers(kernel, TILED["dense"]["in fours"], precision)


@pytest.mark.parametrize(
    ("kernel", "shape", "divided"),
    [
        ("dense.forward", (3, 520, 10), (3, 10, 520)),
        ("dense.backward_input_masked", (3, 10, 520), (3, 10, 520)),
        ("dense.backward_parameters", (2200, 3, 5), (3, 5, 2200)),
        ("convolution.backward_parameters", Filters((2, 40, 40, 3), 5, 3, {"padding": 1}), (27, 5, 3200)),
        ("convolution.backward_parameters", Filters((2, 31, 30, 4), 6, 3, {"groups": 2}), (18, 3, 1624, 2)),
        ("convolution.forward", Filters((1, 5, 5, 128), 8, 3, {"groups": 2}), (9, 4, 576, 2)),
        ("convolution.backward_input_masked", Filters((1, 5, 5, 8), 64, 3, {"padding": 1}), (25, 8, 576)),
    ],
)
def test_sums_that_are_added_in_parts(kernel, shape, divided):
    rows, columns, depth, *layers = divided
    assert plan_of(rows, columns, depth, *(layers or [1]), math.inf).parts > 1
    arguments = arguments_of(kernel, shape)
    assert_agree(run(kernel, arguments), COMPARISONS[kernel].naive(*map(as_float64, arguments)))


def each_in_one(cases):
    """Cases on tensor cores in each precision. Each time a case is tried in one of them, in turn; in the other it is slow."""
    for place, case in enumerate(cases):
        for number, precision in enumerate(SIGNIFICANT_BITS):
            marks = [] if number == place % len(SIGNIFICANT_BITS) else [pytest.mark.slow]
            yield pytest.param(*case, precision, marks=marks, id=f"{'-'.join(case)}-{precision}")


ODD = [
    ("dense.forward", "ragged"),
    ("dense.backward_input_masked", "ragged"),
    ("dense.backward_parameters", "batch 1"),
    ("convolution.forward", "batch 1, one channel"),
    ("convolution.backward_input_masked", "stride 3, padding 1"),
    ("convolution.backward_parameters", "2 groups, stride 2"),
]


@pytest.mark.parametrize(("kernel", "shape", "precision"), each_in_one(ODD), indirect=["precision"])
def test_odd_shapes_on_tensor_cores(kernel, shape, precision):
    assert_of_rounded_numbers(kernel, COMPARISONS[kernel].shapes[shape], precision)


@pytest.mark.parametrize(
    ("kernel", "precision"),
    each_in_one([["convolution.forward"], ["convolution.backward_parameters"]]),
    indirect=["precision"],
)
def test_three_channels_are_read_as_four_on_tensor_cores(kernel, precision, monkeypatch):
    shape = Filters((2, 7, 6, 3), 8, 3, {"padding": 1, "stride": 2, "rounding": "floor"})
    padded = []
    pad = few_channels.padded_pixels
    monkeypatch.setattr(few_channels, "padded_pixels", lambda *given: padded.append(given) or pad(*given))
    assert_of_rounded_numbers(kernel, shape, precision)
    assert padded


# That it would be seen


@pytest.fixture
def changed():
    """A function: kernels made from now on are changed in their PTX."""
    with ExitStack() as stack:
        yield lambda pattern, replacement: stack.enter_context(changed_ptx(pattern, replacement))


SMALL = ("convolution.forward", Filters((2, 7, 7, 8), 8, 3))


@pytest.mark.parametrize("precision", ["float32", *SIGNIFICANT_BITS], indirect=True)
@pytest.mark.usefixtures("precision")
def test_a_product_without_barriers_is_found(changed):
    changed(r"bar\.sync\s+0;", "")
    with pytest.raises(FaultError, match=r"ld\S*shared.*with no barrier between"):
        run(SMALL[0], arguments_of(*SMALL))


@pytest.mark.parametrize("precision", SIGNIFICANT_BITS, indirect=True)
def test_exchanged_registers_of_tensor_cores_are_found(changed, precision):
    changed(r"(mma[^{]*\{[^}]*\},\s*\{)([^,]*), ([^,]*),", r"\1\3, \2,")
    with pytest.raises(AssertionError, match="Mismatched elements"):
        assert_of_rounded_numbers(*SMALL, precision)


def test_an_access_beyond_an_array_is_found(changed):
    changed(r"setp\.ge\.u32(\s+%p1, %r1, %r\d+);", r"setp.gt.u32\1;")
    with pytest.raises(FaultError, match=r"a read of 4 bytes at byte 28 of an array .* of 28"):
        run(
            "joins.accumulate",
            arguments_of("joins.accumulate", COMPARISONS["joins.accumulate"].shapes["seven"]),
        )
