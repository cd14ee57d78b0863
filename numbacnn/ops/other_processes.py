"""Other processes that compile beside this one: Numba compiles one function at a time in a process, and what one has compiled
the others find in the cache.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, BinaryIO

from .kernel_cache import can_be_kept

MOST = 8
"""Processes at a time: each takes some hundred megabytes."""


def can_help() -> bool:
    """Whether another process is of use: kernels can be kept, and there is a second core."""
    return can_be_kept() and (os.cpu_count() or 1) > 1 and bool(sys.executable)


@contextmanager
def another_process(function: Callable[[Any], None], argument: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process that calls a module's function with an argument, both pickled, until the block ends or this process does; it says
    nothing, and a failure of it is nobody's.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", f"from {__name__} import main; main()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    try:
        with suppress(OSError):  # it has ended already, and this process does without
            pickle.dump((function, argument), process.stdin)
            process.stdin.flush()
        yield process  # its input stays open for as long as this process lives
    finally:
        process.kill()
        process.wait()
        with suppress(OSError):
            process.stdin.close()


def in_processes(function: Callable[[Any], None], jobs: Sequence[Any]) -> None:
    """Calls a module's function with lists of jobs in several processes, which share the jobs, and waits for them. Nothing is done
    where other processes are of no use.
    """
    count = min(MOST, os.cpu_count() or 1, len(jobs))
    if count < 2 or not can_help():
        return
    with ExitStack() as stack:
        processes = [
            stack.enter_context(another_process(function, jobs[place::count])) for place in range(count)
        ]
        for process in processes:
            process.wait()


def main() -> None:
    """The other process: what to call comes by the standard input, which ends when the first process does, however that ends. Its
    exit status is 0 where the function came to its end.
    """
    function, argument = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_end_with, args=(sys.stdin.buffer,), daemon=True).start()
    failed = 1
    try:
        function(argument)
        failed = 0
    finally:
        # An interpreter that ends as usual aborts, as it finds that thread in the midst of reading.
        os._exit(failed)


def _end_with(stream: BinaryIO) -> None:
    stream.read()
    os._exit(1)
