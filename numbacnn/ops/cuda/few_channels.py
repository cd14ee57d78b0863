"""Convolutions of pictures of three channels on tensor cores: they read four channels at a time, the fourth all zeros, from a
copy in the workspace. Numbers that are found one by one keep tensor cores waiting, longer than a third more work does.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .elements import BUDGET, element, launch_each
from .instructions import store4
from .product.precision import precision
from .toolchain import ZERO, kernel

BUDGETS = {
    "_pad_pixels": BUDGET,
    "_copy_filters": BUDGET,
}
CHANNELS, PADDED = 3, 4
_THREE, _FOUR = np.uint32(CHANNELS), np.uint32(PADDED)
_NEXT, _LAST = np.uint32(1), np.uint32(2)


def suits(channels: int, filters: int, groups: int) -> bool:
    """Whether such a convolution is computed so in the precision in force."""
    return channels == CHANNELS and groups == 1 and filters % 4 == 0 and precision().name != "float32"


def sizes(pixels: int, filters: int, kernel: tuple[int, int]) -> tuple[int, int]:
    """Elements of the copies of the pictures and of the filters."""
    return PADDED * pixels, PADDED * math.prod(kernel) * filters


@kernel
def _pad_pixels(padded: Any, x: Any, pixels: Any) -> None:
    i = element()
    if i < pixels:
        first = np.uint32(i * _THREE)
        a, b, c = x[first], x[np.uint32(first + _NEXT)], x[np.uint32(first + _LAST)]
        store4(padded, np.uint32(i * _FOUR), a, b, c, ZERO)


@kernel
def _copy_filters(target: Any, source: Any, channels: Any, source_channels: Any, filters: Any) -> None:
    """Filters of so many channels from filters of others: what these have not is 0, and what is not wanted left out."""
    i = element()
    if i < np.uint32(target.size):
        row = np.uint32(i // filters)
        tap = np.uint32(row // channels)
        channel, own = np.uint32(row - tap * channels), np.uint32(i - row * filters)
        place = np.uint32((tap * source_channels + channel) * filters + own)
        target[i] = source[place] if channel < source_channels else ZERO


def padded_pixels(x: Any, workspace: Any) -> tuple[Any, Any]:
    """x (N,H,W,3) as (N,H,W,4) at the beginning of the workspace, and the rest of that."""
    pixels = math.prod(x.shape[:3])
    size = PADDED * pixels
    padded = workspace[:size]
    launch_each(_pad_pixels, pixels, padded, x, pixels)
    return padded.reshape(*x.shape[:3], PADDED), workspace[size:]


def padded_filters(weights: Any, workspace: Any) -> tuple[Any, Any]:
    """weights (R,S,3,K) as (R,S,4,K), likewise."""
    *kernel, _, filters = weights.shape
    size = PADDED * math.prod(kernel) * filters
    padded = workspace[:size]
    launch_each(_copy_filters, size, padded, weights, PADDED, CHANNELS, filters)
    return padded.reshape(*kernel, PADDED, filters), workspace[size:]


def take_filters(weights: Any, padded: Any) -> None:
    """weights (R,S,3,K) from (R,S,4,K)."""
    launch_each(_copy_filters, weights.size, weights, padded, CHANNELS, PADDED, weights.shape[3])
