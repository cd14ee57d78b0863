"""How large a change of a picture is, and the largest changes of a given size.

A change is an array (n,H,W,C) in [-1, 1], a full scale of pixel values. Linf is the largest change of a value, L2 the root
of the sum of squares, L1 the sum of absolute values, L0 the number of pixels (places) that changed in any channel.
"""

from __future__ import annotations

from typing import Any

import numpy as np

NORMS = ("linf", "l2", "l1", "l0")
TITLES = {"linf": "Linf", "l2": "L2", "l1": "L1", "l0": "L0"}
_SAFE = 1 - 1e-6
"""Changes are cut to a little less than their bound, so that rounding to float32 does not lead beyond it."""


def sizes(changes: Any, norm: str) -> Any:
    """(n,), each picture's change in a norm."""
    rows = np.abs(changes).reshape(len(changes), -1)
    if norm == "linf":
        return rows.max(axis=1)
    if norm == "l2":
        return np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
    if norm == "l1":
        return rows.sum(axis=1, dtype=np.float64)
    return (np.abs(changes) > 0).any(axis=-1).reshape(len(changes), -1).sum(axis=1)


def spread(values: Any, like: Any) -> Any:
    """(n,) as (n,1,1,1), to be multiplied with pictures, in their type."""
    return np.asarray(values, like.dtype).reshape(-1, *[1] * (like.ndim - 1))


def cut(changes: Any, norm: str, bound: float) -> Any:
    """The nearest changes that are no larger than `bound` in L2, L1 or L0, as their type; Linf is cut exactly by `Goal`."""
    if norm == "linf":
        return np.clip(changes, -bound, bound)
    if norm == "l2":
        long = sizes(changes, norm)
        return changes * spread(np.minimum(1, bound * _SAFE / np.maximum(long, 1e-30)), changes)
    if norm == "l1":
        return _cut_l1(changes, bound * _SAFE)
    return _largest_pixels(changes, int(bound))


def _cut_l1(changes: Any, bound: float) -> Any:
    """Each picture's nearest point of the L1 ball: all values shrink by the same amount (Duchi et al., 2008)."""
    rows = np.abs(changes).reshape(len(changes), -1)
    falling = -np.sort(-rows, axis=1)
    excess = np.cumsum(falling, axis=1, dtype=np.float64) - bound
    counts = np.arange(1, rows.shape[1] + 1)
    kept = np.maximum((falling * counts > excess).sum(axis=1), 1)
    shrink = np.maximum(excess[np.arange(len(rows)), kept - 1] / kept, 0)
    shrink[rows.sum(axis=1) <= bound] = 0
    return np.sign(changes) * np.maximum(np.abs(changes) - spread(shrink, changes), 0)


def _largest_pixels(changes: Any, count: int) -> Any:
    """The `count` pixels with the largest change are kept, all others stay as they were."""
    weight = np.abs(changes).sum(axis=-1).reshape(len(changes), -1)
    if count >= weight.shape[1]:
        return changes
    order = np.argsort(-weight, axis=1, kind="stable")
    kept = np.zeros(weight.shape, np.bool_)
    np.put_along_axis(kept, order[:, :count], True, axis=1)
    return changes * kept.reshape(*changes.shape[:-1], 1)


def steepest(gradient: Any, norm: str) -> Any:
    """The change of size 1 along which a linear function rises most; 0 where the gradient is.

    In L1 and L0, where that is a change of one value alone, the gradient divided by its L1 size is taken (Croce and Hein,
    2019): steps of several values lead on faster.
    """
    if norm == "linf":
        return np.sign(gradient)
    size = sizes(gradient, "l2" if norm == "l2" else "l1")
    return gradient * spread(1 / np.maximum(size, 1e-30), gradient)


def random_change(generator: Any, shape: tuple[int, ...], norm: str, bound: float) -> Any:
    """One change (H,W,C) within `bound`, drawn evenly from the ball (Linf, L2) or of random signs and sizes (L1, L0)."""
    if norm == "linf":
        return generator.uniform(-bound, bound, shape).astype(np.float32)
    if norm == "l0":
        change = generator.uniform(-1, 1, shape).astype(np.float32)
        return _largest_pixels(change[None], int(bound))[0]
    direction = generator.standard_normal(shape) if norm == "l2" else generator.laplace(size=shape)
    length = bound * generator.random() ** (1 / direction.size)
    return (direction * (length / sizes(direction[None], norm)[0])).astype(np.float32)
