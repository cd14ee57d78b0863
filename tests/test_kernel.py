"""The seam between an op and its variants."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from numbacnn.ops.kernel import Kernel


@pytest.fixture(autouse=True)
def _registry(monkeypatch):
    monkeypatch.setattr(Kernel, "registry", {})


def test_variants_with_the_same_parameters_are_accepted():
    def cpu(y, x):
        """y = x."""
        y[...] = x

    def cuda(y, x):
        raise AssertionError("an ndarray lives on the host")

    kernel = Kernel("copy", cpu=cpu, cuda=cuda)
    y = np.zeros(3)
    kernel(y, np.ones(3))
    assert y.tolist() == [1, 1, 1]
    assert kernel.parameters == ("y", "x")
    assert kernel.__doc__ == "y = x."
    assert Kernel.registry == {"copy": kernel}


@pytest.mark.parametrize("cuda", [lambda y, z: None, lambda x, y: None, lambda y: None, lambda y, x, n: None])
def test_variants_with_different_parameters_are_refused(cuda):
    with pytest.raises(TypeError, match="the variants of copy differ in their parameters"):
        Kernel("copy", cpu=lambda y, x: None, cuda=cuda)


def test_an_array_elsewhere_goes_to_the_other_variant():
    class Elsewhere:
        taken = None

    def cuda(y, x):
        y.taken = x

    output = Elsewhere()
    Kernel("copy", cpu=lambda y, x: None, cuda=cuda)(output, 5)
    assert output.taken == 5


@pytest.mark.parametrize(("size", "threads"), [(2, 1), (1 << 16, numba.config.NUMBA_NUM_THREADS)])
def test_a_small_op_stays_on_the_calling_thread(size, threads):
    seen = []
    kernel = Kernel("look", cpu=lambda y: seen.append(numba.get_num_threads()))
    kernel(np.zeros(size))
    assert seen == [threads]
    assert numba.get_num_threads() == numba.config.NUMBA_NUM_THREADS


def test_the_threads_come_back_after_an_error():
    def fail(y):
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        Kernel("fail", cpu=fail)(np.zeros(1))
    assert numba.get_num_threads() == numba.config.NUMBA_NUM_THREADS
