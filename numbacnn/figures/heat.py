"""Draws a map of importance in colours, and laid over its picture."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from matplotlib import colormaps
from PIL import Image

from .board import Pixels, as_rgb


class Part(NamedTuple):
    """The part of a picture that a network saw: (top, bottom, left, right), as shares of its height and width."""

    top: float
    left: float
    bottom: float
    right: float


WHOLE = Part(0.0, 0.0, 1.0, 1.0)


def heat_and_overlay(
    image: Any, values: Any, part: tuple[float, ...] = WHOLE, *, signed: bool = False
) -> tuple[Pixels, Pixels]:
    """Returns a map (H,W) in colours, and the map laid over its faded picture (h,w,C): two pictures (h,w,3) uint8.

    The colour scale ends at the 99.5th percentile of the absolute values. Black is 0 and bright is large; in a `signed`
    map white is 0, red positive and blue negative. The map covers the `part` of the picture that the network saw; the
    rest stays pale.
    """
    picture, values = as_rgb(image), np.asarray(values)
    sizes = np.abs(values)
    limit = np.percentile(sizes, 99.5) or sizes.max() or 1.0
    lowest = -1 if signed else 0
    strength, seen = _placed(
        np.clip(values / limit, lowest, 1).astype(np.float32), picture.shape[:2], Part(*part)
    )
    if signed:
        heat = colormaps["RdBu_r"]((strength + 1) / 2)[..., :3]
    else:
        heat = colormaps["inferno"](strength)[..., :3]
    grey = picture @ np.array([0.299, 0.587, 0.114]) / 255
    faded = np.repeat((0.35 + 0.65 * grey)[..., None], 3, axis=2)
    # The square root keeps what is weak visible under a map that is mostly weak.
    weight = np.sqrt(np.abs(strength))[..., None]
    unseen = ~seen[..., None]
    return (
        as_rgb(np.where(unseen, 1.0, heat)),
        as_rgb(np.where(unseen, 0.6 + 0.4 * faded, (1 - weight) * faded + weight * heat)),
    )


def _placed(strength: Any, size: tuple[int, int], part: Part) -> tuple[Any, Any]:
    """Returns a map (H,W) enlarged smoothly onto a picture of `size`, with 0 outside of `part`, and a mask of that
    part.
    """
    if strength.shape == size:
        return strength, np.ones(size, bool)
    rows, columns = size
    top, bottom = round(part.top * rows), round(part.bottom * rows)
    left, right = round(part.left * columns), round(part.right * columns)
    inside = Image.fromarray(strength).resize((right - left, bottom - top), Image.Resampling.BILINEAR)
    placed, seen = np.zeros(size, np.float32), np.zeros(size, bool)
    placed[top:bottom, left:right] = np.clip(np.asarray(inside), -1, 1)
    seen[top:bottom, left:right] = True
    return placed, seen
