"""Which networks run with pictures as lanes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeGuard

from ...graph import Graph
from ...layers import Convolution
from .links import Link, Product
from .tables import Tables

_NUMBERS = 40_000
"""Numbers that a picture's way forward takes, up to which this way was measured to be faster."""
_FULL = 16 * 32
"""A convolution's channels times filters from which the other way's vectors were measured to be full enough."""
_WEIGHTS = 1 << 18
"""Parameters, which every group reads."""


def fits(graph: Graph, links: Sequence[Link], tables: Tables, room: float) -> bool:
    """Whether a chain suits a network, told from its geometry alone; `room`: elements of workspace at most.

    A convolution whose `algorithm` is "im2col" by its own option asks for the other way, one with "lanes" for this one
    whatever its size.
    """
    layers = [graph[link.node].layer for link in links]
    asked = {layer.algorithm for layer in layers if isinstance(layer, Convolution)}
    parameters = sum(each.size for each in graph.parameters.values())
    if "im2col" in asked or tables.size + tables.partial > room:
        return False
    if "lanes" in asked:
        return True
    thin = all(link.source[2] * link.filters_at[2] < _FULL for link in links if _convolves(link))
    return thin and tables.numbers <= _NUMBERS and parameters <= _WEIGHTS


def _convolves(link: Link) -> TypeGuard[Product]:
    return isinstance(link, Product) and not link.is_dense
