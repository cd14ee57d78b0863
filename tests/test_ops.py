"""Every kernel against its naive reference, on odd shapes, in both precisions and with any number of threads."""

from __future__ import annotations

import importlib
import pkgutil

import numba
import numpy as np
import pytest
from comparisons import COMPARISONS

from numbacnn import ops
from numbacnn.ops.kernel import Kernel

for module in pkgutil.walk_packages(ops.__path__, f"{ops.__name__}."):
    importlib.import_module(module.name)

CASES = [(kernel, shape) for kernel, row in COMPARISONS.items() for shape in row.shapes]


def as_float64(argument):
    floats = isinstance(argument, np.ndarray) and argument.dtype.kind == "f"
    return argument.astype(np.float64) if floats else argument


def run(kernel, arguments, threads):
    """What the kernel writes into copies of its outputs."""
    outputs = COMPARISONS[kernel].outputs
    written = [output.copy() for output in arguments[:outputs]]
    before = numba.get_num_threads()
    numba.set_num_threads(threads)
    try:
        Kernel.registry[kernel](*written, *arguments[outputs:])
    finally:
        numba.set_num_threads(before)
    return written


def test_every_kernel_has_a_row():
    assert set(Kernel.registry) == set(COMPARISONS)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("kernel", "shape"), CASES, ids=[f"{kernel}-{shape}" for kernel, shape in CASES])
def test_kernel_agrees_with_the_naive_reference(kernel, shape, dtype):
    row = COMPARISONS[kernel]
    arguments = row.make(np.random.default_rng(7), dtype, row.shapes[shape])
    expected = row.naive(*map(as_float64, arguments))
    alone = run(kernel, arguments, 1)
    assert len(expected) == row.outputs
    for actual, wanted in zip(alone, expected, strict=True):
        if wanted.dtype.kind == "f":
            rounding = 200 * np.finfo(dtype).eps
            np.testing.assert_allclose(actual, wanted, rtol=rounding, atol=rounding * max(1, abs(wanted).max()))
        else:
            np.testing.assert_array_equal(actual, wanted)
    together = run(kernel, arguments, numba.config.NUMBA_NUM_THREADS)
    for one, all_threads in zip(alone, together, strict=True):
        assert one.tobytes() == all_threads.tobytes()
