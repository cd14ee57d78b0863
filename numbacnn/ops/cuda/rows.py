"""One block a picture: the threads share its classes out, thread t taking classes t, t + T, t + 2T and so on."""

from __future__ import annotations

from typing import Any

from .toolchain import WARP, launch

MOST_THREADS = 256


def launch_rows(kernel: Any, rows: int, classes: int, *arguments: Any) -> None:
    """Launches a kernel with a block a row, of so many threads (a power of two) as its classes keep at work."""
    threads = WARP
    while threads < min(classes, MOST_THREADS):
        threads *= 2
    launch(kernel, rows, threads, *arguments)
