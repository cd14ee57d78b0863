"""SmoothGrad (Smilkov, Thorat, Kim, Viégas and Wattenberg, 2017)."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...errors import UsageError, cut, need_whole
from ...fitting import as_floats
from ...graph import MAX_SEED
from .base import Attribution, Explained
from .passes import Passes

MOST_SAMPLES = 10_000


@dataclass(frozen=True)
class SmoothGrad(Attribution):
    """The gradient, averaged over `samples` copies of the picture with Gaussian noise.

    The noise's standard deviation is `noise` times the range of the picture's values. It is drawn from `seed` and the number
    of the copy (Philox), the same for every picture.
    """

    name: ClassVar[str] = "smoothgrad"
    title: ClassVar[str] = "SmoothGrad"
    source: ClassVar[str] = "Smilkov et al., 2017"
    one_by_one: ClassVar[bool] = True

    samples: int = 50
    noise: float = 0.15
    seed: int = 0

    def __post_init__(self) -> None:
        need_whole("samples", self.samples, 1, MOST_SAMPLES)
        need_whole("seed", self.seed, 0, MAX_SEED)
        if not isinstance(self.noise, numbers.Real) or not 0 <= self.noise < math.inf:
            raise UsageError(
                f"noise {cut(repr(self.noise))}: a share of the picture's range, 0 or more, is expected"
            )

    def explain(self, passes: Passes, images: Any, classes: Any) -> Explained:
        image = as_floats(images[0], passes.network.graph.dtype)
        spread = image.dtype.type(self.noise) * (image.max() - image.min())
        total = np.zeros(image.shape)
        for first in range(0, self.samples, passes.batch_size):
            numbers_ = range(first, min(first + passes.batch_size, self.samples))
            noisy = np.stack([image + spread * self.noise_of(number, image.shape) for number in numbers_])
            for gradient in passes.gradients(noisy, np.repeat(classes, len(noisy))):
                total += gradient
        return (total / self.samples).astype(np.float32)[None], {}

    def noise_of(self, number: int, shape: tuple[int, ...]) -> Any:
        """The standard normal noise of one copy, float32."""
        generator = np.random.Generator(np.random.Philox(key=self.seed, counter=[0, 0, 0, number]))
        return generator.standard_normal(shape, np.float32)
