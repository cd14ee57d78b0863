"""Mean and standard deviation of pixels, added up picture by picture (lecture: data preprocessing)."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


class PixelStatistics:
    """Sums over pictures (n,H,W,C) uint8. They are whole numbers, so that the order of adding does not matter."""

    def __init__(self, channels: int) -> None:
        self._count = 0
        self._sum = [0] * channels
        self._squares = [0] * channels
        self.lowest, self.highest = 255, 0

    def add(self, images: NDArray[np.uint8]) -> None:
        """Adds pictures (n,H,W,C) to the sums."""
        self._count += images[..., 0].size
        for channel in range(len(self._sum)):
            counts = np.bincount(images[..., channel].reshape(-1), minlength=256)
            there = np.flatnonzero(counts)
            if there.size:
                self.lowest = min(self.lowest, int(there[0]))
                self.highest = max(self.highest, int(there[-1]))
            values = np.arange(256)
            self._sum[channel] += int(counts @ values)
            self._squares[channel] += int(counts @ values**2)

    @property
    def mean(self) -> tuple[float, ...]:
        """Returns the mean of each channel, in [0, 255]."""
        return tuple(total / self._count for total in self._sum)

    @property
    def deviation(self) -> float:
        """Returns the standard deviation of all values after the mean of their channel is subtracted."""
        spread = sum(
            squares - total * total / self._count
            for squares, total in zip(self._squares, self._sum, strict=True)
        )
        return math.sqrt(max(spread, 0.0) / (self._count * len(self._sum)))


_DARK = 128
"""Pixels that never reach this value are more likely on another scale than dark."""

_APART = 64
"""If the means of two splits differ by more levels than this, they are hardly from one set."""


def doubts(splits: Mapping[str, PixelStatistics], pixel_range: tuple[float, float] | None) -> list[str]:
    """Returns reasons to believe that pixels were read on another scale than the intended one; "train" is among the
    splits.

    `pixel_range` has the values that were taken for black and white; None where there is no choice.
    """
    found = []
    highest = max(statistics.highest for statistics in splits.values())
    if highest == min(own.lowest for own in splits.values()):
        return [f"every pixel is {highest}: the pictures show nothing"]
    for name, statistics in splits.items():
        if statistics.lowest == statistics.highest:
            found.append(f"every pixel of the {name} pictures is {statistics.highest}: they show nothing")
        elif statistics.highest < _DARK <= highest:
            found.append(
                f"pixels of the {name} pictures reach only {statistics.highest} of 255, and others {highest}: are they of "
                "another scale?"
            )
    train = splits["train"]
    if train.lowest < highest < _DARK:
        remedy = ""
        if pixel_range is not None:
            black, white = pixel_range
            remedy = f"; if {{0:g}} is white in this set, import it with --range {black:g},{{0:g}}".format(
                round(black + highest / 255 * (white - black), 6)
            )
        found.append(f"pixels reach only {highest} of 255{remedy}")
    mean = sum(train.mean) / len(train.mean)
    for name, statistics in splits.items():
        other = sum(statistics.mean) / len(statistics.mean)
        if abs(other - mean) > _APART:
            found.append(
                f"pixels of the {name} pictures are {other:.0f} on average, and of the training pictures {mean:.0f}: is "
                "one of them inverted, or of another scale?"
            )
    return found
