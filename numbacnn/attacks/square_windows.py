"""What the Square attack tries: squares of +-epsilon in Linf; in L2 squares with two bumps of opposite sign, paid for by others
(Andriushchenko et al., 2020, sections 3.3 and 3.4).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cache
from typing import Any, ClassVar

import numpy as np

from .norms import sizes

_TILES = 5
"""Tiles along a side of the first change in L2."""


class Windows(ABC):
    """The random choices for one picture (H,W,C), drawn at the start, so that batches of another size give the same."""

    places: ClassVar[int] = 1
    """Windows of a query."""

    def __init__(self, generator: Any, queries: int, shape: tuple[int, int, int]) -> None:
        self.shape = shape
        self.first = self.begin(generator).astype(np.float32)
        """The change before the first query, of epsilon 1, (H,W,C) or what spreads to that."""
        self._places = generator.random((queries, self.places, 2))
        self.signs = generator.choice((-1.0, 1.0), (queries, shape[2])).astype(np.float32)

    @abstractmethod
    def begin(self, generator: Any) -> Any:
        """Draws `first`."""

    @abstractmethod
    def tried(self, query: int, side: int, original: Any, best: Any, epsilon: Any) -> Any:
        """Another picture (H,W,C) to try in the place of the best so far; it may leave the bounds of pixels."""

    def side(self, area: float) -> int:
        """A square's side in pixels, of about so many pixels."""
        return min(max(round(float(np.sqrt(area))), 1), *self.shape[:2])

    def window(self, query: int, place: int, side: int) -> tuple[slice, slice]:
        top, left = (
            int(share * (size - side + 1))
            for share, size in zip(self._places[query, place], self.shape[:2], strict=True)
        )
        return slice(top, top + side), slice(left, left + side)


class LinfWindows(Windows):
    """Vertical stripes at first; then a square of one sign a channel."""

    def begin(self, generator: Any) -> Any:
        return generator.choice((-1.0, 1.0), (1, *self.shape[1:]))

    def tried(self, query: int, side: int, original: Any, best: Any, epsilon: Any) -> Any:
        picture, window = best.copy(), self.window(query, 0, side)
        picture[window] = original[window] + epsilon * self.signs[query]
        return picture


class L2Windows(Windows):
    """Tiles of bumps at first; then a bump is added in one window, of the size that another window gives up."""

    places = 2

    def __init__(self, generator: Any, queries: int, shape: tuple[int, int, int]) -> None:
        super().__init__(generator, queries, shape)
        self.turned = generator.random(queries) > 0.5

    def begin(self, generator: Any) -> Any:
        height, width, channels = self.shape
        side = max(min(height, width) // _TILES, 1)
        change = np.zeros(self.shape)
        for top in range((height % side) // 2, height - side + 1, side):
            for left in range((width % side) // 2, width - side + 1, side):
                change[top : top + side, left : left + side] = bump(
                    side, bool(generator.random() > 0.5)
                ) * generator.choice((-1.0, 1.0), channels)
        return change / sizes(change[None], "l2")[0]

    def side(self, area: float) -> int:
        side = max(super().side(area), 3)
        return min(side + (side + 1) % 2, *self.shape[:2])

    def tried(self, query: int, side: int, original: Any, best: Any, epsilon: Any) -> Any:
        change = (best - original).astype(np.float64)
        here, there = self.window(query, 0, side), self.window(query, 1, side)
        both = np.zeros(self.shape[:2], np.bool_)
        both[here] = both[there] = True
        left = max(float(epsilon) ** 2 - float((change**2).sum()), 0.0)  # what cutting to [0, 1] has saved
        budget = left / self.shape[2] + (change[both] ** 2).sum(axis=0)
        added = bump(side, bool(self.turned[query])) * self.signs[query] + _of_size_1(change[here])
        moved = change.copy()
        moved[there] = 0
        moved[here] = _of_size_1(added) * np.sqrt(budget)
        scaled = moved * (float(epsilon) / max(sizes(moved[None], "l2")[0], 1e-12))
        return (original + scaled).astype(best.dtype)


WINDOWS: dict[str, type[Windows]] = {"linf": LinfWindows, "l2": L2Windows}
"""By the norm."""


def _of_size_1(values: Any) -> Any:
    """(h,w,C), each channel divided by its L2 size."""
    return values / np.maximum(np.sqrt((values**2).sum(axis=(0, 1), keepdims=True)), 1e-12)


@cache
def bump(side: int, turned: bool) -> Any:
    """Two pyramids of opposite sign above each other, or side by side, (side, side, 1) of L2 size 1."""
    half = side // 2
    values = np.concatenate([_pyramid(half, side), -_pyramid(side - half, side)])
    values = values.T if turned else values
    return (values / np.sqrt((values**2).sum()))[..., None]


def _pyramid(rows: int, columns: int) -> Any:
    """Nested rectangles around the middle, each a ring wider, with 1, 1/4, 1/9, … in them; summed, of L2 size 1."""
    row, column = np.indices((rows, columns))
    ring = np.maximum(np.abs(row - rows // 2), np.abs(column - columns // 2))
    each = 1 / np.arange(1, max(rows // 2, columns // 2) + 2) ** 2
    values = np.cumsum(each[::-1])[::-1][ring] if rows else np.zeros((0, columns))
    return values / max(float(np.sqrt((values**2).sum())), 1e-12)
