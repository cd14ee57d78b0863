"""Objectives of made pictures: a score, a channel, a whole layer, or a layer in the way that another picture excites it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import UsageError, need_whole
from ...network import Network
from ..strongest import activation_of, checked_units
from .ascent import Objective


class Units(Objective):
    """Each picture's own unit of a layer: the mean of its channel's map, or one place of it, or a flat unit."""

    def __init__(
        self, network: Network, layer: str, units: Any, place: tuple[int, int] | None = None
    ) -> None:
        shape = network.graph.shapes[network.graph[layer].name]
        self.node = layer
        self._units = checked_units(np.atleast_1d(units), layer, shape)
        self._place = place
        if place is not None:
            if len(shape) != 3:
                raise UsageError(f"layer '{layer}' is flat: its units have no places")
            for name, value, size in zip(("row", "column"), place, shape, strict=False):
                need_whole(name, value, 0, size - 1)

    def __call__(self, output: Any) -> tuple[Any, Any]:
        gradient = np.zeros_like(output)
        pictures = np.arange(len(output))
        if output.ndim == 2:
            gradient[pictures, self._units] = 1
        elif self._place is not None:
            gradient[pictures, self._place[0], self._place[1], self._units] = 1
        else:
            gradient[pictures, :, :, self._units] = 1 / (output.shape[1] * output.shape[2])
        return (output * gradient).reshape(len(output), -1).sum(axis=1), gradient


class Whatever(Objective):
    """Whatever a layer sees, more of it: half the mean square of its output (DeepDream; Mordvintsev et al., 2015), or the
    mean of some channels' maps.
    """

    def __init__(self, network: Network, layer: str, units: Any = None) -> None:
        self.node = activation_of(network, network.graph[layer].name)
        shape = network.graph.shapes[self.node]
        if len(shape) != 3:
            raise UsageError(f"layer '{self.node}' is flat: a dream needs a layer whose output is a volume")
        self._units = None if units is None else checked_units(np.atleast_1d(units), self.node, shape)

    def __call__(self, output: Any) -> tuple[Any, Any]:
        gradient = output
        if self._units is not None:
            gradient = np.zeros_like(output)
            gradient[..., self._units] = output[..., self._units]
        return (output * gradient).reshape(len(output), -1).mean(axis=1) / 2, gradient / output[0].size


class Likeness(Objective):
    """Minus the squared distance from a layer's output for other pictures, over that output's squared length."""

    def __init__(self, node: str, features: Any) -> None:
        self.node, self._features = node, features
        axes = tuple(range(1, features.ndim))
        length = np.square(features, dtype=np.float64).sum(axis=axes, keepdims=True)
        self._length = np.where(length > 0, length, 1).astype(features.dtype)

    def __call__(self, output: Any) -> tuple[Any, Any]:
        away = self._features - output
        gradient = 2 * away / self._length
        return -(away * gradient / 2).reshape(len(output), -1).sum(axis=1), gradient
