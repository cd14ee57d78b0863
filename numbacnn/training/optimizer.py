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
    """Updates a graph's trainable parameters in place, all in one pass. `velocity` is all it remembers.

    What starts at a fixed value (biases, PReLU's slopes) is not decayed.
    """

    def __init__(self, graph: Graph, *, momentum: float, weight_decay: float) -> None:
        self.momentum = momentum
        self._weight_decay = weight_decay
        # Weights and velocity, and those of the best epoch.
        size = graph.layout.size
        need_memory(4 * size * graph.dtype.itemsize, f"training {size:,} parameters takes")
        self._device, self._graph, self._layout = graph.device, graph, graph.layout
        self._weights = graph.row
        self._velocity = self._device.zeros((max(graph.layout.trained, 1),), graph.dtype)
        self._rates = self._device.zeros((max(len(graph.layout.groups), 1),), graph.dtype)
        self.parameters: Arrays = {name: each.value for name, each in graph.parameters.items()}
        self.velocity: Arrays = {
            name: each.view(self._velocity) for name, each in graph.parameters.items() if each.trainable
        }

    def step(self, gradient: Any, learning_rate: float) -> None:
        """One step along the gradient of all parameters, `Program.gradient`."""
        self.set_rate(learning_rate)
        self.update(gradient)

    def set_rate(self, learning_rate: float) -> None:
        """How far the next `update` goes."""
        factors = [group.rate for group in self._layout.groups] or [1.0]
        self._device.write(self._rates, learning_rate * np.array(factors))

    def update(self, gradient: Any) -> None:
        """What `step` launches: a pass over the row for every factor of the learning rate, most often one."""
        for place, group in enumerate(self._layout.groups):
            own = slice(group.first, group.last)
            update.sgd(
                self._weights[own],
                self._velocity[own],
                gradient[own],
                self._rates[place : place + 1],
                self.momentum,
                self._weight_decay,
                group.decayed,
                False,
            )

    def moves(self) -> bool:
        """Whether the last step changed any weight, or all of it was lost in rounding; biases start at 0, where nothing is."""
        weights, velocity = (self._device.read(row) for row in (self._weights, self._velocity))
        decayed = [slice(group.first, group.first + group.decayed) for group in self._layout.groups]
        return any(bool(np.any(weights[own] - velocity[own] != weights[own])) for own in decayed)

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
        """Puts copies back, in place (Programs keep seeing the same arrays), and brings what moves to a halt."""
        for key, array in self.parameters.items():
            self._device.write(array, weights[key])
        self._device.write(self._velocity, np.zeros(self._velocity.shape))
