"""Standard output and standard error where they are closed, full, or a terminal that is gone: no command fails half-way.

What cannot be written is left out, and the command goes on; `problem_of_output` is what to say of it at the end. A pipe
that nobody reads is another matter: it ends the command.
"""

from __future__ import annotations

import io
import os
import sys
from typing import Any, TextIO

_problem: OSError | None = None


def prepare() -> None:
    """Replaces the standard streams by ones that last as long as the process."""
    _occupy()
    sys.stdout = _lasting(sys.stdout, "standard output")
    sys.stderr = _lasting(sys.stderr, "standard error")


def problem_of_output() -> OSError | None:
    """Returns the error because of which standard output is incomplete; None if it is complete."""
    return _problem


def _occupy() -> None:
    """Opens descriptors 1 and 2 if they are closed, so that no file that is opened later gets them, to which libraries
    write.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


def _lasting(stream: TextIO | None, name: str) -> TextIO:
    if stream is None:  # closed when the process began: nobody asked for what it would say
        return open(os.devnull, "w", encoding="utf-8", errors="replace")
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    # A terminal that lacks a character shows '?', not a traceback.
    return _Lasting(name, stream.buffer, encoding=stream.encoding, errors="replace",
                    line_buffering=stream.line_buffering, write_through=stream.write_through)  # fmt: skip


class _Lasting(io.TextIOWrapper):
    """A stream that goes on when its device does not."""

    def __init__(self, name: str, buffer: Any, **options: Any) -> None:
        super().__init__(buffer, **options)
        self._what = name

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            self._give_up(error)
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """From now on nothing is written, what is still buffered too. Raises BrokenPipeError again."""
        global _problem  # noqa: PLW0603 - there is one standard output
        if isinstance(error, BrokenPipeError):
            raise error
        if self._what == "standard output":
            _problem = OSError(error.errno, error.strerror, self._what)
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
