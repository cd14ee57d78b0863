"""Entry of the program `numbacnn`: the signals are taken first, then everything else is imported."""

from __future__ import annotations

import sys

# A module of its own: under `python -m numbacnn_cli` this one exists twice, and so would what it holds.
from .signals import acting, ends, leaves, raises, taken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command of `arguments` (those of the process if None) and return its exit code."""
    if arguments is None:
        return _program(sys.argv[1:])
    with taken(raises):
        from .shell import run_command

        return run_command(arguments)


def _program(arguments: Sequence[str]) -> int:
    """Runs the process as the program itself. A signal ends the process at once until a command has begun, and again
    when it is done.
    """
    taken(leaves(wants_json="--json" in arguments)).__enter__()  # for as long as the process lives
    from .shell import end_process, run_command, said_all
    from .streams import prepare

    prepare()
    code = said_all(run_command(arguments))
    acting(ends).__enter__()
    return end_process(code)


if __name__ == "__main__":
    sys.exit(main())
