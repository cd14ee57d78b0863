"""How kernels are compiled. ops.kernel_cache keeps them for later processes."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from typing import Any

import llvmlite.binding
import numba
from numba.core import config, event
from numba.core.caching import FunctionCache

from .. import compiling
from . import kernel_cache, launches, threading_layer
from .garbage import search
from .inner import InnerCache, InnerCompiler, LoopCompiler

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
"""Kernels of other devices, which have the same `stats` as Numba's."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: threading_layer.refuse_after_fork(_functions))


class _Reports(event.Listener):
    """Tells `compiling` when Numba compiles one of these functions; Numba's own helper functions are not reported."""

    def on_start(self, event: Any) -> None:
        if event.data["dispatcher"] in _functions:
            compiling.begin()

    def on_end(self, event: Any) -> None:
        if event.data["dispatcher"] in _functions:
            compiling.end()


class _NoSearch(event.Listener):
    """Keeps Python from looking for garbage while Numba compiles."""

    def on_start(self, event: Any) -> None:
        search.pause()

    def on_end(self, event: Any) -> None:
        search.resume()


event.register("numba:compile", _Reports())
event.register("numba:compile", _NoSearch())


def loaded() -> int:
    """Returns the number of kernels that this process has loaded from the cache."""
    return sum(sum(function.stats.cache_hits.values()) for function in (*_functions, *elsewhere))


def target() -> tuple[str, list[str]]:
    """Returns the processor that kernels are compiled for: LLVM's name for it, and its features, sorted."""
    features = llvmlite.binding.get_host_cpu_features()
    return llvmlite.binding.get_host_cpu_name(), sorted(name for name, has in features.items() if has)


def threads() -> int:
    """Returns the number of threads that kernels run on, which NUMBA_NUM_THREADS sets before the first import."""
    return int(config.NUMBA_NUM_THREADS)


def threads_now() -> int:
    """Returns the number of them that the caller may use: one where an op is too small for several (launches.single_thread)."""
    return int(numba.get_num_threads())


def _launched(compiled: Any) -> Callable[..., None]:
    """Wraps a parallel function, which only Python calls, such that its launches can be recorded; the wrapper says so itself, by
    its attribute `launches`.
    """

    @wraps(compiled.py_func)
    def call(*arguments: Any) -> None:
        threading_layer.start()
        launches.launch(compiled, *arguments)

    call.launches = True
    return call


def jit(
    function: Callable[..., Any] | None = None,
    *,
    parallel: bool = False,
    inline: bool = False,
    from_python: bool = False,
    by_address: bool = False,
    loop: bool = False,
) -> Any:
    """Compiles a function with `numba.njit`, without fastmath, and with this project's cache.

    fastmath would let the compiler assume that NaN and infinity never occur, and a diverged run must be visible. A
    division by zero gives infinity, as in NumPy.

    Python may only call a function that says so, with `from_python` or with `parallel`: such a function may also divide loops among
    threads (parallel.py). With `by_address`, compiled functions may call it by its address (chain/calling.py). All others are code
    for the compiled functions that call them (inner.py), `loop` that of a loop which threads share.
    """
    inner = not (parallel or from_python or by_address)
    options: dict[str, Any] = {"no_cpython_wrapper": not (parallel or from_python), "no_cfunc_wrapper": True}
    if inner:
        options["pipeline_class"] = LoopCompiler if loop else InnerCompiler

    def decorate(function: Callable[..., Any]) -> Any:
        compiled = numba.njit(
            inline="always" if inline else "never",
            error_model="numpy",
            nogil=True,
            **options,
        )(function)
        kernel_cache.keep(compiled, InnerCache if inner else FunctionCache)
        _functions.append(compiled)
        return _launched(compiled) if parallel else compiled

    return decorate if function is None else decorate(function)
