"""The first run of a new version: a second process compiles too.

This one compiles what a training step needs in the order of the step; the other begins with what the step needs last,
and both find in the cache what the other has compiled.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from ..device import CPU_DEVICE
from ..graph import Graph
from ..ops.kernel_cache import cache_bytes
from ..ops.other_processes import another_process, can_help
from ..program import Program

_BATCH = 2
"""Pictures: types matter to the compiler, sizes do not."""


@contextmanager
def compiling_beside(graph: Graph) -> Iterator[subprocess.Popen[bytes] | None]:
    """A process that compiles what the backward pass through a graph needs, until the block ends; None where kernels have
    been compiled before, where they cannot be kept, or where there is no second core.
    """
    if graph.device.name != CPU_DEVICE.name or cache_bytes() or not can_help():
        yield None
        return
    with another_process(rehearse, graph.bare()) as process:
        yield process


def rehearse(graph: Graph) -> None:
    """Compiles what the backward pass through a graph calls."""
    graph.initialise("zero")
    Program(graph, _BATCH, gradients="parameters", keep=()).rehearse()
