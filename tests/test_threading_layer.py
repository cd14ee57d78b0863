"""Which threads run the kernels, and what becomes of a process that forks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import metadata
from importlib.util import find_spec

import pytest

START = """
import json, numpy as np
from numbacnn.ops import joins, threading_layer
from numbacnn.ops.launches import Launches

assert threading_layer.layer() is None
sums, launches = np.zeros(3), Launches()
with launches.recorded():
    joins.accumulate(sums, np.ones(3))

def kernel(_=None):
    sums[:] = 0
    launches.run()
    return sums.tolist()

for _ in range(20):  # often enough to be laid out
    kernel()
"""
SHOW = "print(json.dumps(threading_layer.layer()))"
FORK = """
import os
from numbacnn.errors import DeviceError

def attempt(depth):
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        with os.fdopen(reading) as pipe:
            return pipe.read()
    try:
        result = attempt(depth - 1) if depth > 1 else str(kernel())
    except DeviceError as error:
        result = str(error)
    os.write(writing, result.encode())
    os._exit(0)

print(json.dumps([attempt(1), attempt(2), str(kernel())]))
"""

HAS_OMP = find_spec("numba.np.ufunc.omppool") is not None
HAS_TBB = any(found.name == "tbb" for found in metadata.distributions())
COMPUTED = str([1.0, 1.0, 1.0])


def run(code: str, **environment: str):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_THREADING")}
    command = [sys.executable, "-c", START + code]
    done = subprocess.run(
        command, capture_output=True, env={**inherited, **environment}, check=True, timeout=120
    )
    return json.loads(done.stdout)


def test_the_first_of_the_order_that_is_there():
    name, thread_safe, fork_safe, reason = run(SHOW)
    assert name == ("tbb" if HAS_TBB else "omp" if HAS_OMP else "workqueue")
    assert thread_safe is (name != "workqueue")
    assert fork_safe is (name != "omp" or sys.platform != "linux")
    assert reason.startswith("the first of tbb, omp, workqueue")
    assert ("tbb" in reason.partition(";")[2]) is (name != "tbb")


def test_the_users_choice_counts():
    assert run(SHOW, NUMBA_THREADING_LAYER="workqueue") == [
        "workqueue",
        False,
        True,
        "NUMBA_THREADING_LAYER is workqueue",
    ]


def test_the_users_order_counts():
    assert run(SHOW, NUMBA_THREADING_LAYER_PRIORITY="workqueue omp tbb") == [
        "workqueue",
        False,
        True,
        "the first of workqueue, omp, tbb, as NUMBA_THREADING_LAYER_PRIORITY says",
    ]


@pytest.mark.skipif(sys.platform != "linux" or not HAS_OMP, reason="GNU OpenMP is what cannot bear forks")
def test_after_a_fork_openmp_is_refused_in_words_and_the_parent_goes_on():
    child, grandchild, parent = run(FORK, NUMBA_THREADING_LAYER="omp")
    assert "forked after GNU OpenMP's threads had started" in child
    assert grandchild == child
    assert parent == COMPUTED


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
@pytest.mark.parametrize(
    "name", [pytest.param("tbb", marks=pytest.mark.skipif(not HAS_TBB, reason="no tbb here")), "workqueue"]
)
def test_the_other_layers_bear_forks(name: str):
    assert run(FORK, NUMBA_THREADING_LAYER=name) == [COMPUTED] * 3


POOL = """
import multiprocessing
with multiprocessing.get_context("fork").Pool(1) as pool:
    try:
        print(json.dumps(pool.map(kernel, [0])[0]))
    except Exception as error:
        print(json.dumps(type(error).__name__))
"""


@pytest.mark.skipif(sys.platform != "linux" or not HAS_OMP, reason="GNU OpenMP is what cannot bear forks")
def test_a_pool_of_forked_processes_hears_of_it():
    assert run(POOL, NUMBA_THREADING_LAYER="omp") == "DeviceError"
