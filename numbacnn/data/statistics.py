"""Mean and deviation of pixels, added up picture by picture (lecture: data preprocessing)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


class PixelStatistics:
    """Sums over pictures (n,H,W,C) uint8. They are whole numbers, so that the order of adding changes nothing."""

    def __init__(self, channels: int) -> None:
        self._count = 0
        self._sum = [0] * channels
        self._squares = [0] * channels

    def add(self, images: NDArray[np.uint8]) -> None:
        self._count += images[..., 0].size
        for channel in range(len(self._sum)):
            counts = np.bincount(images[..., channel].reshape(-1), minlength=256)
            values = np.arange(256)
            self._sum[channel] += int(counts @ values)
            self._squares[channel] += int(counts @ values**2)

    @property
    def mean(self) -> tuple[float, ...]:
        """Of each channel, in [0, 255]."""
        return tuple(total / self._count for total in self._sum)

    @property
    def deviation(self) -> float:
        """Of all values after the mean of their channel is subtracted."""
        spread = sum(
            squares - total * total / self._count
            for squares, total in zip(self._squares, self._sum, strict=True)
        )
        return math.sqrt(max(spread, 0.0) / (self._count * len(self._sum)))
