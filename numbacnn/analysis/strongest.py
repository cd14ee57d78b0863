"""Which pictures, and where in them, excite the units of layers most: one look at a data set for all layers.

Zeiler and Fergus (2013) show the nine strongest activations of a unit, one a picture. They are kept while the pictures
stream by, so the memory that is taken depends on the layers and on the batch, and not on how many pictures there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DataError, UsageError, cut, need_whole
from ..layers import (
    ELU,
    GELU,
    Add,
    BatchNorm,
    Clip,
    LeakyReLU,
    PReLU,
    Ramp,
    ReLU,
    ReLU6,
    Scale,
    Sigmoid,
    SiLU,
    Tanh,
)
from ..network import Network
from .room import pictures_at_a_time

ACTIVATIONS = (ReLU, LeakyReLU, PReLU, ELU, Sigmoid, Tanh, Ramp, ReLU6, Clip, SiLU, GELU)
_NORMALISATIONS = (BatchNorm, Scale)
_GATHERED = 1 << 22
"""Activations that are searched at a time for the place of the largest."""


@dataclass(frozen=True)
class Strongest:
    """Each unit's strongest activations, best first: `images`, `rows`, `columns` and `values` are (units, count).

    `images` are indices in the order in which the pictures came; rows and columns of flat units are 0. Of the largest
    activation in every picture, `means` and `deviations` (units) say how it is spread, and `active` (units) in which
    share of the pictures it is above 0: a unit with 0 is dead.
    """

    node: str
    units: Any
    images: Any
    rows: Any
    columns: Any
    values: Any
    means: Any
    deviations: Any
    active: Any

    def take(self, places: Any) -> Strongest:
        """The winners of the units at some places of `units`, in that order."""
        arrays = (self.units, self.images, self.rows, self.columns, self.values, self.means, self.deviations)
        return Strongest(self.node, *(array[places] for array in (*arrays, self.active)))

    @property
    def selectivity(self) -> Any:
        """By how many deviations a unit's last activation of those kept stands above its mean: (units), 0 for a constant one.

        A unit that answers to few pictures, and to these strongly, has a high one.
        """
        above = self.values[:, -1] - self.means
        return np.divide(above, self.deviations, out=np.zeros_like(self.means), where=self.deviations > 0)


def activation_of(network: Network, node: str) -> str:
    """The node that shows what a layer's units do: of a convolution, dense layer or sum, the activation after it.

    A batch normalisation (or Caffe's scale) between the two belongs to the layer. Raises UsageError for an unknown node.
    """
    graph, readers = network.graph, network.graph.readers()
    found = graph[node].name
    if not (graph[node].layer.is_neuronal or isinstance(graph[node].layer, Add)):
        return found
    while len(readers[found]) == 1:
        layer = graph[readers[found][0]].layer
        if not isinstance(layer, (*ACTIVATIONS, *_NORMALISATIONS)):
            break
        found = readers[found][0]
        if isinstance(layer, ACTIVATIONS):
            break
    return found


def layers_with_units(network: Network) -> list[str]:
    """The names of the layers whose units are worth a look: convolutions, dense layers and sums, in order."""
    nodes = network.graph.nodes
    return [node.name for node in nodes if node.layer.is_neuronal or isinstance(node.layer, Add)]


def scan(
    network: Network, batches: Iterable[Any], nodes: Sequence[str], count: int = 9
) -> dict[str, Strongest]:
    """The `count` strongest activations of every unit of several layers, over pictures that stream by once.

    `batches` are pictures, or (pictures, labels) as `Split.batches` yields them; at most one activation a picture counts.
    Units are channels of a volume or elements of a flat output. Of equal values the first counts: the earlier picture,
    then the upper row, then the column further left. The result has an item for each of `nodes`, under that name.
    Raises UsageError for no or an unknown node, DataError if no picture comes.
    """
    return _scanned(network, batches, nodes, None, count)


def strongest(
    network: Network, batches: Iterable[Any], node: str, units: Any = None, count: int = 9
) -> Strongest:
    """The same of some units of one layer, by default all of them. Raises UsageError for an unknown unit too."""
    return _scanned(network, batches, [node], units, count)[node]


def _scanned(
    network: Network, batches: Iterable[Any], nodes: Sequence[str], units: Any, count: int
) -> dict[str, Strongest]:
    need_whole("count", count)
    if not nodes:
        raise UsageError("no layer is named; one or more are expected")
    best = {name: _Best(network, activation_of(network, name), units, count) for name in nodes}
    keep = tuple(dict.fromkeys(each.node for each in best.values()))
    at_a_time = pictures_at_a_time(network, keep=keep)
    for batch in batches:
        images = network.as_images(batch[0] if isinstance(batch, tuple) else batch)
        plan = network.program_for(len(images), at_a_time, keep=keep)
        for start in range(0, len(images), plan.batch_size):
            plan.forward(images[start : start + plan.batch_size])
            for each in best.values():
                each.add(plan.output(each.node))
    return {name: each.result() for name, each in best.items()}


class _Best:
    """The strongest activations so far of a layer's units."""

    def __init__(self, network: Network, node: str, units: Any, count: int) -> None:
        shape = network.graph.shapes[node]
        self.node, self._count, self._seen = node, count, 0
        self.units = checked_units(
            np.arange(shape[-1]) if units is None else np.atleast_1d(units), node, shape
        )
        self._width = shape[1] if len(shape) == 3 else 1
        found = (len(self.units), 0)
        self._values = np.zeros(found, np.float32)
        self._images, self._places = np.zeros(found, np.int64), np.zeros(found, np.int64)
        self._sums = np.zeros((3, len(self.units)))
        """Statistics of the largest activation in each picture: the sum, the sum of squares, how often it is above 0."""

    def add(self, output: Any) -> None:
        """Looks at the outputs (n, …) of the next pictures."""
        maps = output.reshape(len(output), -1, output.shape[-1])
        values = maps.max(axis=1)[:, self.units]  # (n, units): without their places, which is much quicker
        exact = values.astype(np.float64)
        self._sums += exact.sum(axis=0), np.square(exact).sum(axis=0), (values > 0).sum(axis=0)
        first, self._seen = self._seen, self._seen + len(values)
        kept = min(self._seen, self._count)
        grown = np.full((len(self.units), kept), -np.inf, np.float32)
        images, places = np.full(grown.shape, -1, np.int64), np.full(grown.shape, -1, np.int64)
        old = slice(0, self._values.shape[1])
        grown[:, old], images[:, old], places[:, old] = self._values, self._images, self._places
        if old.stop == self._count:
            changed = np.flatnonzero((values > grown[:, -1]).any(axis=0))
        else:
            changed = np.arange(len(self.units))
        if changed.size:
            pictures = np.broadcast_to(np.arange(first, self._seen), (changed.size, len(values)))
            unknown = np.full(pictures.shape, -1, np.int64)
            candidates = [
                np.concatenate([mine[changed, old], new], axis=1)
                for mine, new in ((grown, values.T[changed]), (images, pictures), (places, unknown))
            ]
            # The sort is stable and pictures come in order, so the earlier of two equals stays in front.
            order = np.argsort(-candidates[0], axis=1, kind="stable")[:, :kept]
            kinds: tuple[Any, ...] = grown, images, places
            for mine, all_of_them in zip(kinds, candidates, strict=True):
                mine[changed] = np.take_along_axis(all_of_them, order, axis=1)
            self._find_places(maps, images, places, first)
        self._values, self._images, self._places = grown, images, places

    def _find_places(self, maps: Any, images: Any, places: Any, first: int) -> None:
        """Fills in the places that are still -1: where the activation is the largest of its map."""
        units, ranks = np.nonzero(places < 0)
        together = max(1, _GATHERED // maps.shape[1])
        for start in range(0, len(units), together):
            unit, rank = units[start : start + together], ranks[start : start + together]
            places[unit, rank] = maps[images[unit, rank] - first, :, self.units[unit]].argmax(axis=1)

    def result(self) -> Strongest:
        if not self._seen:
            raise DataError("no pictures to look for strong activations in")
        means = self._sums[0] / self._seen
        deviations = np.sqrt(np.maximum(self._sums[1] / self._seen - np.square(means), 0))
        rows, columns = np.divmod(self._places, self._width)
        return Strongest(
            self.node, self.units, self._images, rows, columns, self._values, means, deviations,
            self._sums[2] / self._seen,
        )  # fmt: skip


def checked_units(units: Any, node: str, shape: tuple[int, ...]) -> Any:
    units = np.asarray(units)
    if units.dtype.kind not in "iu" or not units.size:
        raise UsageError(f"units {cut(units.tolist())}: one whole number or more are expected")
    wrong = (units < 0) | (units >= shape[-1])
    if wrong.any():
        raise UsageError(f"unit {units[wrong][0]} of '{node}': it has units 0 to {shape[-1] - 1}")
    return units
