"""What is shown on stderr while kernels are compiled, which happens once a machine and version.

On a terminal, a line that counts them and goes away, or its text beside the bars of a command that draws some;
elsewhere a line at the first. At the end of the command, a line with their number and the time they took.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from numbacnn.compiling import Compilations, watch

from .output import ERASE, Output


@contextmanager
def compilations_shown(out: Output) -> Iterator[Compilations]:
    """Shows what the command inside compiles, and yields the count."""
    stream = sys.stderr  # rich puts its own in place while it draws

    def tell(seen: Compilations) -> None:
        text = f"compiling kernels, once: {seen.compiled}" if seen.under_way else ""
        if not stream.isatty():
            if seen.compiled == seen.under_way == 1:
                print("compiling kernels, once", file=stream, flush=True)
        elif out.drawn:
            out.status = text
        else:
            stream.write(ERASE + text)
            stream.flush()

    with watch(tell) as seen:
        yield seen
    if seen.compiled:
        kernels = "1 kernel" if seen.compiled == 1 else f"{seen.compiled} kernels"
        later = "; from now on they are loaded" if seen.kept else ""
        print(f"compiled {kernels} in {seen.seconds:.1f} s{later}", file=stream)
