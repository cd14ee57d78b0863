"""Pictures of a split in a network's size, scaled and cropped when they are read."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from ..fitting import fit_all
from ..limits import free_memory
from .dataset import Images, Split

KEPT_BYTES = 1 << 30
"""Scaled pictures of a split are kept for the next epoch if all of them take at most this, and at most a quarter of the
free memory.
"""


def scaled(split: Split, shape: tuple[int, ...], shorter_side: int = 0) -> Split:
    """Returns the split with its pictures brought to (H,W,C) by `fitting.fit`; the split itself if they have that size."""
    if tuple(split.images.shape[1:]) == tuple(shape):
        return split
    return replace(split, images=_Scaled(split.images, shape, shorter_side))


class _Scaled:
    """Scales each picture when it is first read. Two threads may scale the same picture, and then write the same bytes."""

    def __init__(self, images: Images, shape: tuple[int, ...], shorter_side: int) -> None:
        self._images, self._shorter_side = images, shorter_side
        self.shape = (len(images), *shape)
        free = free_memory()
        most = KEPT_BYTES if free is None else min(KEPT_BYTES, free // 4)
        self._kept = np.empty(self.shape, np.uint8) if math.prod(self.shape) <= most else None
        self._known = np.zeros(len(images), bool)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        wanted = np.arange(len(self))[key]
        if self._kept is None:
            return self._made(wanted.reshape(-1)).reshape(*wanted.shape, *self.shape[1:])
        missing = np.unique(wanted[~self._known[wanted]])
        if missing.size:
            self._kept[missing] = self._made(missing)
            self._known[missing] = True
        return self._kept[wanted]

    def _made(self, indices: Any) -> Any:
        pictures = np.asarray(self._images[indices])
        return fit_all(pictures, self.shape[1:], self._shorter_side)
