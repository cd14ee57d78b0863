"""The first run of a new version: a second process compiles too.

This one compiles what a training step needs in the order of the step; the other begins with what the step needs last,
and both find in the cache what the other has compiled. Numba compiles one function at a time in a process.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from ..device import CPU_DEVICE
from ..graph import Graph
from ..ops.kernel_cache import cache_bytes, can_be_kept
from ..program import Program

_BATCH = 2
"""Pictures: types matter to the compiler, sizes do not."""


@contextmanager
def compiling_beside(graph: Graph) -> Iterator[subprocess.Popen[bytes] | None]:
    """A process that compiles what the backward pass through a graph needs, until the block ends; None where kernels have
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
    assert process.stdin is not None
    try:
        with suppress(OSError):  # it has ended already, and this process does without
            pickle.dump(graph.bare(), process.stdin)
            process.stdin.flush()
        yield process  # its input stays open for as long as this process lives
    finally:
        process.kill()
        process.wait()
        with suppress(OSError):
            process.stdin.close()


def main() -> None:
    """The other process: a graph comes by the standard input, which ends when the first process does, however that ends."""
    graph = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_end_with, args=(sys.stdin.buffer,), daemon=True).start()
    rehearse(graph)


def _end_with(stream: BinaryIO) -> None:
    stream.read()
    os._exit(1)


def rehearse(graph: Graph) -> None:
    """Compiles what the backward pass through a graph calls."""
    graph.initialise("zero")
    Program(graph, _BATCH, gradients="parameters", keep=()).rehearse()
