"""Which algorithm a convolution is computed by on the CPU."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, get_args

from ..geometry import Window
from . import depthwise, thin, tiles

Algorithm = Literal["auto", "im2col", "lanes", "winograd-2", "winograd-4", "direct"]
ALGORITHMS: tuple[str, ...] = get_args(Algorithm)
TILES = {"im2col": 0, "lanes": 0, "direct": 0, "winograd-2": 2, "winograd-4": 4}
"""Algorithm -> Winograd's outputs in a tile, in one dimension."""
_LEAST = 16 * 32
"""Channels times filters from which Winograd's transforms were measured to pay."""


def tile_of(chosen: str, channels: int) -> int:
    """Winograd's outputs in a tile, in one dimension, of products of many tiles; 0 where they are of patches, as the gradients of
    few channels are, or of one tile at a time (thin.py).
    """
    return 0 if thin.is_chosen(chosen, channels) else TILES[chosen]


def suits(algorithm: str, channels: int, filters: int, window: Window, groups: int) -> bool:
    """Whether an algorithm can compute a convolution."""
    if algorithm == "direct":
        return depthwise.suits(channels, filters, window, groups)
    if algorithm == "winograd-4" and thin.suits(channels, filters, window, groups):
        return True
    return not TILES.get(algorithm) or tiles.suits(TILES[algorithm], channels, filters, window, groups)


def suits_sum(channels: int, filters: int, window: Window, groups: int, algorithm: str) -> bool:
    """Whether a convolution with packed filters can add something to its output as it stores it: of few channels in Winograd's way none does."""
    return not thin.is_chosen(choose(channels, filters, window, groups, algorithm), channels)


@lru_cache(maxsize=512)
def choose(channels: int, filters: int, window: Window, groups: int, algorithm: str) -> str:
    """The algorithm that "auto" stands for: the fastest, told from the layer's geometry alone, so that a picture's output
    is the same bits in any batch and any workspace.
    """
    if algorithm != "auto":
        return algorithm
    if depthwise.suits(channels, filters, window, groups):
        return "direct"
    if channels * filters < _LEAST and not thin.suits(channels, filters, window, groups):
        return "im2col"
    for name in ("winograd-4", "winograd-2"):
        if suits(name, channels, filters, window, groups):
            return name
    return "im2col"
