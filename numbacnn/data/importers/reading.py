"""Options of how a source is read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ...errors import UsageError
from ..checks import Range

MAX_SIZE = 8192
"""The largest side, in pixels, to which pictures are scaled; larger ones would fill the memory with a handful of
pictures.
"""

Watch = Callable[..., Iterable[Any]]
"""A function of (items, description, number of items) that passes the items on and shows the progress."""


def unwatched(items: Iterable[Any], *_: object) -> Iterable[Any]:
    """Returns the items; a Watch that shows nothing."""
    return items


@dataclass(frozen=True)
class ReadOptions:
    """`size`: the height and width to which pictures of differing sizes are scaled. `pixel_range`: the values of black
    and white in arrays, None for the usual ones. `skip_broken`: pictures that cannot be read are left out.

    Raises UsageError for impossible values.
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
