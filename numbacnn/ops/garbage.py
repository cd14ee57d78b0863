"""Compiling without Python's search for garbage: compilers make so many objects, most of which stay, that looking through them took a
tenth of the time for the CPU and a sixth for GPUs.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


class _Search:
    """Python's search for garbage, which several compilations, one within another, keep from running."""

    def __init__(self) -> None:
        self._under_way, self._was_on = 0, False

    def pause(self) -> None:
        if not self._under_way:
            self._was_on = gc.isenabled()
            gc.disable()
        self._under_way += 1

    def resume(self) -> None:
        """Ends one `pause`; the last of them lets the search go on, if it was on before the first."""
        self._under_way -= 1
        if not self._under_way and self._was_on:
            gc.enable()


search = _Search()


@contextmanager
def no_search() -> Iterator[None]:
    search.pause()
    try:
        yield
    finally:
        search.resume()
