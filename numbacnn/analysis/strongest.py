"""Which pictures, and where in them, excite a unit most."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DataError, UsageError, cut, need_whole
from ..layers import ELU, GELU, Clip, LeakyReLU, PReLU, Ramp, ReLU, ReLU6, Sigmoid, SiLU, Tanh
from ..network import Network

ACTIVATIONS = (ReLU, LeakyReLU, PReLU, ELU, Sigmoid, Tanh, Ramp, ReLU6, Clip, SiLU, GELU)


@dataclass(frozen=True)
class Strongest:
    """Each unit's strongest activations, best first; every array but `units` is (units, count).

    `images` are indices in the order in which the pictures came; rows and columns of flat units are 0.
    """

    node: str
    units: Any
    images: Any
    rows: Any
    columns: Any
    values: Any

    def take(self, places: Any) -> Strongest:
        """Those at some places of `units`, in that order."""
        arrays = (self.units, self.images, self.rows, self.columns, self.values)
        return Strongest(self.node, *(array[places] for array in arrays))


def activation_of(network: Network, node: str) -> str:
    """The node that shows what a layer's units do: of a convolution or dense one, the activation after it."""
    readers = network.graph.readers()[node] if network.graph[node].layer.is_neuronal else []
    if len(readers) == 1 and isinstance(network.graph[readers[0]].layer, ACTIVATIONS):
        return readers[0]
    return node


def strongest(
    network: Network, batches: Iterable[Any], node: str, units: Any = None, count: int = 9
) -> Strongest:
    """The `count` strongest activations of each unit over pictures that stream by, at most one a picture.

    `batches` are pictures, or (pictures, labels) as `Split.batches` yields them. Units are channels of a
    volume or elements of a flat output, by default all. Of equal values the first counts: the earlier
    picture, then the upper row, then the column further left.
    Raises UsageError for an unknown node or unit, DataError if no picture comes.
    """
    need_whole("count", count)
    node = activation_of(network, node)
    shape = network.graph.shapes[node]
    units = checked_units(np.arange(shape[-1]) if units is None else np.atleast_1d(units), node, shape)
    best: list[Any] = []
    seen = 0
    for batch in batches:
        images = network.as_images(batch[0] if isinstance(batch, tuple) else batch)
        plan = network.program(len(images), keep=(node,))
        plan.forward(images)
        maps = plan.output(node)[..., units].reshape(len(images), -1, len(units))
        places = maps.argmax(axis=1)
        values = np.take_along_axis(maps, places[:, None], axis=1)[:, 0]
        pictures = np.broadcast_to(np.arange(seen, seen + len(images))[:, None], places.shape)
        found = [values.T, pictures.T, places.T]
        best = [np.concatenate(pair, axis=1) for pair in zip(best, found, strict=True)] if best else found
        # The sort is stable and pictures come in order, so the earlier of two equals stays in front.
        order = np.argsort(-best[0], axis=1, kind="stable")[:, :count]
        best = [np.take_along_axis(kept, order, axis=1) for kept in best]
        seen += len(images)
    if not best:
        raise DataError("no pictures to look for strong activations in")
    width = shape[1] if len(shape) == 3 else 1
    return Strongest(node, units, best[1], best[2] // width, best[2] % width, best[0])


def checked_units(units: Any, node: str, shape: tuple[int, ...]) -> Any:
    units = np.asarray(units)
    if units.dtype.kind not in "iu" or not units.size:
        raise UsageError(f"units {cut(units.tolist())}: one whole number or more are expected")
    wrong = (units < 0) | (units >= shape[-1])
    if wrong.any():
        raise UsageError(f"unit {units[wrong][0]} of '{node}': it has units 0 to {shape[-1] - 1}")
    return units
