"""Pictures of a split with a margin, in which each is mirrored at its border."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .dataset import Images, Split


def with_margin(split: Split, margin: int) -> Split:
    """The split with its pictures larger by `margin` pixels on every side; the split itself where that is 0.

    What is beyond a picture is the picture mirrored at its outermost pixels, which are not repeated.
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
