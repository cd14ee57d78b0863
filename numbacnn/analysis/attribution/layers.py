"""The layer whose maps Grad-CAM weights."""

from __future__ import annotations

from ...errors import UsageError
from ...network import Network
from ..strongest import activation_of


def map_layer(network: Network, layer: str | None) -> str:
    """The layer's activation (`activation_of`); of None that of the last convolution from which the scores are made.

    Raises UsageError where the layer does not exist, its output has no places, or the scores do not depend on it.
    """
    graph = network.graph
    reached = graph.ancestors(graph.scores)
    if layer is None:
        found = [
            node.name for node in graph.nodes if node.layer.kind == "convolution" and node.name in reached
        ]
        if not found:
            raise UsageError("the network has no convolution: a layer has to be named")
        layer = found[-1]
    node = activation_of(network, graph[layer].name)
    if len(graph.shapes[node]) != 3:
        raise UsageError(
            f"layer '{node}' is flat: Grad-CAM weights the maps of a layer whose output is a volume"
        )
    if node not in reached:
        raise UsageError(f"layer '{node}': the scores of the classes do not depend on it")
    return node
