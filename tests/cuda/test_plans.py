"""How products are laid out on the GPU."""

from __future__ import annotations

import math

import pytest
from runs import needs_numba_cuda

needs_numba_cuda()

from numbacnn.ops.cuda.dense import _forward
from numbacnn.ops.cuda.product.plan import MULTIPROCESSORS, candidates, plan_of
from numbacnn.ops.cuda.product.precision import PRECISIONS

SHAPES = {
    "vgg-small conv2, weight gradient": (576, 64, 256 * 32 * 32),
    "vgg-small conv3, weight gradient": (576, 128, 256 * 16 * 16),
    "vgg-small conv6, weight gradient": (2304, 256, 256 * 8 * 8),
    "alexnet conv2, weight gradient": (2400, 256, 128 * 27 * 27),
    "alexnet dense6": (128, 4096, 9216),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_small_matrix_with_a_long_sum_takes_large_tiles_in_many_parts(shape):
    tile, parts, part_depth = plan_of(*shape, 1, math.inf)
    assert tile.rows * tile.columns >= 64 * 64
    blocks = parts * math.ceil(shape[0] / tile.rows) * math.ceil(shape[1] / tile.columns)
    # No multiprocessor has much less to do than the one with the most.
    assert blocks / MULTIPROCESSORS > 0.9 * math.ceil(blocks / MULTIPROCESSORS)
    assert (parts - 1) * part_depth < shape[2] <= parts * part_depth


@pytest.mark.parametrize("shape", [*SHAPES.values(), (27, 64, 5000), (1, 1, 1), (5, 7, 513)])
@pytest.mark.parametrize("layers", [1, 3])
def test_parts_fit_the_room_and_none_is_empty(shape, layers):
    rows, columns, depth = shape
    product = _forward(True)
    most = product.room(*shape, layers)
    for limit in (0, 1, 5 * rows * columns * layers, most, math.inf):
        _, parts, part_depth = plan_of(*shape, layers, limit)
        assert parts == 1 or parts * rows * columns * layers <= limit
        assert (parts - 1) * part_depth < depth <= parts * part_depth
        assert product.room(*shape, layers, limit) <= limit


def test_ninety_six_columns_have_a_tile_where_numbers_are_read_in_fours():
    shape = 93312, 96, 6400, 1, 0
    for precision in PRECISIONS:
        assert plan_of(*shape, precision).tile.name == "128x96"
        assert plan_of(*shape, precision, False).tile.name != "128x96"


def test_a_large_product_is_not_divided():
    tile, parts, _ = plan_of(65536, 256, 1152, 1, math.inf)
    assert (tile.name, parts) == ("128x128", 1)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_candidates_are_plans_of_different_tiles_and_the_models_choice_is_the_first(precision):
    for shape in SHAPES.values():
        found = candidates(*shape, 1, 1 << 30, precision, most=4, slower=3.0)
        assert found[0] == plan_of(*shape, 1, 1 << 30, precision)
        assert 1 <= len({plan.tile for plan in found}) == len(found) <= 4
