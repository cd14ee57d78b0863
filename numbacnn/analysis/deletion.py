"""How soon a class's probability falls where what a map calls important is taken away, and rises where it is given
(Petsiuk, Das and Saenko, 2018).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ShapeError, need_whole
from ..fitting import as_floats
from ..network import Images, Network
from .baselines import baseline_picture
from .smoothing import blurred

_BLUR = 45
"""The picture that insertion begins with is blurred by its shorter side over so much, 5 pixels of 224 as in the paper."""


@dataclass(frozen=True)
class DeletionInsertion:
    """Probabilities of each picture's class (N,S+1) while a share of its pixels (S+1), the most important first, is taken
    away or given back. A map that is right has a small area (N,) below `deletion` and a large one below `insertion`.
    """

    shares: Any
    deletion: Any
    insertion: Any

    @property
    def deletion_area(self) -> Any:
        return _area(self.deletion)

    @property
    def insertion_area(self) -> Any:
        return _area(self.insertion)


def deletion_insertion(
    network: Network,
    images: Images,
    maps: Any,
    classes: Any,
    *,
    steps: int = 50,
    value: str | float = "mean",
    batch_size: int = 64,
) -> DeletionInsertion:
    """The two curves of maps (N,H,W), the largest numbers first; of equal ones the upper left first.

    What is taken away becomes `value` (`occlusion.occluded`); what is given back was blurred before. Raises ShapeError for maps
    that are not of the pictures' size; see `Attribution.iterate` for the rest.
    """
    need_whole("steps", steps)
    images = network.as_images(images)
    classes = network.as_labels(classes, len(images))
    maps = np.asarray(maps)
    if maps.shape != images.shape[:3]:
        raise ShapeError(f"maps {maps.shape}: one of each picture's size, {images.shape[:3]}, is expected")
    shares = np.arange(steps + 1) / steps
    curves = [
        [
            _along(network, start, end, order, shares, label, batch_size)
            for start, end in ((image, baseline_picture(network, value)), (_blurred(image), image))
        ]
        for image, order, label in zip(map(as_floats, images), map(_order, maps), classes, strict=True)
    ]
    deletion, insertion = np.array(curves).swapaxes(0, 1)
    return DeletionInsertion(shares, deletion, insertion)


def _order(values: Any) -> Any:
    return np.argsort(-values, axis=None, kind="stable")


def _blurred(image: Any) -> Any:
    return blurred(image, max(min(image.shape[:2]) / _BLUR, 1.0))


def _along(
    network: Network, start: Any, end: Any, order: Any, shares: Any, label: int, batch_size: int
) -> Any:
    """Probabilities while pixel after pixel of `start`, in their order, becomes that of `end`."""
    found = np.empty(len(shares))
    counts = np.rint(shares * len(order)).astype(int)
    for first in range(0, len(shares), batch_size):
        now = counts[first : first + batch_size]
        pictures = np.repeat(start.reshape(1, len(order), -1), len(now), axis=0)
        for picture, count in zip(pictures, now, strict=True):
            changed = order[:count]
            picture[changed] = end.reshape(len(order), -1)[changed]
        probabilities = network.predict(pictures.reshape(-1, *start.shape), batch_size)
        found[first : first + len(now)] = probabilities[:, label]
    return found


def _area(curves: Any) -> Any:
    """By the trapezoidal rule, over shares from 0 to 1."""
    return (curves[:, 1:] + curves[:, :-1]).mean(axis=1) / 2
