"""Weights that follow the training slowly, and that it goes on from time and again (Zhang, Lucas, Hinton and Ba, 2019)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..device import Array
from ..graph import Graph
from ..ops import joins, update
from .optimizers import Arrays, read_rows, write_rows

NAME = "lookahead"


class Lookahead:
    """Every `every` updates: slow = kept slow + (1 - kept) fast, and fast = slow, buffers too.

    `kept` = keep^every t^3 at a part t of the training: at first the slow weights are the fast ones. At its end the
    weights are the slow ones.
    """

    def __init__(self, graph: Graph, every: int, keep: float) -> None:
        self.every = every
        self._graph, self._keep = graph, keep
        self._size = graph.layout.trained
        self._row = graph.device.zeros((max(self._size, 1),), graph.dtype)
        self._buffers = {
            name: graph.device.zeros((each.value.size,), graph.dtype) for name, each in graph.buffers.items()
        }
        self.begin()

    def _pairs(self) -> list[tuple[Array, Array]]:
        """Slow and fast numbers, flat."""
        fast = self._graph.buffers
        buffers = [(slow, fast[name].value.reshape(-1)) for name, slow in self._buffers.items()]
        return [(self._row[: self._size], self._graph.row[: self._size]), *buffers]

    def begin(self) -> None:
        """The slow weights are the present ones."""
        for slow, fast in self._pairs():
            joins.copy(slow, fast)

    def follow(self, updates: int, progress: float) -> None:
        """Follows one of the optimizer's updates; `progress` is the part of the training that is done, 0 to 1."""
        if updates % self.every == 0:
            share = 1 - self._keep**self.every * progress**3
            for slow, fast in self._pairs():
                update.average(slow, fast, share)
                joins.copy(fast, slow)
        if progress >= 1:
            for slow, fast in self._pairs():
                joins.copy(fast, slow)

    def expected(self) -> dict[str, Any]:
        """Arrays of the names and shapes of `on_host`."""
        parameters = {name: each.value for name, each in self._graph.parameters.items() if each.trainable}
        return {**parameters, **{name: each.value for name, each in self._graph.buffers.items()}}

    def on_host(self) -> Arrays:
        """Parameter or buffer -> its slow numbers."""
        read, buffers = self._graph.device.read, self._graph.buffers
        slow = {name: read(row).reshape(buffers[name].spec.shape) for name, row in self._buffers.items()}
        return {**read_rows(self._graph, {NAME: self._row})[NAME], **slow}

    def restore(self, arrays: Arrays) -> None:
        """Takes what `on_host` gave."""
        own = {name: array for name, array in arrays.items() if name not in self._buffers}
        write_rows(self._graph, {NAME: self._row}, {NAME: own})
        for name, row in self._buffers.items():
            self._graph.device.write(row, np.asarray(arrays[name]).reshape(-1))
