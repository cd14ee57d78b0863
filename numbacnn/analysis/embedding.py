"""Rows of features in the plane, so that what a network takes for alike lies side by side."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import NumbacnnError, ShapeError, UsageError


class Plane(NamedTuple):
    """`points` (N,2); of principal components the `shares` (2) of the features' variance, else none."""

    points: Any
    shares: tuple[float, ...]


def principal_plane(rows: Any) -> Plane:
    """The two directions in which rows (N,D) differ most. Each one's sign is such that its largest weight is positive.

    Raises ShapeError for fewer than two rows.
    """
    values = _checked(rows)
    centred = values - values.mean(axis=0)
    _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
    directions = directions[:2]
    directions *= np.sign(directions[np.arange(len(directions)), np.abs(directions).argmax(axis=1)])[:, None]
    points, total = np.zeros((len(values), 2)), float(np.square(sizes).sum())
    points[:, : len(directions)] = centred @ directions.T
    shares = np.square(sizes[:2]) / total if total > 0 else np.zeros(2)
    return Plane(points, tuple(shares.tolist()))


def neighbour_plane(rows: Any, seed: int = 0, perplexity: float = 30.0) -> Plane:
    """t-SNE (van der Maaten and Hinton, 2008): near ones stay near; distances between groups mean little.

    The first 50 principal components are what it works on. `perplexity` is about how many neighbours each row has; of few
    rows, fewer. Raises NumbacnnError where scikit-learn is not installed, ShapeError for fewer than five rows.
    """
    values = _checked(rows)
    if len(values) < 5:
        raise ShapeError(f"{len(values)} rows: at least 5 are expected for t-SNE")
    if not perplexity > 1:
        raise UsageError(f"perplexity {perplexity:g}: a number above 1 is expected")
    try:
        from sklearn.manifold import TSNE
    except ImportError:
        raise NumbacnnError(
            "t-SNE needs scikit-learn, which is not installed: pip install 'numbacnn[features]'"
        ) from None
    centred = values - values.mean(axis=0)
    if min(centred.shape) > 50:
        left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
        centred = left[:, :50] * sizes[:50]
    model = TSNE(
        perplexity=min(perplexity, (len(values) - 1) / 3.5),
        init="pca",
        random_state=seed,
        learning_rate="auto",
    )
    return Plane(np.asarray(model.fit_transform(centred), np.float64), ())


def neighbour_votes(rows: Any, labels: Any, classes: int, neighbours: int = 5) -> Any:
    """A table (classes, classes) of the classes (rows) whose pictures lie among those of others (columns).

    Each row of features (N,D) is given the commonest class of its nearest others; of equally common ones that of the nearest.
    """
    values, labels = _checked(rows), np.asarray(labels)
    table = np.zeros((classes, classes), np.int64)
    squares = np.square(values).sum(axis=1)
    count = min(neighbours, len(values) - 1)
    for first in range(0, len(values), 1024):
        part = slice(first, first + 1024)
        distances = squares[part, None] - 2 * values[part] @ values.T + squares
        distances[np.arange(len(distances)), np.arange(first, first + len(distances))] = np.inf
        nearest = np.argsort(distances, axis=1, kind="stable")[:, :count]
        for own, found in zip(labels[part], labels[nearest], strict=True):
            votes = np.bincount(found, minlength=classes)
            best = next(int(each) for each in found if votes[each] == votes.max())
            table[own, best] += 1
    return table


def _checked(rows: Any) -> Any:
    values = np.asarray(rows, np.float64)
    if values.ndim != 2 or len(values) < 2:
        raise ShapeError(f"features of shape {values.shape}: (N, D) with two rows or more is expected")
    return values
