"""The machine's peak: the fastest product of two large float32 matrices, by NumPy's BLAS or by our own."""

from __future__ import annotations

import time

import numpy as np
from threadpoolctl import threadpool_limits

from numbacnn.ops import dense
from numbacnn.ops.compilation import threads

SIDES = (512, 1024, 1536)
SECONDS = 0.5
"""How long each product is repeated; the fastest of all counts, which other programs disturb least."""


def peak_gflops():
    """GFLOP/s of the fastest of several products, on as many threads as numbacnn uses."""
    with threadpool_limits(threads(), user_api="blas"):
        return max(2e-9 * side**3 / least_seconds(act) for side in SIDES for act in products(side))


def products(side):
    """C = A B of square matrices, in both ways."""
    a, b = np.random.default_rng(0).standard_normal((2, side, side)).astype(np.float32)
    c, bias = np.empty_like(a), np.zeros(side, np.float32)
    workspace = np.empty(dense.workspace_size("cpu", side), np.float32)

    def ours():
        dense.forward(c, a, b, bias, 1.0, workspace)

    def blas():
        np.matmul(a, b, out=c)

    return ours, blas


def least_seconds(act):
    """Of one call, the first left out: it may compile."""
    act()
    least, end = np.inf, time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        start = time.perf_counter()
        act()
        least = min(least, time.perf_counter() - start)
    return least
