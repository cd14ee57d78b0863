"""Pictures that a network takes for alike: near each other in its last hidden layer (Krizhevsky et al., 2012, figure 4)."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from ..errors import ShapeError, UsageError, nearest, need_whole
from ..network import Images, Network

Metric = Literal["euclidean", "cosine"]
METRICS = ("euclidean", "cosine")
_ROWS = 4096
"""Features that are compared at a time."""


class Neighbours(NamedTuple):
    """The nearest of some pictures, the nearest first: their indices, and how far they are."""

    indices: Any
    distances: Any


def last_hidden(network: Network) -> str:
    """`Network.last_hidden`."""
    return network.last_hidden()


def features(network: Network, images: Images, layer: str | None = None, batch_size: int = 64) -> Any:
    """`Network.features`."""
    return network.features(images, layer, batch_size)


def nearest_to(query: Any, known: Any, count: int = 6, metric: Metric = "euclidean") -> Neighbours:
    """The `count` rows of `known` (N,D) that are nearest to `query` (D); of equally near ones the first.

    "cosine": one less the cosine of the angle between two rows; a row of zeros is at a right angle to all. Raises
    UsageError for another metric or a count below 1, ShapeError where the two do not fit.
    """
    if metric not in METRICS:
        raise UsageError(f"metric '{metric}'{nearest(metric, METRICS)}")
    need_whole("count", count)
    one, rows = np.asarray(query, np.float64), np.asarray(known)
    if rows.ndim != 2 or one.shape != rows.shape[1:]:
        raise ShapeError(f"a row {one.shape} cannot be compared with rows {rows.shape}")
    distances = np.empty(len(rows))
    for start in range(0, len(rows), _ROWS):
        part = rows[start : start + _ROWS].astype(np.float64)
        if metric == "euclidean":
            distances[start : start + _ROWS] = np.sqrt(np.square(part - one).sum(axis=1))
        else:
            lengths = np.linalg.norm(part, axis=1) * np.linalg.norm(one)
            distances[start : start + _ROWS] = 1 - (part @ one) / np.where(lengths > 0, lengths, 1)
    order = np.argsort(distances, kind="stable")[:count]
    return Neighbours(order, distances[order])
