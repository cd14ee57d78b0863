"""Partial sums, added in an order that their number alone decides: the same bits in every run, as no thread adds to
another's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..budget import Budget
from ..columns import put_behind, sum_rows_of
from ..elements import element, launch_each
from ..toolchain import device_function, kernel
from .finishing import Finish, biased_and_rectified, masked

BUDGETS = {
    "combine._combine": Budget(registers=32, shared_bytes=0),
    "combine.biased_and_rectified": Budget(registers=32, shared_bytes=0),
    "combine.masked": Budget(registers=32, shared_bytes=0),
}
_FEW, _MOST_ELEMENTS = 8, 1 << 18
"""More parts than so many, of fewer elements than so many, are added by eight threads an element: one alone would wait for
memory again and again, with too few others beside it.
"""


@device_function
def _sum(parts: Any, i: Any, size: Any, count: Any) -> Any:
    own = parts[i]
    place = i
    for _ in range(1, count):
        place = np.uint32(place + size)
        own += parts[place]
    return own


@kernel
def _combine(total: Any, rest: Any, parts: Any, size: Any, count: Any) -> None:
    i = element()
    if i < size:
        put_behind(total, rest, i, _sum(parts, i, size, count))


def _make_finished(name: str, finish: Finish) -> Any:
    load, value = finish.load, finish.value

    def combine_finished(
        total: Any, parts: Any, size: Any, count: Any, start: Any, slope: Any, columns: Any
    ) -> None:
        i = element()
        if i < size:
            number = load(start, np.uint32(i % columns), i, slope)
            total[i] = value(_sum(parts, i, size, count), number, slope)

    return kernel(combine_finished, name=f"combine.{name}")


_FINISHED = {
    biased_and_rectified: _make_finished("biased_and_rectified", biased_and_rectified),
    masked: _make_finished("masked", masked),
}


def combine(total: Any, parts: Any, count: int, rest: Any = None) -> None:
    """total = parts[0] + parts[1] + …, of `count` arrays as large as the total, one after the other. With `rest`, arrays as
    large as both: what goes beyond the total goes there.
    """
    rest, size = (total, total.size) if rest is None else (rest, total.size + rest.size)
    if count > _FEW and size < _MOST_ELEMENTS:
        sum_rows_of(total, parts, count, size, rest)
    else:
        launch_each(_combine, size, total, rest, parts, size, count)


def combine_finished(
    total: Any, parts: Any, count: int, finish: Finish, start: Any, slope: float, columns: int
) -> None:
    """total = the sum of the parts, finished with `start`; the total's rows have so many columns."""
    size = total.size
    launch_each(_FINISHED[finish], size, total, parts, size, count, start, slope, columns)
