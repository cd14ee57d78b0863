"""Imports Numba for the first time; a reason that keeps it from starting, or kernels from being compiled, becomes a
one-line error.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib import import_module, metadata
from importlib.util import find_spec
from typing import Any

from ..errors import DeviceError, UsageError

_PACKAGES = ("numba", "llvmlite", "numpy")
MOST_THREADS = 1024
"""More threads than any machine has cores; a system ends a process that asks for too many, without a message."""


def start_numba() -> None:
    """Imports Numba. Raises UsageError for a variable of Numba's with which no kernel runs, DeviceError for packages
    that do not work together.
    """
    asked = os.environ.get("NUMBA_NUM_THREADS", "").strip()
    if asked.removeprefix("-").isdecimal() and not 1 <= int(asked) <= MOST_THREADS:
        raise UsageError(
            f"NUMBA_NUM_THREADS={asked} (--threads sets it): 1 to {MOST_THREADS} threads are expected; set it so, or unset it"
        )
    features = [each.strip() for each in os.environ.get("NUMBA_CPU_FEATURES", "").split(",") if each.strip()]
    wrong = [each for each in features if each[0] not in "+-"]
    if wrong:  # LLVM would end the process
        raise UsageError(
            f"NUMBA_CPU_FEATURES has '{wrong[0]}': features are written +avx2 or -avx2, with commas between; write it so, or "
            "unset it"
        )
    try:
        from numba.core import config
    except Exception as error:  # by Numba's own checks, or in the midst of what it imports
        given = [f"{name}={value}" for name, value in os.environ.items() if name.startswith("NUMBA_")]
        if given:
            raise UsageError(
                f"Numba does not start ({in_one_line(error)}), and of its variables these are set: {', '.join(given)}; unset "
                "the one that it names, or all"
            ) from error
        raise DeviceError(
            f"Numba does not start ({in_one_line(error)}); installed are {versions(_PACKAGES)}: 'pip install --upgrade numbacnn' "
            "brings versions that work together"
        ) from error
    if config.DISABLE_JIT:
        raise UsageError("NUMBA_DISABLE_JIT is set, and the kernels can only be run compiled: unset it")


_prepared: set[type] = set()
"""Of Numba's targets those that have what they need to compile or load a kernel."""


def prepare_numba(target_context: Any) -> None:
    """Has Numba import what it needs to compile or load its first kernel, but SciPy's linear algebra.

    Numba imports that to see whether there is a BLAS for `np.dot` in compiled functions. No kernel here calls one, and the
    import is half of what a process waits for before its first kernel. Functions that do call one import it themselves.
    """
    if type(target_context) in _prepared:
        return
    _prepared.add(type(target_context))
    try:
        linalg = import_module("numba.np.linalg")
        asked = linalg.ensure_blas
    except (ImportError, AttributeError):  # another Numba, which looks in its own way
        return
    linalg.ensure_blas = _need_scipy
    try:
        target_context.refresh()
    finally:
        linalg.ensure_blas = asked


def _need_scipy() -> None:
    """Raises ImportError if SciPy is not installed, as `numba.np.linalg.ensure_blas` does."""
    if find_spec("scipy") is None:
        raise ImportError("scipy is required for linear algebra")


def versions(packages: Iterable[str]) -> str:
    """Returns the names and versions of those packages that are installed: "numba 0.68.1, numpy 2.4.6"."""
    found = []
    for package in packages:
        try:
            found.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def in_one_line(error: BaseException) -> str:
    """Returns the class of an error and the first line of its message."""
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
