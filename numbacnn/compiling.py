"""How many kernels are being compiled, for whoever watches.

Numba is not imported here: watching costs nothing where no kernel is used. ops.compilation says when it begins and
ends one; a kernel that is loaded from the cache is neither.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Compilations:
    """Kernels whose compilation was begun, and the seconds that all took.

    `under_way` counts those that are not done yet: a kernel waits for the ones that it calls.
    """

    compiled: int = 0
    seconds: float = 0.0
    under_way: int = 0
    kept: bool = True
    """Whether later processes find what was compiled."""
    _since: float = 0.0

    def begin(self) -> None:
        if not self.under_way:
            self._since = time.perf_counter()
        self.compiled += 1
        self.under_way += 1

    def end(self) -> None:
        self.under_way -= 1
        if not self.under_way:
            self.seconds += time.perf_counter() - self._since


Tell = Callable[[Compilations], None]
"""Called at each beginning and end."""

_watchers: list[tuple[Compilations, Tell]] = []
_under_way: Counter[int] = Counter()
"""Thread -> the kernels that it is compiling."""


def here() -> bool:
    """Whether this thread is compiling a kernel, which therefore does not run yet."""
    return _under_way[threading.get_ident()] > 0


@contextmanager
def watch(tell: Tell = lambda _: None) -> Iterator[Compilations]:
    """Counts the kernels that are compiled inside the block."""
    watcher = Compilations(), tell
    _watchers.append(watcher)
    try:
        yield watcher[0]
    finally:
        _watchers.remove(watcher)


def begin() -> None:
    """A kernel is about to be compiled."""
    _under_way[threading.get_ident()] += 1
    for counted, tell in _watchers:
        counted.begin()
        tell(counted)


def end() -> None:
    """The kernel begun last is compiled, or cannot be."""
    _under_way[threading.get_ident()] -= 1
    for counted, tell in _watchers:
        counted.end()
        tell(counted)


def not_kept() -> None:
    """What was compiled could not be kept for later processes."""
    for counted, _ in _watchers:
        counted.kept = False
