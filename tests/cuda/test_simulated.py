"""Every op's CUDA variant against its naive reference, simulated: in each order of threads, with checked indices."""

from __future__ import annotations

from functools import cache

import pytest
from runs import needs_simulator

needs_simulator()

import numpy as np
from comparisons import COMPARISONS
from scheduler import ORDERS, in_order, steps
from test_ops import FORWARD_OF_EVERYTHING
from variants import CASES, IDS, arguments_of, as_float64, assert_agree

from numbacnn.ops.kernel import Kernel

TOO_BIG = "too big for the simulator"
_MOST_WORK = 10_000
"""Of a shape that is tried at all, as a Kernel counts it."""
_MOST_STEPS = 2000
"""Of a product in one order, for it to be tried in the others: between two barriers a thread of one multiplies for up to a
third of a millisecond.
"""


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


@cache
def run_forward(kernel, shape):
    """(arguments, what the variant wrote, how many steps it took) in the first order."""
    arguments = arguments_of(kernel, COMPARISONS[kernel].shapes[shape])
    before = steps()
    written = run(kernel, arguments)
    return arguments, written, steps() - before


@pytest.mark.parametrize(("kernel", "shape"), CASES, ids=IDS)
def test_variant_agrees_with_the_naive_reference(kernel, shape):
    if work(kernel, shape) > _MOST_WORK:
        pytest.skip(TOO_BIG)
    arguments, written, _ = run_forward(kernel, shape)
    assert_agree(written, COMPARISONS[kernel].naive(*map(as_float64, arguments)))


@pytest.mark.parametrize("order", [order for order in ORDERS if order != "forward"])
@pytest.mark.parametrize(("kernel", "shape"), CASES, ids=IDS)
def test_order_of_threads_changes_no_bit(kernel, shape, order):
    if work(kernel, shape) > _MOST_WORK:
        pytest.skip(TOO_BIG)
    arguments, first, took = run_forward(kernel, shape)
    if kernel.startswith(("convolution.", "dense.")) and took > _MOST_STEPS:
        pytest.skip(f"{TOO_BIG} in every order")
    for one, other in zip(run(kernel, arguments, order), first, strict=True):
        assert one.tobytes() == other.tobytes()


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
