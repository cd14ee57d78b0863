"""The library whose threads run Numba's parallel loops, and what it cannot do.

              two threads may launch kernels   a forked process may launch kernels
    tbb       yes                              yes
    omp       yes                              not with GNU's OpenMP (Linux), once the threads have started
    workqueue no: the process is ended         yes

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
from collections.abc import Iterable
from importlib import metadata
from typing import Any, NamedTuple

import numba
from numba.core import config

from ..errors import DeviceError

ORDER = ("tbb", "omp", "workqueue")
_LIBRARIES = ("libtbb.so.12", "tbb12.dll")


class ThreadingLayer(NamedTuple):
    """The layer in use, what it can do (see above), and why it was taken."""

    name: str
    thread_safe: bool
    fork_safe: bool
    reason: str


def choose() -> None:
    """Sets Numba's order of preference, unless the user set one; no layer is loaded yet."""
    if "NUMBA_THREADING_LAYER_PRIORITY" not in os.environ:
        config.THREADING_LAYER_PRIORITY = list(ORDER)
    if config.THREADING_LAYER not in ("omp", "workqueue"):
        _find_tbb()


def _find_tbb() -> None:
    """Loads the TBB that pip installed, whose folder no loader searches: Numba then finds it by its name."""
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


def layer() -> ThreadingLayer | None:
    """The layer in use; None before the first parallel kernel."""
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
    """In a forked process whose layer does not bear it: each of the kernels raises DeviceError when it is called.

    Numba would end a child without a word to Python, so that a pool waits for it forever, and a child's child hangs.
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
