"""A first convolution that whitens its input: what it puts out is uncorrelated, and of one variance, from the first step on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..data import Split
from ..errors import UsageError
from ..graph import Graph, Node
from ..layers import Convolution
from ..network import Network

PICTURES = 5000
"""The first of a split, at most, whose patches are looked at."""
PATCHES = 5_000_000
"""So many of them are enough, however large the pictures are."""
_AT_A_TIME = 100


def first_convolution(graph: Graph) -> Node:
    """The convolution that reads the pixels. Raises UsageError where another layer does, or it has groups."""
    reader = next(node for node in graph.nodes[1:] if graph.nodes[0].name in node.inputs)
    if not isinstance(reader.layer, Convolution) or reader.layer.groups > 1:
        raise UsageError(
            f"--whiten is for a network whose first layer is a convolution without groups, and '{reader.name}' is "
            f"{reader.layer.kind}"
        )
    return reader


def whiten(network: Network, split: Split, extra: float) -> None:
    """Gives the first convolution filters that whiten the patches of a split, and freezes them; its bias still learns.

    A filter is a principal direction of the patches (R,S,C), after the network's preprocessing, divided by the root of
    what the patches have along it (the mean square, plus `extra`). The first half of the filters are the directions with
    the largest, the other half their negatives, so that a rectifier loses nothing; where there are more filters than
    that, the others keep their first values. Raises UsageError where the network does not begin with a convolution.
    """
    graph = network.graph
    node = first_convolution(graph)
    name = f"{node.name}/weights"
    weights = np.array(graph.read(name))
    squares = _second_moments(network, split, node)
    along, directions = np.linalg.eigh(squares)
    filters = (directions / np.sqrt(np.maximum(along, 0) + extra))[:, ::-1]
    half = min(weights.shape[3] // 2, filters.shape[1])
    shape = (*weights.shape[:3], half)
    weights[..., :half] = filters[:, :half].reshape(shape)
    weights[..., half : 2 * half] = -filters[:, :half].reshape(shape)
    parameters = graph.parameters
    frozen = {key for key, each in parameters.items() if not each.trainable}
    graph.set_learning(frozen={*frozen, name}, rates={key: each.rate for key, each in parameters.items()})
    graph.write(name, weights)


def _second_moments(network: Network, split: Split, node: Node) -> Any:
    """The mean of p p^T over patches p as rows of R*S*C numbers: (R*S*C, R*S*C)."""
    graph = network.graph
    window = node.layer.window(*graph.input_shapes(node))
    assert window is not None
    (rows, columns), (down, right) = window.kernel, window.dilation
    height, width, channels = network.input_shape
    tall, wide = (rows - 1) * down + 1, (columns - 1) * right + 1
    most = max(1, PATCHES // max((height - tall + 1) * (width - wide + 1), 1))
    count = min(PICTURES, len(split), most)
    total, seen = np.zeros((rows * columns * channels,) * 2), 0
    for start in range(0, count, _AT_A_TIME):
        pictures = network.as_images(split.read(slice(start, min(start + _AT_A_TIME, count))))
        values = network.activations(pictures, graph.nodes[0].name)
        found = sliding_window_view(values, (tall, wide), axis=(1, 2))[..., ::down, ::right]
        patches = found.transpose(0, 1, 2, 4, 5, 3).reshape(-1, math.prod((rows, columns, channels)))
        wanted = patches.astype(np.float64)
        total += wanted.T @ wanted
        seen += len(wanted)
    return total / seen
