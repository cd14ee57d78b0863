"""Every op on a real GPU: against its naive reference on odd shapes, against the CPU on layers of real networks."""

from __future__ import annotations

import pytest
from runs import needs_gpu

needs_gpu()

import numpy as np
from comparisons import EVERYWHERE as COMPARISONS
from variants import CASES, IDS, arguments_of, as_float64, assert_agree

from numbacnn.device import get_device
from numbacnn.ops.kernel import Kernel

pytestmark = pytest.mark.filterwarnings("error")
LAYERS = [(kernel, shape) for kernel, row in COMPARISONS.items() for shape in row.layers]


def run(kernel, arguments):
    """What the variant writes into a copy of its outputs; what it reads must be as it was."""
    device = get_device("cuda")
    op, outputs = Kernel.registry[kernel], COMPARISONS[kernel].outputs
    there = [device.to_device(value) if isinstance(value, np.ndarray) else value for value in arguments]
    op.variant("cuda")(*there)
    for name, before, after in list(zip(op.parameters, arguments, there, strict=True))[outputs:]:
        if isinstance(before, np.ndarray) and name != "workspace":
            assert device.read(after).tobytes() == before.tobytes(), name
    return [device.read(array) for array in there[:outputs]]


def assert_same_bits(kernel, arguments, first):
    for one, other in zip(run(kernel, arguments), first, strict=True):
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize(("kernel", "shape"), CASES, ids=IDS)
def test_variant_agrees_with_the_naive_reference(kernel, shape):
    row = COMPARISONS[kernel]
    arguments = arguments_of(kernel, row.shapes[shape])
    written = run(kernel, arguments)
    assert_agree(written, row.naive(*map(as_float64, arguments)))
    assert_same_bits(kernel, arguments, written)


@pytest.mark.parametrize(("kernel", "shape"), LAYERS, ids=[f"{kernel}-{shape}" for kernel, shape in LAYERS])
def test_variant_agrees_with_the_cpu_on_real_layers(kernel, shape):
    row = COMPARISONS[kernel]
    on_cpu = row.make(np.random.default_rng(7), np.float32, row.layers[shape])
    arguments = arguments_of(kernel, row.layers[shape])
    written = run(kernel, arguments)
    Kernel.registry[kernel].variants["cpu"](*on_cpu)
    assert_agree(written, tuple(on_cpu[: row.outputs]))
    assert_same_bits(kernel, arguments, written)
