"""Filters as the products want them, which depends on nothing else: packed once, they serve every pass until they change.

For products of patches, panels of filters one after the other (product.pack), a group after the other; for Winograd's way the
transformed filters, a matrix of panels for each position in a tile, or of few channels panels with all positions.
"""

from __future__ import annotations

import math
from typing import Any

from ..geometry import Window
from ..product import pack_panels, panels_size
from . import thin, tiles, winograd
from .choice import choose, tile_of


def packed_size(channels: int, filters: int, window: Window, groups: int, algorithm: str) -> int:
    """Elements that `pack` fills; 0 where filters are read as they are."""
    chosen = choose(channels, filters, window, groups, algorithm)
    if chosen == "direct":
        return 0
    if thin.is_chosen(chosen, channels):
        return thin.packed_size(channels, filters)
    size = tile_of(chosen, channels)
    if size:
        return tiles.packed_size(channels, filters, size, window.kernel[0])
    return panels_size(groups, math.prod(window.kernel) * channels // groups, filters // groups)


def pack(packed: Any, weights: Any, window: Window, groups: int, algorithm: str) -> None:
    """packed = weights (R,S,C/G,K) as `forward_packed` takes them."""
    channels, filters = weights.shape[2] * groups, weights.shape[3]
    chosen = choose(channels, filters, window, groups, algorithm)
    size = tile_of(chosen, channels)
    if thin.is_chosen(chosen, channels):
        thin.pack(packed, weights.reshape(-1), channels)
    elif size:
        winograd.transform(packed, weights.reshape(-1), weights.shape, size, 0, filters)
    else:
        pack_panels(packed, weights.reshape(-1), groups, weights.size // filters, filters // groups)
