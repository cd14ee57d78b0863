"""Kernels of many channels as colours."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import ShapeError, need_whole


class Components(NamedTuple):
    """`kernels` (R,S,count,K), `directions` (count,C) of unit length, and `shares` (count) of all weights' energy."""

    kernels: Any
    directions: Any
    shares: Any


def strongest_components(kernels: Any, count: int = 3) -> Components:
    """Kernels (R,S,C,K) along the directions among their channels that have most of their energy (principal components).

    Zero stays zero: nothing is subtracted. All filters have the same directions, so equal colours are equal mixtures of
    channels. Each direction's sign is such that its largest number is positive. Raises ShapeError for another shape,
    UsageError for a count that is no whole number above 0.
    """
    need_whole("count", count)
    values = np.asarray(kernels, np.float64)
    if values.ndim != 4 or not values.size:
        raise ShapeError(f"kernels of shape {values.shape}; expected (rows, columns, channels, filters)")
    by_channel = np.moveaxis(values, 2, 3)  # (R,S,K,C)
    flat = by_channel.reshape(-1, values.shape[2])
    energy, vectors = np.linalg.eigh(flat.T @ flat)
    kept = min(count, len(energy))
    directions = vectors[:, ::-1][:, :kept].T
    signs = np.sign(directions[np.arange(kept), np.abs(directions).argmax(axis=1)])
    directions = directions * signs[:, None]
    found = np.zeros((*by_channel.shape[:3], count))
    found[..., :kept] = by_channel @ directions.T
    shares = np.zeros(count)
    total = energy.sum()
    shares[:kept] = np.maximum(energy[::-1][:kept], 0) / total if total > 0 else 0
    return Components(np.moveaxis(found, 3, 2), directions, shares)
