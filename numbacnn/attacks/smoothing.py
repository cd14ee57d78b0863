"""Randomised smoothing (Cohen, Rosenfeld and Kolter, 2019): the class that a network names most under normal noise, and the
L2 radius within which that class is certain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import UsageError, need_whole
from ..fitting import as_floats
from ..network import Images, Network
from .base import Watch

ABSTAINED = -1


@dataclass(frozen=True)
class Smoothed:
    """classes: (N,), ABSTAINED where no class is certain; radii: (N,) L2 in full scales of a pixel, 0 where it abstained.

    Each statement is wrong with a probability of at most `alpha`.
    """

    classes: Any
    radii: Any
    sigma: float
    samples: int
    alpha: float

    def certified_accuracy(self, labels: Any, radius: float) -> float:
        """The share of pictures whose class is right and certain within `radius`."""
        return float(((self.classes == labels) & (self.radii >= radius)).mean())


def certify(
    network: Network,
    images: Images,
    *,
    sigma: float = 0.25,
    first_samples: int = 100,
    samples: int = 1000,
    alpha: float = 0.001,
    seed: int = 0,
    batch_size: int = 64,
    watch: Watch | None = None,
) -> Smoothed:
    """`first_samples` noisy copies of each picture choose a class; of `samples` others, how often it is named bounds its
    probability from below (Clopper and Pearson, 1934), and sigma times that one's normal quantile is the radius.

    Noise is normal, with deviation `sigma` (of full scale), and not cut to [0, 1]. Raises UsageError for numbers that
    cannot be meant.
    """
    from scipy.stats import beta, norm

    if not 0 < sigma < np.inf:
        raise UsageError(f"sigma {sigma}: a number above 0 is expected")
    if not 0 < alpha < 1:
        raise UsageError(f"alpha {alpha}: a number between 0 and 1 is expected")
    need_whole("first samples", first_samples)
    need_whole("samples", samples)
    images = as_floats(network.as_images(images))
    classes, radii = np.full(len(images), ABSTAINED), np.zeros(len(images))
    rows: Any = range(len(images))
    for row in rows if watch is None else watch(rows, "certifying", len(images)):
        votes = _votes(network, images[row], sigma, first_samples, seed, row, 0, batch_size)
        guess = int(votes.argmax())
        hits = int(_votes(network, images[row], sigma, samples, seed, row, 1, batch_size)[guess])
        least = float(beta.ppf(alpha, hits, samples - hits + 1)) if hits else 0.0
        if least > 0.5:
            classes[row], radii[row] = guess, sigma * float(norm.ppf(least))
    return Smoothed(classes, radii, sigma, samples, alpha)


def _votes(
    network: Network, image: Any, sigma: float, count: int, seed: int, row: int, draw: int, batch_size: int
) -> Any:
    """How often each class is named of `count` noisy copies."""
    plan = network.program_for(count, batch_size)
    generator = np.random.Generator(np.random.Philox(key=[seed, row], counter=[2, 0, 0, draw]))
    found = np.zeros(network.classes, np.int64)
    for start in range(0, count, plan.batch_size):
        size = min(plan.batch_size, count - start)
        noise = generator.standard_normal((size, *image.shape), np.float32)
        named = plan.forward(image + np.float32(sigma) * noise).argmax(axis=1)
        found += np.bincount(named, minlength=network.classes)
    return found
