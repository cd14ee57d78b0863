"""Compiled functions with their arguments, in an order: what is left of a program when it runs.

A picture of LeNet takes its kernels 40 us; asking in Python which algorithm, which table and how many threads, for every
picture again, took 60 more. So ops are asked once, and what they would launch is written down. What is repeated often is
carried out by one call of machine code (replay.py), as Python took longer to call the functions than they to run.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numba

from .threading_layer import turn

if TYPE_CHECKING:
    from .replay import Replay

_OFTEN = 16
"""Runs after which launches are laid out: that takes some 20 times as long as it saves in a run."""
_LONG = 0.1
"""Seconds of a run above which nothing is saved that anybody would notice, and between whose kernels Python looks at signals."""

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
        self._runs = 0
        self._replays: list[tuple[Replay | None, Launches]] | None = None
        """Once they are laid out: launches in their order, in pieces that are laid out or that are not."""

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """What this thread launches in between is written down, and not carried out."""
        before, _state.written = _state.written, []
        try:
            yield
            steps = _state.written
        finally:
            _state.written = before
        self._parts += _parts(steps)

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

    def run(self, times: int = 1) -> None:
        """Carries all of it out, `times` times. While this thread records launches, they are written down among these."""
        if _state.written is not None:
            steps = [(launch, alone) for alone, same in self._parts for launch in same]
            _state.written += times * steps
            return
        with turn():
            while times:
                times -= self._run_laid_out(times) if self._replays is not None else self._run_from_python()

    def _run_from_python(self) -> int:
        """Carries it out once, and lays it out if that was done often enough; returns 1."""
        self._runs += 1
        begun = time.perf_counter()
        self._run_from(0)
        if self._runs == _OFTEN and time.perf_counter() - begun < _LONG:
            self._replays = self._laid_out()
        return 1

    def _run_laid_out(self, times: int) -> int:
        """Carries it out once, or `times` times where one call can; returns how many times."""
        replays = self._replays or []
        if len(replays) > 1:
            times = 1
        for replay, launches in replays:
            done = 0 if replay is None else replay(times)
            times = min(done // len(launches) + 1, times)
            launches._run_from(done - (times - 1) * len(launches))
        return times

    def _run_from(self, first: int) -> None:
        """Calls the functions from Python, the first of them left out: one that failed in a replay raises here what it raises."""
        for alone, launches in self._parts:
            if first >= len(launches):
                first -= len(launches)
                continue
            with single_thread() if alone else nullcontext():
                for function, arguments in launches[first:]:
                    function(*arguments)
            first = 0

    def _laid_out(self) -> list[tuple[Replay | None, Launches]]:
        """The launches in pieces: what one call carries out, and what Python has to call."""
        from .replay import Replay, laid_out  # here, as what it imports launches kernels itself

        steps = [(launch, alone) for alone, same in self._parts for launch in same]
        rows = laid_out((function, arguments, alone) for (function, arguments), alone in steps)
        pieces: list[tuple[Replay | None, Launches]] = []
        for is_row, same in groupby(zip(rows, steps, strict=True), lambda step: step[0] is not None):
            mine = list(same)
            try:
                replay = Replay([row for row, _ in mine if row is not None]) if is_row else None
            except RuntimeError:  # of an LLVM that does not take what replay.py writes
                replay = None
            pieces.append((replay, Launches(_parts([step for _, step in mine]))))
        return pieces


def _parts(steps: list[tuple[Launch, bool]]) -> list[tuple[bool, list[Launch]]]:
    """Launches, each with whether it is for one thread, as runs of those that agree in that."""
    return [(alone, [launch for launch, _ in same]) for alone, same in groupby(steps, lambda step: step[1])]


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
