"""The first run of a new version: a second process compiles too.

This one compiles what a training step needs in the order of the step; the other begins with what the step needs last,
and both find in the cache what the other has compiled. Numba compiles one function at a time in a process.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ..device import CPU_DEVICE
from ..graph import Graph
from ..ops.kernel_cache import cache_bytes, can_be_kept
from ..program import Program

_BATCH = 2
"""Pictures: types matter to the compiler, sizes do not."""


@contextmanager
def compiling_beside(graph: Graph) -> Iterator[subprocess.Popen[bytes] | None]:
    """A process that compiles what the walk back through a graph needs, until the block ends; None where kernels have
    been compiled before, where they cannot be kept, or where there is no second core.
    """
    if (
        graph.device.name != CPU_DEVICE.name
        or cache_bytes()
        or not can_be_kept()
        or (os.cpu_count() or 1) < 2
        or not sys.executable
    ):
        yield None
        return
    process = subprocess.Popen(
        [sys.executable, "-c", f"from {__name__} import main; main()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdin is not None
        try:
            with process.stdin as pipe:
                pickle.dump(graph.bare(), pipe)
        except OSError:  # it has ended already, and this process does without
            pass
        yield process
    finally:
        process.kill()
        process.wait()


def main() -> None:
    """The other process: a graph comes by the standard input."""
    graph = pickle.load(sys.stdin.buffer)
    graph.initialise("zero")
    Program(graph, _BATCH, gradients="parameters", keep=()).rehearse()
