"""The library whose threads run Numba's parallel loops, and what it cannot do.

              two threads may launch kernels   a forked process may launch kernels
    tbb       yes                              yes
    omp       yes                              not with GNU's OpenMP (Linux), once the threads have started
    workqueue no: they take turns (`turn`)     yes

(Numba's manual, "The Threading Layers".) The first of them that can be loaded is taken. TBB comes first because it
does everything, and because its threads take over each other's work: training LeNet on two cores with another process
on one of them, it was 1.3 to 1.7 times as fast as OpenMP. Alone on the two, both were as fast to within what the runs
scattered (medians: LeNet 2 %, digits 8 % for OpenMP). The workqueue, always there, was less than half as fast.
NUMBA_THREADING_LAYER and NUMBA_THREADING_LAYER_PRIORITY choose otherwise.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module, metadata
from typing import Any, NamedTuple

import numba
from numba.core import config
from numba.np.ufunc.parallel import _launch_threads

from ..errors import DeviceError, UsageError

ORDER = ("tbb", "omp", "workqueue")
_NEEDS = {"tbb": ("tbb",), "safe": ("tbb",), "omp": ("omp",), "threadsafe": ("tbb", "omp")}
"""Maps a value of NUMBA_THREADING_LAYER to the layers of which one must be installed."""
_OTHERS = ("default", "workqueue", "forksafe")
_COMES_WITH = {
    "tbb": "tbb comes with 'pip install tbb'",
    "omp": "omp with the system's OpenMP library (libomp, libgomp)",
}
_LIBRARIES = ("libtbb.so.12", "tbb12.dll")


class ThreadingLayer(NamedTuple):
    """The layer in use, its abilities (see above), and why it was chosen."""

    name: str
    thread_safe: bool
    fork_safe: bool
    reason: str


def choose() -> None:
    """Sets Numba's order of preference, unless the user set one; no layer is loaded yet.

    Raises UsageError if the user's choice names no layer, or none that is installed.
    """
    if "NUMBA_THREADING_LAYER_PRIORITY" not in os.environ:
        config.THREADING_LAYER_PRIORITY = list(ORDER)
    elif sorted(config.THREADING_LAYER_PRIORITY) != sorted(ORDER):
        given = os.environ["NUMBA_THREADING_LAYER_PRIORITY"]
        raise UsageError(
            f"NUMBA_THREADING_LAYER_PRIORITY={given}: '{' '.join(ORDER)}' in some order is expected; set it so, or unset it"
        )
    asked = str(config.THREADING_LAYER).lower()
    if asked not in ("omp", "workqueue"):
        _find_tbb()
    if asked not in (*_NEEDS, *_OTHERS):
        raise UsageError(
            f"NUMBA_THREADING_LAYER={config.THREADING_LAYER}: one of {', '.join(sorted((*_NEEDS, *_OTHERS)))} is expected; set it "
            "so, or unset it"
        )
    needed = _NEEDS.get(asked, ())
    if needed and not any(map(_can_be_loaded, needed)):
        raise UsageError(
            f"NUMBA_THREADING_LAYER={config.THREADING_LAYER}: {' and '.join(needed)} cannot be loaded here. "
            f"{', '.join(_COMES_WITH[name] for name in needed)}; unset the variable to take what is here"
        )


def _can_be_loaded(name: str) -> bool:
    try:
        if name == "tbb":
            ctypes.CDLL({"win32": "tbb12.dll", "darwin": "libtbb.12.dylib"}.get(sys.platform, "libtbb.so.12"))
        import_module(f"numba.np.ufunc.{name}pool")
    except (ImportError, OSError):
        return False
    return True


class _Turns:
    """Decides who may launch kernels: one thread at a time until the layer is known, and with a layer that allows only
    one.
    """

    lock = threading.RLock()
    free: AbstractContextManager[None] | None = None
    started = False

    @classmethod
    def begin_again(cls) -> None:
        """Resets the lock in a forked process, which does not have the thread that may have held it."""
        cls.lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_Turns.begin_again)


def turn() -> AbstractContextManager[Any]:
    """Returns a context in which a thread may launch kernels. Numba's workqueue would end a process in which two
    threads do so at a time.
    """
    if _Turns.free is not None:
        return _Turns.free
    found = layer()
    if found is not None and found.thread_safe:
        _Turns.free = nullcontext()
    return _Turns.lock


def _find_tbb() -> None:
    """Loads the TBB that pip installed, whose folder no loader searches; Numba then finds it by its name."""
    try:
        distribution = metadata.distribution("tbb")
    except metadata.PackageNotFoundError:
        return
    for file in distribution.files or ():
        if file.name in _LIBRARIES:
            try:
                ctypes.CDLL(str(distribution.locate_file(file)))
            except OSError:  # for another machine, or in pieces: Numba goes on to the next layer
                return


def start() -> None:
    """Loads the layer and starts its threads, whose functions compiled loops look up by name. Only the first call does
    anything.
    """
    if not _Turns.started:
        _launch_threads()
        _Turns.started = True


def layer() -> ThreadingLayer | None:
    """Returns the layer in use; None before the first parallel kernel."""
    try:
        name = str(numba.threading_layer())
    except ValueError:
        return None
    return ThreadingLayer(name, name != "workqueue", name != "omp" or sys.platform != "linux", _reason(name))


def _reason(name: str) -> str:
    if config.THREADING_LAYER != "default":
        return f"NUMBA_THREADING_LAYER is {config.THREADING_LAYER}"
    order = config.THREADING_LAYER_PRIORITY
    missing = order[: order.index(name)]
    chosen = ", as NUMBA_THREADING_LAYER_PRIORITY says" if tuple(order) != ORDER else ""
    return f"the first of {', '.join(order)}{chosen}" + (
        f"; {' and '.join(missing)} cannot be loaded" if missing else ""
    )


def refuse_after_fork(functions: Iterable[Any]) -> None:
    """Makes kernels raise DeviceError in a forked process whose layer does not allow forks.

    Numba would end the child without a message to Python, so that a pool waits for it forever, and a child of the child
    hangs.
    """
    found = layer()
    if found is None or found.fork_safe:
        return

    def refuse(*_: Any, **__: Any) -> None:
        raise DeviceError(
            "this process was forked after GNU OpenMP's threads had started, and no kernel can run in it: start "
            "processes by multiprocessing's 'spawn' or 'forkserver', or install tbb"
        )

    for function in functions:
        function._reset_overloads()  # what is compiled is called without asking
        function._compile_for_args = refuse
