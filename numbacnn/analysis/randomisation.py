"""Whether a method's maps change when what the network has learned is taken away (Adebayo et al., 2018)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import need_whole
from ..graph import Graph
from ..network import Images, Network
from .attribution import Attribution

UNCHANGED = 0.7
"""A mean rank correlation of at least that with the map of random weights: the map shows the picture, not what was learned."""


@dataclass(frozen=True)
class Randomised:
    """A method's maps once the weights of every layer from the scores down to `layer` are random.

    `layers` is how many layers with weights that are; `maps` (N,H,W); `correlations` (N,) the rank correlations of their sizes
    with those of the trained network.
    """

    method: Attribution
    layer: str
    layers: int
    maps: Any
    correlations: Any


def cascade(network: Network, *, stages: int = 5, seed: int = 0) -> Iterator[tuple[str, int, Network]]:
    """Copies of a network, layer after layer randomised from the scores down to the pixels; at most `stages` of them.

    The first has random weights in its last layer alone, the last in all layers, the others at even distances. Yields the
    layer that was reached, how many that are, and the network, which is the same object each time. Weights are drawn as for
    a training (He et al., 2015) from `seed`; running statistics become those of a new network.
    """
    need_whole("stages", stages)
    graph = network.graph.astype(network.graph.dtype)
    fresh = network.graph.astype(network.graph.dtype)
    fresh.initialise("he", seed)
    changed = Network(
        graph,
        network.class_names,
        workspace_bytes=network.workspace_bytes,
        device=network.device,
        precision=network.precision,
    )
    owners = [node.name for node in reversed(graph.nodes) if _owned(graph, node.name)]
    count = min(stages, len(owners))
    ends = {round(place) for place in np.linspace(1, len(owners), count)} if count > 1 else {len(owners)}
    for reached, layer in enumerate(owners, 1):
        for name in _owned(graph, layer):
            graph.write(name, fresh.read(name))
        if reached in ends:
            yield layer, reached, changed


def _owned(graph: Graph, name: str) -> list[str]:
    node = graph[name]
    learned = [each.name for each in graph.parameters_of(node).values() if each.node == name]
    return learned + [each.name for each in graph.buffers_of(node).values() if each.node == name]


def check_randomisation(
    network: Network,
    images: Images,
    classes: Any,
    methods: Sequence[Attribution],
    *,
    stages: int = 5,
    seed: int = 0,
    batch_size: int = 64,
) -> Iterator[Randomised]:
    """For each stage of the `cascade` what each method says of the pictures, and how alike that is to before.

    Of the trained network `classes` are asked about. What a class's weights are is random in all stages, and many have no
    gradient behind a rectifier: there the class with the largest score is asked about.
    """
    images = network.as_images(images)
    trained = [method(network, images, classes, batch_size=batch_size).maps for method in methods]
    for layer, layers, changed in cascade(network, stages=stages, seed=seed):
        likeliest = changed.predict(images, batch_size).argmax(axis=1)
        for method, before in zip(methods, trained, strict=True):
            maps = method(changed, images, likeliest, batch_size=batch_size).maps
            alike = [rank_correlation(*pair) for pair in zip(np.abs(before), np.abs(maps), strict=True)]
            yield Randomised(method, layer, layers, maps, np.array(alike))


def rank_correlation(one: Any, other: Any) -> float:
    """Spearman's, of the numbers of two arrays; equal numbers share their mean rank. 0 where all numbers of one are equal."""
    first, second = _ranks(one), _ranks(other)
    spread = float(first.std() * second.std())
    return float((first * second).mean()) / spread if spread else 0.0


def _ranks(values: Any) -> Any:
    """From the mean of all ranks."""
    _, places, counts = np.unique(np.ravel(values), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places.ravel()]
    return ranks - ranks.mean()
