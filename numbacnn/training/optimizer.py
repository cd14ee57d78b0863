"""Stochastic gradient descent with momentum and weight decay (lecture: SGD; Krizhevsky et al., 2012, section 5)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph import Graph
from ..ops import update

Arrays = dict[str, Any]
"""NODE/PARAMETER -> array."""


class SGD:
    """Updates a graph's parameters in place. `velocity` is all it remembers.

    What starts at a fixed value (biases, PReLU's slopes) is not decayed.
    """

    def __init__(self, graph: Graph, *, momentum: float, weight_decay: float) -> None:
        self.momentum = momentum
        self.parameters: Arrays = {f"{node}/{name}": array for node, name, array in graph.parameters()}
        self.velocity: Arrays = {key: np.zeros_like(array) for key, array in self.parameters.items()}
        self._decay = {
            f"{node.name}/{name}": weight_decay if wanted.start is None else 0.0
            for node in graph.nodes
            for name, wanted in graph.wanted(node).items()
        }

    def step(self, gradients: dict[str, dict[str, Any]], learning_rate: float) -> None:
        """One step along the gradients (node -> parameter -> array)."""
        for key, weights in self.parameters.items():
            node, _, name = key.rpartition("/")
            gradient = gradients[node][name]
            update.sgd(
                weights.reshape(-1),
                self.velocity[key].reshape(-1),
                gradient.reshape(-1),
                learning_rate,
                self.momentum,
                self._decay[key],
            )

    def snapshot(self) -> tuple[Arrays, Arrays]:
        """Copies of weights and velocity."""
        return (
            {key: array.copy() for key, array in self.parameters.items()},
            {key: array.copy() for key, array in self.velocity.items()},
        )

    def restore(self, weights: Arrays, velocity: Arrays) -> None:
        """Puts copies back, in place: Plans keep seeing the same arrays."""
        for key, array in self.parameters.items():
            array[...] = weights[key]
            self.velocity[key][...] = velocity[key]
