"""Convolutions of pictures of three channels on tensor cores: they read four channels at a time, the fourth all zeros, from a
copy in the workspace. Numbers that are found one by one keep tensor cores waiting, longer than a third more work does.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .budget import Budget
from .elements import BUDGET, element, launch_each
from .instructions import store4
from .product.precision import precision
from .toolchain import ZERO, kernel

BUDGETS = {
    "_pad_pixels": BUDGET,
    "_pad_filters": BUDGET,
    "_take_filters": Budget(registers=32, shared_bytes=0),
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
def _pad_filters(padded: Any, weights: Any, size: Any, filters: Any) -> None:
    i = element()
    if i < size:
        row = np.uint32(i // filters)
        tap = np.uint32(row // _FOUR)
        channel, own = np.uint32(row - tap * _FOUR), np.uint32(i - row * filters)
        is_one = channel < _THREE
        padded[i] = weights[np.uint32((tap * _THREE + channel) * filters + own)] if is_one else ZERO


@kernel
def _take_filters(weights: Any, padded: Any, size: Any, filters: Any) -> None:
    i = element()
    if i < size:
        row = np.uint32(i // filters)
        tap = np.uint32(row // _THREE)
        channel, own = np.uint32(row - tap * _THREE), np.uint32(i - row * filters)
        weights[i] = padded[np.uint32((tap * _FOUR + channel) * filters + own)]


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
    launch_each(_pad_filters, size, padded, weights, size, filters)
    return padded.reshape(*kernel, PADDED, filters), workspace[size:]


def take_filters(weights: Any, padded: Any) -> None:
    """weights (R,S,3,K) from (R,S,4,K)."""
    launch_each(_take_filters, weights.size, weights, padded, weights.size, weights.shape[3])
