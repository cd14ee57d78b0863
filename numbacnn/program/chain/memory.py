"""Where the numbers of a group of pictures lie, in vectors of a picture a lane."""

from __future__ import annotations

from dataclasses import dataclass

from .links import Volume

_TOGETHER = 4
"""Volumes begin at a multiple of so many vectors, as a tile reads: they lie in as few lines of the cache as may be."""


@dataclass(frozen=True)
class Place:
    """A volume in a group's memory, in elements: the row `row` elements further, the cell `cell`. Around it is room for
    zeros: all of it are `size` elements from `whole` on.
    """

    at: int
    row: int
    cell: int
    shape: Volume
    whole: int
    size: int

    @property
    def length(self) -> int:
        """Elements of one row of the volume itself."""
        return self.shape[1] * self.cell

    @property
    def is_flat(self) -> bool:
        """Whether nothing lies between its rows."""
        return self.row == self.length


class Memory:
    """Hands out places, one after the other; `size` elements so far."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        self.size = 0
        self._room, self._room_size = 0, 0

    def take(self, vectors: int) -> int:
        """Room for so many vectors; where it begins."""
        at = self.size
        self.size += vectors * self.lanes
        return at

    def room(self, vectors: int) -> int:
        """Room that others get too; what lies there is needed by the steps of one link only."""
        if vectors > self._room_size:
            self.align()
            self._room, self._room_size = self.take(vectors), vectors
        return self._room

    def align(self) -> None:
        """What is taken next begins with a line of the cache."""
        self.size += -self.size % (_TOGETHER * self.lanes)

    def volume(self, shape: Volume, border: tuple[int, int, int, int] = (0, 0, 0, 0)) -> Place:
        """A volume with a border (top, bottom, left, right) of cells of zeros."""
        top, bottom, left, right = border
        height, width, channels = shape
        cell = channels * self.lanes
        row = (left + width + right) * cell
        size = (top + height + bottom) * row
        self.align()
        whole = self.take(size // self.lanes)
        return Place(whole + top * row + left * cell, row, cell, shape, whole, size)
