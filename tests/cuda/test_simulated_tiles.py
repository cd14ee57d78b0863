"""Products on tensor cores with the largest and the narrowest tile, simulated on shapes that end within them: more parts
of the depth than there are buffers, and fewer rows and columns at the borders. test_executed.py has the other tiles.
"""

from __future__ import annotations

import pytest
from runs import needs_simulator

needs_simulator()

import numpy as np
from comparisons import COMPARISONS, Filters
from scheduler import ORDERS, in_order
from variants import arguments_of, factors_rounded

from numbacnn.ops.cuda.product import launching, precision
from numbacnn.ops.cuda.product.tile import TILES
from numbacnn.ops.kernel import Kernel

IN_FOURS = Filters((3, 6, 5, 12), 36, 3, {"padding": 1})
TURNED = Filters((3, 6, 5, 36), 12, 3, {"padding": 1})
RAGGED = Filters((2, 7, 7, 5), 17, 3, {"stride": 2, "padding": 1})
TILED = [tile for tile in TILES if tile.name in ("128x128", "128x16")]
CASES = [
    ("convolution.forward", RAGGED),
    ("convolution.backward_input", TURNED),
    ("convolution.backward_weights", IN_FOURS),
]


def written(kernel, arguments, order="forward"):
    own = [value.copy() if isinstance(value, np.ndarray) else value for value in arguments]
    with in_order(ORDERS[order]()):
        Kernel.registry[kernel].variant("cuda")(*own)
    return own[0]


@pytest.mark.parametrize("name", ["tf32", "bf16"])
@pytest.mark.parametrize("tile", TILED, ids=[tile.name for tile in TILED])
@pytest.mark.parametrize(("kernel", "shape"), CASES, ids=[kernel for kernel, _ in CASES])
def test_tile(kernel, shape, tile, name, monkeypatch):
    monkeypatch.setattr(launching, "choose_tile", lambda *_: tile)
    monkeypatch.setattr(precision._Chosen, "precision", precision.PRECISIONS[name])
    row, op = COMPARISONS[kernel], Kernel.registry[kernel]
    arguments = arguments_of(kernel, shape)
    expected = row.naive(*factors_rounded(name, op.parameters, arguments))[0]
    actual = written(kernel, arguments)
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5 * max(1, abs(expected).max()))
