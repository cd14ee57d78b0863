"""The signals that end a command: Ctrl-C, a system that ends it, a terminal that is closed.

The program takes them before it imports anything else, so this module imports nothing that takes time: `signal` makes
enumerations of all that there are, `_signal` is what it wraps, and `typing` and `contextlib` are left out too.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType
    from typing import Any

    Act = Callable[[int, FrameType | None], None]
    """What is done about a signal; it runs on the main thread, between two of its instructions."""

_WORDS = {
    "SIGINT": ("Interrupted", "interrupted"),
    "SIGTERM": ("Terminated", "terminated"),
    "SIGHUP": ("HungUp", "the terminal was closed"),  # not on Windows
}
KINDS: dict[int, tuple[str, str]] = {
    int(getattr(_signal, name)): words for name, words in _WORDS.items() if hasattr(_signal, name)
}
"""Number -> (the type in the JSON of an error, its message)."""


class Stopped(KeyboardInterrupt):
    """One of the signals came: whatever saves its work when the user interrupts it does so for all of them."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.type, self.words = KINDS[number]
        super().__init__(self.words)

    @property
    def code(self) -> int:
        """The exit code that shells know: 128 and the signal's number."""
        return 128 + self.number


_acts: list[Act] = []
"""What is done about a signal: the last one counts."""


class acting:
    """While the block runs, `act` is what is done about a signal."""

    def __init__(self, act: Act) -> None:
        self._act = act

    def __enter__(self) -> None:
        _acts.append(self._act)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _acts.remove(self._act)


class taken(acting):
    """The signals are taken while the block runs, and `act` is done about them until something inside knows better.

    One that is ignored when the block begins stays so, as under nohup and in a script's background jobs.
    """

    def __enter__(self) -> None:
        super().__enter__()
        self._before: dict[int, Any] = {}
        for number in KINDS:
            if _signal.getsignal(number) not in (_signal.SIG_IGN, None):
                self._before[number] = _signal.signal(number, _came)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            _signal.signal(number, handler)
        super().__exit__(kind, error, traceback)


def _came(number: int, frame: FrameType | None) -> None:
    _acts[-1](number, frame)


def raises(number: int, frame: FrameType | None) -> None:
    """Raises Stopped wherever the main thread is."""
    raise Stopped(number)


def ends(number: int, frame: FrameType | None) -> None:
    """Ends the process without a word, which has said all that it had to say."""
    os._exit(128 + number)


def leaves(wants_json: bool) -> Act:
    """Ends the process at once: right where there is nothing to save yet, and an import would lose an exception."""

    def leave(number: int, frame: FrameType | None) -> None:
        kind, words = KINDS[number]
        if wants_json:
            _write(1, f'{{"error": {{"type": "{kind}", "message": "{words}"}}}}\n')
        _write(2, f"error: {words}\n")
        os._exit(128 + number)

    return leave


def _write(descriptor: int, text: str) -> None:
    try:  # noqa: SIM105 - contextlib takes time
        os.write(descriptor, text.encode())
    except OSError:  # closed, full, or a terminal that is gone
        pass
