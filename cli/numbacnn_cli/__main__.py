"""Entry of the program `numbacnn`: run one command, and turn whatever happens into an exit code.

0 done · 1 failed · 2 bad usage · 130 interrupted (SIGINT) · 143 terminated (SIGTERM) · 141 nobody reads the output.
A failure is one line on stderr; NUMBACNN_TRACEBACK=1 shows the traceback too.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout
from types import FrameType
from typing import Any, NamedTuple, NoReturn


class Terminated(KeyboardInterrupt):
    """SIGTERM; whatever saves its work when the user interrupts it does so when the system does."""


class Failure(NamedTuple):
    """What the user is told, and the exit code."""

    code: int
    type: str
    message: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command of `arguments` (those of the process if None) and return its exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    as_json = "--json" in arguments
    stdout = sys.stdout
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character shows '?', not a traceback
    previous_handler = signal.signal(signal.SIGTERM, _terminate)
    previous_format, warnings.formatwarning = warnings.formatwarning, _format_warning
    result: dict[str, Any] | None = None
    failure: Failure | None = None
    try:
        from .app import app

        with _only_json(arguments, as_json):
            result = app.meta(arguments, exit_on_error=False, print_error=False, result_action="return_value")
        stdout.flush()
    except BaseException as error:
        if isinstance(error, SystemExit):
            raise
        failure = describe(error)
        if os.environ.get("NUMBACNN_TRACEBACK"):
            import traceback

            traceback.print_exc()
    finally:
        signal.signal(signal.SIGTERM, previous_handler)
        warnings.formatwarning = previous_format
    return _report(result, failure, as_json)


def _only_json(arguments: Sequence[str], as_json: bool) -> Any:
    """Keep stdout for the JSON, whatever a library prints; help is asked for by people and stays on stdout."""
    asks_for_text = not {"--help", "-h", "--version"}.isdisjoint(arguments)
    return redirect_stdout(sys.stderr) if as_json and not asks_for_text else nullcontext()


def _report(result: dict[str, Any] | None, failure: Failure | None, as_json: bool) -> int:
    from .output import print_json

    try:
        if failure is not None:
            if failure.message:
                print(failure.message, file=sys.stderr, flush=True)
            if as_json:
                print_json({"error": {"type": failure.type, "message": _bare(failure.message)}}, sys.stdout)
            return failure.code
        if as_json and result is not None:
            print_json(result, sys.stdout)
        return 0
    except BrokenPipeError:
        return _nobody_reads().code


def describe(error: BaseException) -> Failure:
    """The exit code and the line for an error."""
    from cyclopts import CycloptsError
    from numbacnn.errors import NumbacnnError, UsageError

    from .app import explain

    name = type(error).__name__
    match error:
        case CycloptsError():
            return Failure(2, "UsageError", _line(explain(error)))
        case UsageError():
            return Failure(2, name, _line(error))
        case NumbacnnError():
            return Failure(1, name, _line(error))
        case Terminated():
            return Failure(143, "Terminated", "terminated")
        case KeyboardInterrupt():
            return Failure(130, "Interrupted", "interrupted")
        case BrokenPipeError():
            return _nobody_reads()
        case OSError():
            where = f"{error.filename}: " if error.filename is not None else ""
            return Failure(1, name, _line(f"{where}{error.strerror or error}"))
        case MemoryError():
            return Failure(1, name, _line(f"not enough memory ({error}); a smaller --batch-size takes less"))
    detail = f"internal: {name}: {error} (NUMBACNN_TRACEBACK=1 shows where)"
    return Failure(1, "InternalError", _line(detail))


def _line(message: object) -> str:
    return "error: " + " ".join(part.strip() for part in str(message).splitlines())


def _bare(message: str) -> str:
    return message.removeprefix("error: ")


def _nobody_reads() -> Failure:
    # What is still buffered would fail once more when the interpreter flushes at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Failure(141, "BrokenPipeError", "")


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated


def _format_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    return f"warning: {message}\n"


if __name__ == "__main__":
    sys.exit(main())
