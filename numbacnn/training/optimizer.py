"""Stochastic gradient descent with momentum and weight decay (lecture: SGD; Krizhevsky et al., 2012, section 5)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph import Graph
from ..limits import need_memory
from ..ops import update

Arrays = dict[str, Any]
"""NODE/PARAMETER -> array."""


class SGD:
    """Updates a graph's parameters in place, all in one pass. `velocity` is all it remembers.

    The graph's parameters move into one row of numbers that this optimizer holds: of several made for a graph, the
    last one trains it. What starts at a fixed value (biases, PReLU's slopes) is not decayed.
    """

    def __init__(self, graph: Graph, *, momentum: float, weight_decay: float) -> None:
        self.momentum = momentum
        self._weight_decay = weight_decay
        places = graph.parameter_places()
        # Weights and velocity, and those of the best epoch.
        need_memory(4 * places.size * graph.dtype.itemsize, f"training {places.size:,} parameters takes")
        self._decayed = places.decayed
        self._device = graph.device
        self._weights, self._velocity = (self._device.zeros((places.size,), graph.dtype) for _ in range(2))
        self._rate = self._device.zeros((1,), graph.dtype)
        views = places.views(self._weights, graph)
        for node in graph.nodes:
            for name, array in node.layer.parameters.items():
                self._device.write(views[node.name, name], self._device.read(array))
                node.layer.parameters[name] = views[node.name, name]
        self.parameters: Arrays = {f"{node}/{name}": array for node, name, array in graph.parameters()}
        velocity = places.views(self._velocity, graph)
        self.velocity: Arrays = {
            f"{node}/{name}": velocity[node, name] for node, name, _ in graph.parameters()
        }

    def step(self, gradient: Any, learning_rate: float) -> None:
        """One step along the gradient of all parameters, `Plan.gradient`."""
        self.set_rate(learning_rate)
        self.update(gradient)

    def set_rate(self, learning_rate: float) -> None:
        """How far the next `update` goes."""
        self._device.write(self._rate, np.array([learning_rate]))

    def update(self, gradient: Any) -> None:
        """What `step` launches."""
        update.sgd(
            self._weights,
            self._velocity,
            gradient,
            self._rate,
            self.momentum,
            self._weight_decay,
            self._decayed,
        )

    def moves(self) -> bool:
        """Whether the last step changed any weight, or all of it was lost in rounding; biases start at 0, where nothing is."""
        weights, velocity = (
            self._device.read(row)[: self._decayed] for row in (self._weights, self._velocity)
        )
        return bool(np.any(weights - velocity != weights))

    def snapshot(self) -> Arrays:
        """Copies of the weights, on the host."""
        return {key: np.array(self._device.read(array)) for key, array in self.parameters.items()}

    def set_velocity(self, velocity: Arrays) -> None:
        """Takes it over, in place."""
        for key, array in self.velocity.items():
            self._device.write(array, velocity[key])

    def velocity_on_host(self) -> Arrays:
        """The velocity as it is; on the CPU it goes on changing."""
        return {key: self._device.read(array) for key, array in self.velocity.items()}

    def restore(self, weights: Arrays) -> None:
        """Puts copies back, in place (Plans keep seeing the same arrays), and brings what moves to a halt."""
        for key, array in self.parameters.items():
            self._device.write(array, weights[key])
        self._device.write(self._velocity, np.zeros(self._velocity.shape))
