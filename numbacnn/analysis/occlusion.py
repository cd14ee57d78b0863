"""Pictures with a square hidden, the square sliding over them (Zeiler and Fergus, 2013, figure 7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import UsageError, need_whole
from ..fitting import as_floats
from ..layers import Shape
from ..network import Network
from .baselines import baseline_picture
from .receptive_field import Box


def resolved(input_shape: Shape, window: int | None = None, stride: int | None = None) -> tuple[int, int]:
    """The window's side and stride in pixels; None: about a seventh of the shorter side, and half of the window.

    Raises UsageError for a window that is larger than the picture, or a stride that leaves pixels between the windows.
    """
    shorter = min(input_shape[:2])
    window = max(round(shorter / 7), 1) if window is None else window
    need_whole("window", window, 1, shorter)
    stride = max(window // 2, 1) if stride is None else stride
    need_whole("stride", stride)
    if stride > window:
        raise UsageError(
            f"stride {stride} is larger than the window {window}: pixels between would never be hidden"
        )
    return window, stride


def windows(input_shape: Shape, window: int, stride: int) -> list[Box]:
    """Where the window stands, row after row; the last ones are cut off at the picture's lower and right edge."""
    height, width = input_shape[:2]
    tops, lefts = (range(0, -(-(size - window) // stride) * stride + 1, stride) for size in (height, width))
    return [
        Box(top, left, min(top + window, height), min(left + window, width)) for top in tops for left in lefts
    ]


def occluded(network: Network, image: Any, boxes: Sequence[Box], value: str | float = "grey") -> Any:
    """A picture (H,W,C) once for each box (n,H,W,C), floats in [0, 1], with `value` in the box.

    `value` is "black", "grey", "white", "mean" (what the network subtracts) or a pixel's value from 0 to 255.
    """
    hidden = baseline_picture(network, value)
    copies = np.repeat(as_floats(image, network.graph.dtype)[None], len(boxes), axis=0)
    for copy, box in zip(copies, boxes, strict=True):
        place = np.s_[box.top : box.bottom, box.left : box.right]
        copy[place] = hidden[place]
    return copies
