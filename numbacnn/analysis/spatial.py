"""Positions at which a filter fits: the lecture's closer look at spatial dimensions."""

from __future__ import annotations

from typing import NamedTuple

from ..errors import need_whole

MOST = 64
"""Cells of a side: more cannot be seen in a picture."""


class Placement(NamedTuple):
    """A filter over a side of `size` cells at a stride: (I - F + 2P)/S + 1 = `positions`, which is whole where it fits.

    `starts` are the first cells of the filter's positions, padding counted from -`padding`; `left_over` are the cells (padding
    too) that none of them reaches. `paddings`, `strides` and `sizes` would fit, each with the rest as it is.
    """

    size: int
    filter: int
    stride: int
    padding: int
    positions: float
    starts: tuple[int, ...]
    left_over: int
    paddings: tuple[int, ...]
    strides: tuple[int, ...]
    sizes: tuple[int, ...]

    @property
    def fits(self) -> bool:
        return self.left_over == 0 and bool(self.starts)

    @property
    def formula(self) -> str:
        """The lecture's formula with its numbers."""
        result = f"{self.positions:.0f}" if self.positions == int(self.positions) else f"{self.positions:.2f}"
        return f"({self.size} - {self.filter} + 2 x {self.padding})/{self.stride} + 1 = {result}"


def placement(size: int, filter: int, stride: int, padding: int = 0) -> Placement:
    """How a filter lies over a side, and what would fit. Raises UsageError for numbers that are not whole, or too large."""
    for name, value, least in (
        ("size", size, 1),
        ("filter", filter, 1),
        ("stride", stride, 1),
        ("padding", padding, 0),
    ):
        need_whole(name, value, least, MOST)
    room = size - filter + 2 * padding
    starts = tuple(range(-padding, size + padding - filter + 1, stride))
    return Placement(
        size,
        filter,
        stride,
        padding,
        room / stride + 1,
        starts,
        room % stride if room >= 0 else size + 2 * padding,
        tuple(each for each in range(filter) if _fits(size, filter, stride, each)),
        tuple(each for each in range(1, size + 1) if _fits(size, filter, each, padding)),
        tuple(
            each
            for each in range(max(1, size - stride), size + stride + 1)
            if _fits(each, filter, stride, padding)
        ),
    )


def _fits(size: int, filter: int, stride: int, padding: int) -> bool:
    room = size - filter + 2 * padding
    return room >= 0 and room % stride == 0
