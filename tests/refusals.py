"""What is refused takes little memory and little time."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from numbacnn.errors import (
    NumbacnnError,
)
from numbacnn.graph import Graph
from numbacnn.layers import Concatenate, Dense, Flatten, GlobalAveragePool, ReLU, Softmax
from numbacnn.network import Network

LITTLE = 64 << 20
"""Bytes, and seconds enough for anything that is refused."""
SOON = 10.0


@contextmanager
def refused(problem: type[NumbacnnError], message: str) -> Iterator[None]:
    begun = time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises(problem, match=message) as raised:
            yield
        assert tracemalloc.get_traced_memory()[1] < LITTLE
    finally:
        tracemalloc.stop()
    assert time.process_time() - begun < SOON
    assert len(str(raised.value)) < 1000


def pooled(shape: tuple[int, ...] = (4, 4, 3), doublings: int = 0, classes: int = 3) -> Network:
    """A network for pictures of any size: their mean colour, and a layer that doubles its channels."""
    layers: list[Any] = [("pool", GlobalAveragePool())]
    layers += [(f"double{each}", Concatenate(), (layers[-1][0],) * 2) for each in range(doublings)]
    layers += [("flat", Flatten()), ("scores", Dense(classes)), ("softmax", Softmax())]
    layers = [layers[0], ("relu", ReLU()), *layers[1:]] if doublings == 0 else layers
    return Network(Graph(layers, shape))


@contextmanager
def tracemalloc_of_little() -> Iterator[None]:
    begun = time.process_time()
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < LITTLE
    finally:
        tracemalloc.stop()
    assert time.process_time() - begun < SOON
