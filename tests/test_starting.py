"""Variables of Numba's, and packages, with which no kernel can run: one line that names them."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from typing import Any

import pytest

from numbacnn.errors import DeviceError, NumbacnnError, UsageError
from numbacnn.ops import starting, threading_layer

VARIABLES = [
    {"NUMBA_DISABLE_JIT": "1"},
    {"NUMBA_NUM_THREADS": "0"},
    {"NUMBA_NUM_THREADS": "-2"},
    {"NUMBA_NUM_THREADS": "100000"},
    {"NUMBA_CPU_FEATURES": "avx2"},
    {"NUMBA_THREADING_LAYER": "mpi"},
    {"NUMBA_THREADING_LAYER_PRIORITY": "tbb"},
    {"NUMBA_THREADING_LAYER_PRIORITY": "tbb omp mpi"},
]


@pytest.mark.parametrize("given", VARIABLES, ids=str)
def test_a_variable_that_lets_no_kernel_run_is_named(given: dict[str, str]) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")} | given
    command = [sys.executable, "-m", "numbacnn_cli", "summary", "lenet"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert next(iter(given)) in line
    assert "internal" not in line


@pytest.mark.parametrize("asked", ["tbb", "safe", "omp", "threadsafe", "TBB"])
def test_a_layer_that_is_not_here_is_named_with_what_brings_it(
    asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NUMBA_THREADING_LAYER_PRIORITY", raising=False)
    monkeypatch.setattr(threading_layer.config, "THREADING_LAYER", asked)
    monkeypatch.setattr(threading_layer, "_can_be_loaded", lambda name: False)
    with pytest.raises(
        UsageError, match=rf"NUMBA_THREADING_LAYER={asked}: .* cannot be loaded here.*unset"
    ) as raised:
        threading_layer.choose()
    assert ("pip install tbb" in str(raised.value)) is (asked != "omp")


def fails(error: Exception) -> Any:
    def find_spec(name: str, *_: object) -> None:
        if name == "numba.core":
            raise error

    return type("Finder", (), {"find_spec": staticmethod(find_spec)})


@pytest.mark.parametrize(
    ("error", "variables", "kind", "words"),
    [
        (
            ImportError("Numba needs NumPy 2.5 or less. Got NumPy 2.6."),
            {},
            DeviceError,
            "Numba needs NumPy 2.5 or less",
        ),
        (AttributeError("module 'numpy' has no attribute 'x'"), {}, DeviceError, "AttributeError"),
        (ValueError("odd"), {"NUMBA_ODD": "7"}, UsageError, "NUMBA_ODD=7"),
    ],
)
def test_a_numba_that_does_not_start(
    error: Exception,
    variables: dict[str, str],
    kind: type[NumbacnnError],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in os.environ if name.startswith("NUMBA_")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "meta_path", [fails(error), *sys.meta_path])
    monkeypatch.delitem(sys.modules, "numba.core")
    with pytest.raises(kind) as raised:
        starting.start_numba()
    assert words in str(raised.value)
    if kind is DeviceError:
        assert all(f"{name} " in str(raised.value) for name in ("numba", "llvmlite", "numpy"))
    importlib.invalidate_caches()


def test_a_first_kernel_waits_for_no_linear_algebra_and_who_calls_it_still_can() -> None:
    program = """
import sys
import numba, numpy as np
from numbacnn.ops import joins
target, source = np.zeros(3, np.float32), np.ones(3, np.float32)
joins.copy(target, source)
assert target.tolist() == [1, 1, 1]
assert "scipy.linalg" not in sys.modules
assert numba.njit(lambda a: np.dot(a, a))(np.full((2, 2), 2.0)).tolist() == [[8, 8], [8, 8]]
assert "scipy.linalg" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=300)
