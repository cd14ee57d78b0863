"""The width of strokes in a picture of two tones: how wide they are, and made thinner or thicker."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
"""(h,w): where there is ink."""


def width(mask: Mask) -> float:
    """The strokes' mean width in pixels: twice their area over the number of pixels at their edge."""
    area = int(mask.sum())
    return 2 * area / int(_edge(mask).sum()) if area else 0.0


def with_width(mask: Mask, wanted: float) -> Mask:
    """Strokes of about `wanted` pixels; the picture grows by what thicker ones need on each side."""
    while width(mask) > wanted + 1:
        thinner = _thinner(mask)
        if (thinner == mask).all():  # middle lines alone are left
            break
        mask = thinner
    diagonal = False
    while mask.any() and width(mask) < wanted - 1:
        mask = _thicker(np.pad(mask, 1), diagonal)
        diagonal = not diagonal
    return mask


def _neighbours(mask: Mask) -> list[Mask]:
    """The eight neighbours of every pixel, from above clockwise; outside there is no ink."""
    padded = np.pad(mask, 1)
    height, width = mask.shape
    places = ((0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0), (0, 0))
    return [padded[top : top + height, left : left + width] for top, left in places]


def _edge(mask: Mask) -> Mask:
    above, _, right, _, below, _, left, _ = _neighbours(mask)
    return mask & ~(above & right & below & left)


def _thicker(mask: Mask, diagonal: bool) -> Mask:
    """One pixel more on every side; crosses and squares in turn make an octagon, nearly a disc."""
    found = mask.copy()
    for neighbour in _neighbours(mask)[:: 1 if diagonal else 2]:
        found |= neighbour
    return found


def _thinner(mask: Mask) -> Mask:
    """Takes a layer of pixels off, but never a stroke's middle line (Zhang and Suen, 1984)."""
    for half in (0, 1):
        around = _neighbours(mask)
        count = np.sum(around, axis=0)
        turns: Any = np.sum(
            [~one & other for one, other in zip(around, around[1:] + around[:1], strict=True)], axis=0
        )
        above, right, below, left = around[::2]
        if half == 0:
            open_side = ~(above & right & below) & ~(right & below & left)
        else:
            open_side = ~(above & right & left) & ~(above & below & left)
        mask = mask & ~((count >= 2) & (count <= 6) & (turns == 1) & open_side)
    return mask
