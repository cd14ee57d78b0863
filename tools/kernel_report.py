"""What every CUDA kernel takes of a GPU, found out without one: compiled as a launch would, read from its machine code.

    pip install 'numbacnn[cuda13,cuda-checks]'
    python tools/kernel_report.py [KERNEL...] [--capability 9.0]... [--json]

A KERNEL is a part of a name: `convolution` chooses all whose name holds it. Registers are a thread's, shared memory is a
block's, without what a launch asks for; FFMA and HMMA are the shares of multiply-adds and of tensor
cores' instructions in the longest loop.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kernels.report import Row

# The table of the ops' arguments, from which it is known how they launch their kernels.
sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kernels", nargs="*", metavar="KERNEL", help="part of a kernel's name; all if none")
    parser.add_argument(
        "--capability", action="append", metavar="X.Y", help="compute capability; 7.5, 8.0 and 9.0 if none"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args()
    for capability in options.capability or ():
        major, dot, minor = capability.partition(".")
        if not (dot and major.isdecimal() and minor.isdecimal()):
            parser.error(f"--capability {capability}: two numbers with a point, like 8.0, are expected")
    return options


def rows(options: argparse.Namespace) -> tuple[list[Row], list[str]]:
    """The rows that were asked for, and what did not compile. Ends the program where something is missing."""
    if importlib.util.find_spec("numba_cuda") is None:
        sys.exit("kernel_report.py: numba-cuda is not installed: pip install 'numbacnn[cuda13,cuda-checks]'")
    from kernels.compiled import CAPABILITIES
    from kernels.launches import launches
    from kernels.machine_code import need_tools
    from kernels.nvidia import ToolMissingError
    from kernels.report import CompilationError, fitting, pending_rows

    try:
        need_tools()
    except ToolMissingError as error:
        sys.exit(f"kernel_report.py: {error}")
    launched = launches()
    chosen = {
        name: ways
        for name, ways in launched.items()
        if not options.kernels or any(part in name for part in options.kernels)
    }
    if not chosen:
        sys.exit(
            f"kernel_report.py: no kernel's name holds {' or '.join(options.kernels)}: {', '.join(launched)}"
        )
    asked = [tuple(map(int, text.split("."))) for text in options.capability or ()]
    capabilities = [(major, minor) for major, minor in asked] or CAPABILITIES
    found, failures = [], []
    for _, made in list(pending_rows(chosen, lambda name: fitting(name, capabilities))):
        try:
            found += made()
        except CompilationError as error:
            failures.append(str(error))
    return found, failures


def table(found: list[Row]) -> None:
    from rich.console import Console
    from rich.table import Table

    drawn = Table(box=None, header_style="bold")
    for heading in ("kernel", "capability"):
        drawn.add_column(heading, no_wrap=True)
    for heading in ("registers", "shared", "spilt", "float64", "FFMA", "HMMA", "instructions"):
        drawn.add_column(heading, justify="right")
    for row in found:
        code = row.code
        drawn.add_row(
            row.name,
            row.compute_capability,
            str(code.registers),
            f"{code.shared_bytes} B" if code.shared_bytes else "-",
            f"{code.spill_bytes} B" if code.spill_bytes else "-",
            str(code.float64_instructions or "-"),
            f"{code.ffma_share:.0%}" if code.ffma_share else "-",
            f"{code.hmma_share:.0%}" if code.hmma_share else "-",
            str(len(code.instructions)),
        )
    # A file or a pipe has no width to be cut to.
    console = Console()
    Console(width=None if console.is_terminal else 160).print(drawn)


def main() -> None:
    options = arguments()
    found, failures = rows(options)
    if options.json:
        print(json.dumps({"kernels": [row.as_json() for row in found]}))
    else:
        table(found)
    if failures:
        sys.exit("\n".join(f"kernel_report.py: {failure}" for failure in failures))


if __name__ == "__main__":
    main()
