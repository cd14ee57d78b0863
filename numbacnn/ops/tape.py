"""What a walk through a network launched, to be launched again without asking anything in Python twice.

A picture of LeNet takes its kernels 40 us, and took Python 60 more to find out, as for the picture before, which
algorithm, which table, how many threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import numba

from ..errors import NetworkError
from .threading_layer import turn

_Step = tuple[Callable[..., None], tuple[Any, ...]]


class _Recording(threading.local):
    """The tape that this thread records, and whether what it launches runs on the calling thread alone."""

    tape: Tape | None = None
    alone: bool = False


_recording = _Recording()


class Tape:
    """Functions and their arguments, in order: arrays are looked at again when the tape is played, numbers are not."""

    def __init__(self) -> None:
        self._steps: list[tuple[_Step, bool]] = []
        self._parts: list[tuple[bool, list[_Step]]] = []

    @contextmanager
    def record(self) -> Iterator[None]:
        """What this thread launches in between is carried out, and recorded."""
        _recording.tape = self
        try:
            yield
        finally:
            _recording.tape = None
        self._parts = [
            (alone, [step for step, _ in steps])
            for alone, steps in groupby(self._steps, lambda step: step[1])
        ]

    def play(self) -> None:
        """Launches all of it again."""
        with turn():
            for alone, steps in self._parts:
                if alone:
                    with single_thread():
                        for function, arguments in steps:
                            function(*arguments)
                else:
                    for function, arguments in steps:
                        function(*arguments)

    @contextmanager
    def growing(self, method: str) -> Iterator[None]:
        """Raises NetworkError if what is done in between, by the method of that name, adds no step."""
        before = len(self._steps)
        yield
        if len(self._steps) == before:
            raise NetworkError(
                f"{method} launched no op: what NumPy computes there would be computed in the first pass alone, as later ones "
                "repeat what was launched; compute it with the ops of numbacnn.ops (see Layer)"
            )

    def add(self, function: Callable[..., None], *arguments: Any) -> None:
        """Adds one step."""
        self._steps.append(((function, arguments), _recording.alone))


def launch(function: Callable[..., None], *arguments: Any) -> None:
    """Calls a function whose arguments will be the same when the walk is repeated."""
    if _recording.tape is not None:
        _recording.tape.add(function, *arguments)
    with turn():
        function(*arguments)


class single_thread:
    """Kernels run on the calling thread alone. Results are the same on any number of threads."""

    def __enter__(self) -> None:
        self._before, self._outer = numba.get_num_threads(), _recording.alone
        _recording.alone = True
        if self._before > 1:
            numba.set_num_threads(1)

    def __exit__(self, *_: object) -> None:
        _recording.alone = self._outer
        if self._before > 1:
            numba.set_num_threads(self._before)
