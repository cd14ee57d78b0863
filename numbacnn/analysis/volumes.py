"""The volumes that a picture becomes, layer by layer (lecture: convolutional neural networks)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..network import Network
from .strongest import activation_of

_SHOWN = ("max-pool", "sum-pool", "average-pool", "global-average-pool", "concatenate", "softmax")


def layers_of_volumes(network: Network) -> list[str]:
    """The layers whose outputs tell the way of a picture: those with weights and sums, after their activation, pools,
    concatenations, and the probabilities.
    """
    names = []
    for node in network.graph.nodes:
        if node.layer.is_neuronal or node.layer.kind == "add":
            names.append(activation_of(network, node.name))
        elif node.layer.kind in _SHOWN:
            names.append(node.name)
    return list(dict.fromkeys(names))


def volumes(network: Network, image: Any, nodes: Sequence[str]) -> dict[str, Any]:
    """The outputs of some layers for a picture (h,w,C), in one pass: layer -> (H,W,C) or (D), float32.

    Raises UsageError for an unknown layer; see `Network.as_images` for the picture.
    """
    picture = network.as_images(np.asarray(image)[None])
    keep = tuple(network.graph[name].name for name in nodes)
    plan = network.program_for(1, 1, keep=keep)
    plan.forward(picture)
    return {name: plan.output(name)[0].copy() for name in keep}
