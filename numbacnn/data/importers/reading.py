"""What somebody may say of how a source is to be read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ...errors import UsageError
from ..checks import Range

MAX_SIZE = 8192
"""Pixels of a side to which pictures are brought, at most: above it a handful of pictures fills the memory."""

Watch = Callable[..., Iterable[Any]]
"""Passes items on and shows how far they are: (items, description, how many)."""


def unwatched(items: Iterable[Any], *_: object) -> Iterable[Any]:
    """The items, with nobody who looks on."""
    return items


@dataclass(frozen=True)
class ReadOptions:
    """`size`: the height and width to which pictures of no common size are brought. `pixel_range`: the values of black
    and white in arrays, None for the usual ones. `skip_broken`: pictures that cannot be read are left out.

    Raises UsageError for values that cannot be meant.
    """

    size: int
    pixel_range: Range | None = None
    skip_broken: bool = False
    watch: Watch = unwatched

    def __post_init__(self) -> None:
        if not 1 <= self.size <= MAX_SIZE:
            raise UsageError(f"size {self.size}: 1 to {MAX_SIZE} pixels are expected")
        if self.pixel_range is not None:
            black, white = self.pixel_range
            if not (math.isfinite(black) and math.isfinite(white)) or black == white:
                raise UsageError(
                    f"range {black:g},{white:g}: two different numbers are expected, black and white"
                )
