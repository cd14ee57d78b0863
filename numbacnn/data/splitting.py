"""Splits a training split into two parts, with each class in proportion."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, UsageError, need_whole

Indices = NDArray[np.intp]


def stratified(labels: NDArray[np.int64], fraction: float, seed: int) -> tuple[Indices, Indices]:
    """Returns indices (rest, taken): `taken` has round(fraction * N) of them, each class in proportion; both are in
    order.

    At least one picture of every class stays in `rest`. The same seed takes the same pictures. Raises UsageError for a
    fraction outside (0, 1), DataError if nothing would be taken.
    """
    if not 0 < fraction < 1:
        raise UsageError(
            f"a fraction of {fraction:g} of the pictures: more than 0 and less than 1 is expected"
        )
    need_whole("seed", seed, 0, 2**64 - 1)
    counts = np.bincount(labels)
    exact = counts * fraction
    take = np.floor(exact).astype(int)
    # The largest remainders get one more, until the whole is what was asked for.
    for label in np.argsort(take - exact, kind="stable")[: round(len(labels) * fraction) - int(take.sum())]:
        take[label] += 1
    take = np.minimum(take, np.maximum(counts - 1, 0))
    taken = np.zeros(len(labels), bool)
    for label in np.flatnonzero(take):
        # A stream of its own for every class: another class's size does not change who is taken.
        generator = np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, 0, int(label)]))
        members = np.flatnonzero(labels == label)
        taken[generator.permutation(members)[: take[label]]] = True
    if not taken.any():
        raise DataError(f"a fraction of {fraction:g} of {len(labels)} pictures takes none; give a larger one")
    return np.flatnonzero(~taken), np.flatnonzero(taken)
