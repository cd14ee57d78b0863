"""Pictures blurred by a Gaussian."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def blurred(images: Any, sigma: float) -> Any:
    """Floats (…,H,W,C) convolved with a Gaussian of `sigma` pixels along H and W, of the same type; edges are repeated."""
    if sigma <= 0:
        return images
    reach = max(1, math.ceil(3 * sigma))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights /= weights.sum()
    for axis in (-3, -2):
        size = images.shape[axis]
        padding = [(0, 0)] * images.ndim
        padding[axis] = (reach, reach)
        padded = np.moveaxis(np.pad(images, padding, mode="edge"), axis, 0)
        total = np.zeros_like(padded[:size])
        for place, weight in enumerate(weights):
            total += images.dtype.type(weight) * padded[place : place + size]
        images = np.moveaxis(total, 0, axis)
    return np.ascontiguousarray(images)
