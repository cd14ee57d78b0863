"""Which layers of a network have kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numbacnn import Network


def convolutions(network: Network) -> list[str]:
    """Names of the convolutions, in order. Raises UsageError if there is none."""
    from numbacnn.errors import UsageError

    names = [node.name for node in network.graph.nodes if node.layer.kind == "convolution"]
    if not names:
        raise UsageError("the network has no convolution; name a layer with --layer")
    return names
