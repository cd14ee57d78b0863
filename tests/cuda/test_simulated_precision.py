"""Products on tensor cores, simulated: what they would give for rounded numbers, added without further rounding."""

from __future__ import annotations

import pytest
from runs import needs_simulator

needs_simulator()

import numpy as np
from comparisons import COMPARISONS
from scheduler import ORDERS, in_order
from variants import arguments_of, factors_rounded

from numbacnn.errors import DeviceError
from numbacnn.ops.cuda import toolchain
from numbacnn.ops.cuda.product import copies, precision
from numbacnn.ops.cuda.product.kernel import as_it_is
from numbacnn.ops.cuda.product.launching import Product
from numbacnn.ops.cuda.product.loaders import across_depth, along_depth
from numbacnn.ops.kernel import Kernel

SHAPES = {
    "dense.forward": ["ragged"],
    "dense.backward_weights": ["batch 1"],
    "convolution.forward": ["batch 1, one channel"],
    "convolution.backward_input": ["stride 3, padding 1"],
    "convolution.backward_weights": ["batch 1, one channel"],
}
CASES = [(op, shape) for op, shapes in SHAPES.items() for shape in shapes]


@pytest.mark.parametrize("name", ["tf32", "bf16"])
@pytest.mark.parametrize(("kernel", "shape"), CASES, ids=[f"{kernel}-{shape}" for kernel, shape in CASES])
def test_products_of_rounded_numbers(kernel, shape, name, monkeypatch):
    monkeypatch.setattr(precision._Chosen, "precision", precision.PRECISIONS[name])
    row, op = COMPARISONS[kernel], Kernel.registry[kernel]
    arguments = arguments_of(kernel, row.shapes[shape])
    expected = row.naive(*factors_rounded(name, op.parameters, arguments))[0]
    written = []
    for order in ("forward", "shuffled"):
        own = [value.copy() if isinstance(value, np.ndarray) else value for value in arguments]
        with in_order(ORDERS[order]()):
            op.variant("cuda")(*own)
        written.append(own[0])
    np.testing.assert_allclose(written[0], expected, rtol=1e-4, atol=1e-5 * max(1, abs(expected).max()))
    assert len({array.tobytes() for array in written}) == 1


def test_rounding():
    assert toolchain._rounded(1 + 2**-11, toolchain._TF32_BITS) == 1 + 2**-10  # of two as near, away from 0
    assert toolchain._rounded(1 + 2**-8, toolchain._BF16_BITS) == 1  # of two as near, the even one
    assert toolchain._rounded(np.float32(-(1 + 3 * 2**-8)), toolchain._BF16_BITS) == -(1 + 2**-6)
    assert toolchain._rounded(np.inf, toolchain._BF16_BITS) == np.inf


def test_a_precision_that_a_gpu_has_not_is_refused(monkeypatch):
    monkeypatch.setattr(precision, "compute_capability", lambda: (7, 5))
    with pytest.raises(
        DeviceError, match=r"bf16 needs tensor cores of compute capability 8\.0, and this GPU has 7\.5"
    ):
        precision.set_precision("bf16")
    with pytest.raises(DeviceError, match="unknown precision 'bf61'; did you mean 'bf16'"):
        precision.set_precision("bf61")
    precision.set_precision("float32")


def test_a_part_that_is_not_waited_for_is_noticed(monkeypatch):
    x, weights = (
        np.random.default_rng(7).normal(size=shape).astype(np.float32) for shape in ((8, 40), (40, 8))
    )
    monkeypatch.setattr(precision._Chosen, "precision", precision.PRECISIONS["tf32"])

    def product(name):
        y = np.zeros((8, 8), np.float32)
        sizes = {"rows": 8, "columns": 8, "depth": 40, "row_size": 8, "geometry": (40, 8, 0)}
        Product(name, along_depth(0, True), across_depth(1, 2, True), as_it_is)(y, x, weights, **sizes)
        return y

    np.testing.assert_allclose(product("waits"), x @ weights, rtol=0.01, atol=0.01)
    monkeypatch.setattr(copies, "copies_wait", lambda groups: toolchain.device_function(lambda: None))
    assert np.isnan(product("does_not_wait")).all()
