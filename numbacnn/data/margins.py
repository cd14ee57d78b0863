"""Pictures of a split with a margin in which each is mirrored at its border."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .dataset import Images, Split


def with_margin(split: Split, margin: int) -> Split:
    """Returns the split with pictures that are `margin` pixels larger on every side; the split itself if that is 0.

    Pixels beyond a picture mirror it at its outermost pixels, which are not repeated.
    """
    return replace(split, images=_Mirrored(split.images, margin)) if margin else split


class _Mirrored:
    def __init__(self, images: Images, margin: int) -> None:
        self._images, self._margin = images, margin
        count, height, width, channels = images.shape
        self.shape = (count, height + 2 * margin, width + 2 * margin, channels)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        pictures = np.asarray(self._images[key])
        sides = (self._margin, self._margin)
        return np.pad(pictures, [*[(0, 0)] * (pictures.ndim - 3), sides, sides, (0, 0)], mode="reflect")
