"""Every op's CUDA variant against its naive reference, executed from the PTX that it is compiled to."""

from __future__ import annotations

import pytest
from runs import needs_compiler

needs_compiler()

import numpy as np
from comparisons import COMPARISONS
from kernels.executed import launches_executed
from variants import CASES, IDS, arguments_of, as_float64, assert_agree

from numbacnn.ops.kernel import Kernel


def run(kernel, arguments):
    """What the variant writes into copies of its outputs; of what it reads it may change the workspace only."""
    op, outputs = Kernel.registry[kernel], COMPARISONS[kernel].outputs
    own = [argument.copy() if isinstance(argument, np.ndarray) else argument for argument in arguments]
    for name, argument in list(zip(op.parameters, own, strict=True))[outputs:]:
        if isinstance(argument, np.ndarray) and name != "workspace":
            argument.flags.writeable = False
    with launches_executed():
        op.variant("cuda")(*own)
    return own[:outputs]


@pytest.mark.parametrize(("kernel", "shape"), CASES, ids=IDS)
def test_variant_agrees_with_the_naive_reference(kernel, shape):
    arguments = arguments_of(kernel, COMPARISONS[kernel].shapes[shape])
    assert_agree(run(kernel, arguments), COMPARISONS[kernel].naive(*map(as_float64, arguments)))
