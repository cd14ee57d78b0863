"""Products of whole warpgroups (wgmma) on a real GPU of compute capability 9.0, beside those of `mma.sync`."""

from __future__ import annotations

import pytest
from runs import needs_gpu

needs_gpu()

import numpy as np
from execution import TILED
from kernels.launches import laid_out_in
from test_gpu import run
from variants import arguments_of

from numbacnn.ops.cuda.diagnosis import compute_capability
from numbacnn.ops.cuda.product.precision import WARPGROUPS, computing
from numbacnn.ops.cuda.product.tile import WARPGROUP_TILES
from numbacnn.ops.cuda.product.trying import TOLERANCE, trouble

if compute_capability() != WARPGROUPS:
    pytest.skip("no GPU of compute capability 9.0", allow_module_level=True)

OPS = ("forward", "backward_input_masked", "backward_parameters")


@pytest.mark.parametrize("precision", TOLERANCE)
def test_another_process_finds_no_trouble(precision):
    assert trouble(precision) is None


@pytest.mark.parametrize("precision", TOLERANCE)
@pytest.mark.parametrize("tile", WARPGROUP_TILES, ids=[tile.name for tile in WARPGROUP_TILES])
@pytest.mark.parametrize("kernel", [f"{room}.{op}" for room in TILED for op in OPS])
def test_products_agree_with_those_of_warps(kernel, tile, precision):
    arguments = arguments_of(kernel, TILED[kernel.partition(".")[0]]["in fours"])
    with computing(precision):
        expected = run(kernel, arguments)
        with laid_out_in(tile):
            written, again = run(kernel, arguments), run(kernel, arguments)
    for one, other, wanted in zip(written, again, expected, strict=True):
        assert one.tobytes() == other.tobytes()
        size = float(np.sqrt(np.mean(np.square(wanted, dtype=np.float64))))
        np.testing.assert_allclose(one, wanted, rtol=0, atol=TOLERANCE[precision] * size)
