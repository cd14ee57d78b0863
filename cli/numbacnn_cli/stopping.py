"""How a command that works is stopped: the signal is heard at once, and nothing keeps it from ending.

Python tells a signal to the main thread between two of its instructions. While LLVM compiles a kernel there is none for
seconds, and an exception that is raised inside an import or a destructor may get lost. So a second thread hears of
signals from the system itself (`set_wakeup_fd`), says so, and ends a process that compiles for too long; and what was
lost is raised again.
"""

from __future__ import annotations

import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from numbacnn.compiling import Compilations

from .output import ERASE, Output
from .signals import KINDS, Stopped, acting, leaves

SAID_AFTER = 0.2
"""Seconds: a command that ends sooner after a signal need not say that it heard it."""

LONGEST = 6.0
"""Seconds that a kernel's compilation may go on after a signal; systems that stop programs often give them ten."""

LastResort = Callable[[], bool]
"""Called on another thread than the main one, which is inside a compilation: saves what there is to save, and gives
whether the process may end now."""

_last_resorts: list[LastResort] = []

_lost: set[int] = set()
"""Signals that are sent again, as what they raised was lost."""


@contextmanager
def last_resort(act: LastResort) -> Iterator[None]:
    """While the block runs, `act` is called before a process that compiles for too long is ended."""
    _last_resorts.append(act)
    try:
        yield
    finally:
        _last_resorts.remove(act)


@contextmanager
def stoppable(out: Output, compiled: Compilations) -> Iterator[None]:
    """A signal raises Stopped inside the block, and is heard at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    hook = sys.unraisablehook

    def raise_again(unraisable: Any) -> None:
        if isinstance(unraisable.exc_value, Stopped):
            _again(unraisable.exc_value.number)
        else:
            hook(unraisable)

    sys.unraisablehook = raise_again
    try:
        with acting(stop), _Hearing(out, compiled):
            yield
    finally:
        sys.unraisablehook = hook


def stop(number: int, frame: FrameType | None) -> None:
    """Raises Stopped; if the main thread is where that would be lost, a moment later."""
    if _importing(frame):
        _again(number)
    else:
        raise Stopped(number)


def was_lost(number: int) -> bool:
    """Whether this is no second signal, but the first one once more."""
    try:
        _lost.remove(number)
    except KeyError:
        return False
    return True


def _importing(frame: FrameType | None) -> bool:
    """Whether the main thread is inside an import, where some packages catch whatever is raised."""
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


def _again(number: int) -> None:
    """Sends the signal once more, in a moment."""
    _lost.add(number)

    def send() -> None:
        if hasattr(signal, "pthread_kill"):
            signal.pthread_kill(threading.main_thread().ident or 0, number)
        else:
            signal.raise_signal(number)

    timer = threading.Timer(0.03, send)
    timer.daemon = True
    timer.start()


class _Hearing:
    """The thread that hears of signals while the main thread is busy."""

    def __init__(self, out: Output, compiled: Compilations) -> None:
        self._out, self._compiled = out, compiled
        self._ended = threading.Event()

    def __enter__(self) -> None:
        self._reads, self._writes = socket.socketpair()  # on Windows it has to be a socket
        self._writes.setblocking(False)
        self._before = signal.set_wakeup_fd(self._writes.fileno(), warn_on_full_buffer=False)
        self._thread = threading.Thread(target=self._hear, name="numbacnn hears signals", daemon=True)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        signal.set_wakeup_fd(self._before)
        self._writes.close()
        self._thread.join()
        self._reads.close()

    def _hear(self) -> None:
        while came := self._reads.recv(1):
            if came[0] in KINDS:
                break
        else:
            return
        until = time.monotonic() + LONGEST
        if self._ended.wait(SAID_AFTER):
            return
        self._say(
            "interrupted: ending as soon as this kernel is compiled"
            if self._compiled.under_way
            else "interrupted: ending"
        )
        while not self._ended.wait(max(0.2, until - time.monotonic())):
            if self._compiled.under_way and all(act() for act in _last_resorts):
                with suppress(OSError):
                    self._out.console.show_cursor(True)
                leaves(self._out.as_json)(came[0], None)

    def _say(self, text: str) -> None:
        if self._out.drawn:
            self._out.status = text
            return
        with suppress(OSError, ValueError):  # a terminal that is gone
            print(f"{ERASE if sys.stderr.isatty() else ''}{text}", file=sys.stderr, flush=True)
