"""How many pictures an analysis takes at a time, so that its memory has a bound whatever the network and the layers."""

from __future__ import annotations

from ..network import Network

MOST_BYTES = 256 << 20
"""Bytes that a Program of an analysis may take, if a single picture leaves a choice."""


def pictures_at_a_time(
    network: Network, gradients: str = "none", keep: tuple[str, ...] = (), most: int = 64
) -> int:
    """As many pictures as a Program of MOST_BYTES holds, 1 to `most`. See `Network.program` for the other arguments."""
    return max(1, min(most, MOST_BYTES // max(1, network.program(1, gradients, keep).bytes)))
