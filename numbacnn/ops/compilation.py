"""How kernels are compiled and where the result is kept.

Numba's cache does not notice a change in a function that a cached kernel calls, so the folder of the
cache is named after a digest of this room's sources (and of what else changes the machine code).
It belongs to the user alone (0700): a cache index is a pickle.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from pathlib import Path
from typing import Any

import llvmlite.binding
import numba
from filelock import FileLock
from numba.core import config, event
from platformdirs import user_cache_path

from .. import compiling
from . import launches, threading_layer

# OpenMP's threads wait for their next piece of work by spinning, unless told otherwise before they start. On cores
# that another process wants too, a step of the digits network then took up to 75 times as long. Asleep at once, they
# take longer to wake than a small kernel to run: a step of LeNet took 1.7 times as long. A thousand turns (GCC's
# OpenMP alone counts them) are between one kernel and the next, and were steady on shared cores.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
threading_layer.choose()

_functions: list[Any] = []
"""Every function that `jit` made: the kernels, and what they call."""

elsewhere: list[Any] = []
"""Kernels of other devices, with `stats` as Numba's."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: threading_layer.refuse_after_fork(_functions))


class _Reports(event.Listener):
    """Tells `compiling` what Numba compiles of these functions; helpers of Numba's own are left out."""

    def on_start(self, event: Any) -> None:
        if event.data["dispatcher"] in _functions:
            compiling.begin()

    def on_end(self, event: Any) -> None:
        if event.data["dispatcher"] in _functions:
            compiling.end()


event.register("numba:compile", _Reports())


@cache
def cache_folder() -> Path:
    """The folder of this version's compiled kernels, made if need be."""
    digest = hashlib.sha256(f"{numba.__version__} boundscheck={config.BOUNDSCHECK}".encode())
    for source in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(source.read_bytes())
    base = os.environ.get("NUMBACNN_CACHE_DIR")
    folder = (Path(base) if base else user_cache_path("numbacnn")) / "kernels" / digest.hexdigest()[:16]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def cache_bytes() -> int:
    """What this version's compiled kernels take on the disk."""
    return sum(file.stat().st_size for file in cache_folder().rglob("*") if file.is_file())


def loaded() -> int:
    """How many kernels this process has loaded from the cache."""
    return sum(sum(function.stats.cache_hits.values()) for function in (*_functions, *elsewhere))


def target() -> tuple[str, list[str]]:
    """The processor that kernels are compiled for: its name as LLVM has it, and its features, sorted."""
    features = llvmlite.binding.get_host_cpu_features()
    return llvmlite.binding.get_host_cpu_name(), sorted(name for name, has in features.items() if has)


def threads() -> int:
    """How many threads the kernels run on; NUMBA_NUM_THREADS sets it before the first import."""
    return int(config.NUMBA_NUM_THREADS)


@contextmanager
def _numba_caches_here() -> Iterator[None]:
    """Numba reads the setting while a function is decorated; other users of Numba keep theirs."""
    before = config.CACHE_DIR
    config.CACHE_DIR = str(cache_folder())
    try:
        yield
    finally:
        config.CACHE_DIR = before


def one_process_at_a_time(save: Callable[..., None]) -> Callable[..., None]:
    """Numba numbers a kernel's files by its index: two processes at once could give one number to two signatures."""

    def saved(*arguments: Any) -> None:
        with FileLock(cache_folder() / "saving.lock"):
            save(*arguments)

    return saved


def _launched(compiled: Any) -> Callable[..., None]:
    """A parallel function is called from Python alone, and its launch may be recorded."""

    @wraps(compiled.py_func)
    def call(*arguments: Any) -> None:
        launches.launch(compiled, *arguments)

    return call


def jit(function: Callable[..., Any] | None = None, *, parallel: bool = False, inline: bool = False) -> Any:
    """`numba.njit` with this project's cache.

    No fastmath: it would let the compiler assume that NaN and infinity never occur, and a diverged
    run has to be seen. NumPy's error model: a division by zero gives infinity, it does not raise.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        with _numba_caches_here():
            compiled = numba.njit(
                cache=True,
                parallel=parallel,
                inline="always" if inline else "never",
                error_model="numpy",
                nogil=True,
            )(function)
        compiled._cache.save_overload = one_process_at_a_time(compiled._cache.save_overload)
        _functions.append(compiled)
        return _launched(compiled) if parallel else compiled

    return decorate if function is None else decorate(function)
