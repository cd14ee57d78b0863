"""Each op at the layers of real networks, float32, all threads: `pytest benches/bench_ops.py -k convolution`."""

from __future__ import annotations

import numpy as np
import pytest
from comparisons import COMPARISONS

import numbacnn.ops.augmentation
import numbacnn.ops.update  # noqa: F401  (both put their kernels in the registry)
from numbacnn.ops.kernel import Kernel

CASES = [(kernel, layer) for kernel, row in COMPARISONS.items() for layer in row.layers]


@pytest.mark.parametrize(("kernel", "layer"), CASES, ids=[f"{kernel}-{layer}" for kernel, layer in CASES])
def test_op(benchmark, peak, record_property, kernel, layer):
    row = COMPARISONS[kernel]
    arguments = row.make(np.random.default_rng(0), np.float32, row.layers[layer])
    benchmark.group = kernel
    benchmark.pedantic(Kernel.registry[kernel], arguments, rounds=10, warmup_rounds=2)
    work = int(multiply_adds(kernel, row.layers[layer]))
    if work and benchmark.enabled:
        rate = 2e-9 * work / benchmark.stats.stats.median
        facts = {"gflops": rate, "share_of_peak": rate / peak, "peak_gflops": peak}
        benchmark.extra_info |= facts
        for name, value in facts.items():
            record_property(name, value)


def multiply_adds(kernel, shape):
    """Of one call of a matrix product; 0 for other ops."""
    if kernel.startswith("convolution"):
        count, *volume = shape.volume
        return count * shape.layer.multiply_adds(shape.layer.output_shape(tuple(volume)), tuple(volume))
    return (
        np.prod(shape) if kernel in ("dense.forward", "dense.backward_input", "dense.backward_weights") else 0
    )
