"""What a command has to offer where memory is short."""

from __future__ import annotations

from collections.abc import Sequence

from cyclopts import CycloptsError

LESS = ("--batch-size", "--count", "--size", "--samples", "--index", "--input")
"""Options that say how much is in memory at once, those that change the result least first."""


def for_less_memory(arguments: Sequence[str]) -> str:
    """`; a smaller --batch-size takes less`, with an option that the command of this command line has."""
    from .app import app

    try:
        command = app.parse_commands(arguments)[1][-1]
        names = {
            name
            for argument in command.assemble_argument_collection(parse_docstring=False)
            for name in argument.names
        }
    except (CycloptsError, ValueError):  # no command, or one that is not there
        names = set()
    option = next((name for name in LESS if name in names), None)
    if option is None:
        return "; a smaller network or smaller pictures take less"
    return f"; a smaller {option} takes less"
