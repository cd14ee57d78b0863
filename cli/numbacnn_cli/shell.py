"""Runs one command, and turns whatever happens into an exit code.

0 done · 1 failed · 2 bad usage · 130 interrupted (SIGINT) · 143 terminated (SIGTERM) · 129 the terminal was closed
(SIGHUP) · 141 nobody reads the output.
A failure is one line on stderr; NUMBACNN_TRACEBACK=1 shows the traceback too.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout, suppress
from typing import NamedTuple

from .signals import KINDS, Stopped
from .streams import problem_of_output


class Failure(NamedTuple):
    """An exit code, and the error's type and message for the user."""

    code: int
    type: str
    message: str


def run_command(arguments: Sequence[str]) -> int:
    """Run the command of `arguments` and return its exit code."""
    wants_json = "--json" in arguments
    previous_format, warnings.formatwarning = warnings.formatwarning, _format_warning
    # Pillow's of pictures with 90 megapixels and more: how many are read and what they take is checked anyway.
    warnings.filterwarnings("ignore", r"Image size \(\d+ pixels\) exceeds limit")
    try:
        line = _run(arguments, wants_json)
        if line is not None:
            print(line)
        sys.stdout.flush()
        return 0
    except SystemExit:
        raise
    except BaseException as error:
        return _fail(error, arguments, wants_json)
    finally:
        warnings.formatwarning = previous_format


def said_all(code: int) -> int:
    """Returns the exit code of a command that is done; it is that of a failure if standard output did not take
    everything.
    """
    with suppress(BrokenPipeError):
        sys.stdout.flush()
    problem = problem_of_output()
    if problem is None or code:
        return code
    failure = describe(problem)
    print(f"error: {failure.message}", file=sys.stderr, flush=True)
    return failure.code


def _run(arguments: Sequence[str], wants_json: bool) -> str | None:
    """Runs the command, and returns its result as JSON if that is wanted."""
    from .app import run
    from .output import as_json

    # Whatever a library prints, stdout is for the JSON; help is for people, and stays there.
    asks_for_text = not {"--help", "-h", "--version"}.isdisjoint(arguments)
    with redirect_stdout(sys.stderr) if wants_json and not asks_for_text else nullcontext():
        result = run(arguments)
    return as_json(result) if wants_json and isinstance(result, dict) else None


def _fail(error: BaseException, arguments: Sequence[str], wants_json: bool) -> int:
    from numbacnn.errors import without_controls

    from .output import as_json

    if os.environ.get("NUMBACNN_TRACEBACK"):
        import traceback

        traceback.print_exception(error)
    failure = describe(_stopped(error) or error, arguments)
    try:
        if failure.message:
            print(f"error: {without_controls(failure.message)}", file=sys.stderr, flush=True)
        if wants_json:
            print(as_json({"error": {"type": failure.type, "message": failure.message}}), flush=True)
    except BrokenPipeError:
        return _nobody_reads().code
    except OSError:  # a terminal that was closed
        pass
    return failure.code


def _stopped(error: BaseException) -> Stopped | None:
    """Returns the signal that ended the command, if one did. When a terminal is closed, the clean-up fails too, and its
    error hides the signal.
    """
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, Stopped):
        seen = seen.__context__ if isinstance(seen, OSError) else None
    return seen


def end_process(code: int) -> int:
    """Returns the exit code for `sys.exit`. After a signal it ends the process here, as threads may compile for a while
    yet.
    """
    if code > 128 and code - 128 in KINDS:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    return code


def describe(error: BaseException, arguments: Sequence[str] = ()) -> Failure:
    """Returns the exit code and the message for an error of that command line."""
    from cyclopts import CycloptsError

    from numbacnn.errors import NotEnoughMemory, NumbacnnError, UsageError

    from .app import explain
    from .remedies import for_less_memory

    name = type(error).__name__
    match error:
        case CycloptsError():
            return Failure(2, "UsageError", _line(explain(error)))
        case UsageError():
            return Failure(2, name, _line(error))
        case NotEnoughMemory():
            remedy = for_less_memory(arguments) if error.by_pictures else "; a smaller network takes less"
            return Failure(1, name, _line(f"{error}{remedy}"))
        case NumbacnnError():
            return Failure(1, name, _line(error))
        case Stopped():
            return Failure(error.code, error.type, error.words)
        case KeyboardInterrupt():
            return Failure(130, "Interrupted", "interrupted")
        case BrokenPipeError():
            return _nobody_reads()
        case OSError():
            where = f"{error.filename}: " if error.filename is not None else ""
            return Failure(1, name, _line(f"{where}{error.strerror or error}"))
        case MemoryError():
            detail = f": {error}" if str(error) else ""
            return Failure(1, name, _line(f"not enough memory{detail}{for_less_memory(arguments)}"))
    detail = f"internal: {name}: {error} (NUMBACNN_TRACEBACK=1 shows where)"
    return Failure(1, "InternalError", _line(detail))


def _line(message: object) -> str:
    return " ".join(part.strip() for part in str(message).splitlines())


def _nobody_reads() -> Failure:
    # What is still buffered would fail once more when the interpreter flushes at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Failure(141, "BrokenPipeError", "")


def _format_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    from numbacnn.errors import without_controls

    return f"warning: {without_controls(str(message))}\n"
