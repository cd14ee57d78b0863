"""Compiled functions with their arguments, in an order: what is left of a program when it runs.

A picture of LeNet takes its kernels 40 us; asking in Python which algorithm, which table and how many threads, for every
picture again, took 60 more. So ops are asked once, and what they would launch is written down.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import numba

from .threading_layer import turn

Launch = tuple[Callable[..., None], tuple[Any, ...]]


class _State(threading.local):
    """Where this thread writes its launches down (None: it carries them out), and whether they are for it alone."""

    written: list[tuple[Launch, bool]] | None = None
    alone: bool = False


_state = _State()


class Launches:
    """Functions and their arguments; arrays are looked at when they are run, numbers are what they were."""

    def __init__(self, parts: list[tuple[bool, list[Launch]]] | None = None) -> None:
        self._parts = [] if parts is None else parts

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """What this thread launches in between is written down, and not carried out."""
        before, _state.written = _state.written, []
        try:
            yield
            steps = _state.written
        finally:
            _state.written = before
        self._parts += [
            (alone, [launch for launch, _ in same]) for alone, same in groupby(steps, lambda step: step[1])
        ]

    def __len__(self) -> int:
        return sum(len(same) for _, same in self._parts)

    def each(self) -> list[Launches]:
        """Every launch by itself."""
        return [Launches([(alone, [launch])]) for alone, same in self._parts for launch in same]

    @property
    def names(self) -> list[str]:
        """Of what is launched: a function's, or what its first argument says of itself (a launch made ready)."""
        return [
            str(getattr(arguments[0] if arguments else None, "name", getattr(function, "__name__", "")))
            for _, same in self._parts
            for function, arguments in same
        ]

    def run(self) -> None:
        """Carries all of it out."""
        with turn():
            for alone, launches in self._parts:
                if alone:
                    with single_thread():
                        for function, arguments in launches:
                            function(*arguments)
                else:
                    for function, arguments in launches:
                        function(*arguments)


def launch(function: Callable[..., None], *arguments: Any) -> None:
    """Calls a function, or, while launches are recorded, writes the call down."""
    if _state.written is None:
        with turn():
            function(*arguments)
    else:
        _state.written.append(((function, arguments), _state.alone))


class single_thread:
    """Kernels run on the calling thread alone. Results are the same on any number of threads."""

    def __enter__(self) -> None:
        self._before, self._outer = numba.get_num_threads(), _state.alone
        _state.alone = True
        if self._before > 1:
            numba.set_num_threads(1)

    def __exit__(self, *_: object) -> None:
        _state.alone = self._outer
        if self._before > 1:
            numba.set_num_threads(self._before)
