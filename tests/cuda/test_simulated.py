"""Every op's CUDA variant against its naive reference, simulated: in each order of threads, with checked indices."""

from __future__ import annotations

import pytest
from runs import needs_simulator

needs_simulator()

import numpy as np
from comparisons import COMPARISONS
from scheduler import ORDERS, in_order
from test_ops import FORWARD_OF_EVERYTHING
from variants import CASES, IDS, arguments_of, as_float64, assert_agree

from numbacnn.ops.kernel import Kernel

TOO_BIG = "too big for the simulator"
_MOST_WORK = 20_000
"""As a Kernel counts it: the simulator adds about a million numbers a second."""


def work(kernel, shape):
    row = COMPARISONS[kernel]
    return Kernel.registry[kernel]._work(*row.make(np.random.default_rng(7), np.float32, row.shapes[shape]))


def run(kernel, arguments, order="forward"):
    """What the variant writes into copies of its outputs; of what it reads it may change the workspace only."""
    op, outputs = Kernel.registry[kernel], COMPARISONS[kernel].outputs
    own = [argument.copy() if isinstance(argument, np.ndarray) else argument for argument in arguments]
    for name, argument in list(zip(op.parameters, own, strict=True))[outputs:]:
        if isinstance(argument, np.ndarray) and name != "workspace":
            argument.flags.writeable = False
    with in_order(ORDERS[order]()):
        op.variant("cuda")(*own)
    return own[:outputs]


@pytest.mark.parametrize(("kernel", "shape"), CASES, ids=IDS)
def test_variant_agrees_with_the_naive_reference(kernel, shape):
    if work(kernel, shape) > _MOST_WORK:
        pytest.skip(TOO_BIG)
    row = COMPARISONS[kernel]
    arguments = arguments_of(kernel, row.shapes[shape])
    expected = row.naive(*map(as_float64, arguments))
    results = {order: run(kernel, arguments, order) for order in ORDERS}
    assert_agree(results["forward"], expected)
    for order, written in results.items():
        for one, other in zip(written, results["forward"], strict=True):
            assert one.tobytes() == other.tobytes(), order


@pytest.mark.parametrize("kernel", COMPARISONS)
def test_most_shapes_are_small_enough(kernel):
    shapes = COMPARISONS[kernel].shapes
    simulated = [shape for shape in shapes if work(kernel, shape) <= _MOST_WORK]
    assert len(simulated) >= 2 / 3 * len(shapes), simulated


@pytest.mark.parametrize(("kernel", "shape"), FORWARD_OF_EVERYTHING)
def test_nan_is_passed_on(kernel, shape):
    row = COMPARISONS[kernel]
    arguments = arguments_of(kernel, row.shapes[shape])
    x = next(argument for argument in arguments[row.outputs :] if isinstance(argument, np.ndarray))
    for place in (0, x.size // 2, x.size - 1):
        value, x.flat[place] = x.flat[place], np.nan
        assert np.isnan(run(kernel, arguments)[0]).any(), place
        x.flat[place] = value
