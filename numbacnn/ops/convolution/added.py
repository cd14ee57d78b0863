"""What a residual sum behind a convolution adds to its output, while this lies in the first cache."""

# Numba calls the overload's function with its own types.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import Any

from numba.extending import overload

from ..compilation import jit
from ..product import copy_panel
from ..rectifying import rectify_sum


@jit
def add_rows(y: Any, at: Any, row: Any, added: Any, rows: Any, columns: Any, slope: Any) -> None:
    """y = f(y + added), f(v) = v above 0, else slope v, of so many rows and columns of two flat arrays of the same layout: from `at` on, a
    row `row` numbers after the one before.
    """
    lanes = 64 // y.itemsize
    for i in range(rows):
        for j in range(0, columns, lanes):
            place = at + i * row + j
            rectify_sum(y, place, y, place, added, place, slope, columns - j)


def store_sum(y: Any, at: Any, source: Any, source_at: Any, added: Any, slope: Any) -> None:
    """Copies a panel's row of flat arrays, or where `added` is (A,), not (), stores f(source + A), whose numbers are in A where they are in
    y. Compiled functions alone call it.
    """
    raise NotImplementedError


@overload(store_sum, inline="always")
def _store_sum(y, at, source, source_at, added, slope):
    if len(added):
        return lambda y, at, source, source_at, added, slope: rectify_sum(
            y, at, source, source_at, added[0], at, slope, 64 // y.itemsize
        )
    return lambda y, at, source, source_at, added, slope: copy_panel(y, at, source, source_at)
