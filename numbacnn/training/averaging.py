"""An average of the weights along a training, which errs less often than the last weights do (Polyak and Juditsky, 1992)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..graph import Graph
from ..ops import update


class Average:
    """a = keep a + (1 - keep) w after every update, an exponential moving average that begins at the first weights."""

    def __init__(self, graph: Graph, keep: float) -> None:
        self._graph, self._share = graph, 1 - keep
        self._device, self._size = graph.device, graph.layout.trained
        self.row = self._device.zeros((max(self._size, 1),), graph.dtype)
        self.begin()

    def begin(self) -> None:
        """The average is the present weights."""
        self._device.write(self.row[: self._size], self._weights())

    def follow(self) -> None:
        """One update's share."""
        update.average(self.row[: self._size], self._graph.row[: self._size], self._share)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """While it lasts, the graph's weights are the average."""
        own = np.array(self._weights())
        target = self._graph.row[: self._size]
        self._device.write(target, np.array(self._device.read(self.row[: self._size])))
        try:
            yield
        finally:
            self._device.write(target, own)

    def _weights(self) -> np.ndarray[Any, Any]:
        return self._device.read(self._graph.row[: self._size])
