"""What becomes of a product's sum when it is stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..toolchain import ONE, ZERO, device_function


class Finish(NamedTuple):
    """Two device functions:

    load(start, column, place, slope)   the number that finishing a sum takes, which many sums ask for before the first waits;
                                        the sum belongs into that column of all groups, and into element `place` of C
    value(sum, number, slope)           what is stored
    """

    load: Callable[..., Any]
    value: Callable[..., Any]
    is_plain: bool = False
    """Whether sums are stored as they are, if the slope is 1: then nothing is loaded."""


@device_function
def _nothing(start: Any, column: Any, place: Any, slope: Any) -> Any:
    return ZERO


@device_function
def _as_it_is(total: Any, number: Any, slope: Any) -> Any:
    return total


@device_function
def _of_column(start: Any, column: Any, place: Any, slope: Any) -> Any:
    return start[column]


@device_function
def _biased_and_rectified(total: Any, number: Any, slope: Any) -> Any:
    value = total + number
    return value if value > ZERO else slope * value


@device_function
def _of_place(start: Any, column: Any, place: Any, slope: Any) -> Any:
    return start[place] if slope != ONE else ONE


@device_function
def _masked(total: Any, number: Any, slope: Any) -> Any:
    return total if number > ZERO else slope * total


as_it_is = Finish(_nothing, _as_it_is, is_plain=True)
biased_and_rectified = Finish(_of_column, _biased_and_rectified)
"""f(sum + start[column]), f(v) = v above 0, else slope v."""
masked = Finish(_of_place, _masked, is_plain=True)
"""The sum where start, which is as large as C, is above 0, else slope times it."""
