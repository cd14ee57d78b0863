"""Integrated gradients (Sundararajan, Taly and Yan, 2017)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...errors import need_whole
from ...fitting import as_floats
from ..baselines import baseline_picture, check_baseline
from .base import Attribution, Explained
from .passes import Passes

MOST_STEPS = 10_000


@dataclass(frozen=True)
class IntegratedGradients(Attribution):
    """The gradients along the straight line from a baseline to the picture, averaged, times the way between the two.

    The values of a picture sum to the score's difference between the two ends (completeness), up to the error of the sum that
    stands for the integral, `steps` places in the middles of equal parts. The fact `completeness_error` is the sum less
    that difference, `score_change` the difference itself.
    """

    name: ClassVar[str] = "integrated-gradients"
    title: ClassVar[str] = "integrated gradients"
    source: ClassVar[str] = "Sundararajan et al., 2017"
    signed: ClassVar[bool] = True
    one_by_one: ClassVar[bool] = True

    baseline: str | float = "black"
    steps: int = 50

    def __post_init__(self) -> None:
        check_baseline(self.baseline)
        need_whole("steps", self.steps, 1, MOST_STEPS)

    def explain(self, passes: Passes, images: Any, classes: Any) -> Explained:
        dtype = passes.network.graph.dtype
        start = baseline_picture(passes.network, self.baseline).astype(dtype)[None]
        end = as_floats(images, dtype)
        shares = ((np.arange(self.steps) + 0.5) / self.steps).astype(dtype)
        total = np.zeros(end.shape[1:])
        for first in range(0, self.steps, passes.batch_size):
            along = shares[first : first + passes.batch_size, None, None, None]
            gradients = passes.gradients(start + along * (end - start), np.repeat(classes, len(along)))
            for gradient in gradients:  # in order, so that a batch of another size gives the same bits
                total += gradient
        values = (total / self.steps * 255 * (end - start)).astype(np.float32)
        low, high = passes.scores(np.concatenate([start, end]), np.repeat(classes, 2))
        change = np.array([high - low])
        error = values.sum(axis=(1, 2, 3), dtype=np.float64) - change
        return values, {"completeness_error": error, "score_change": change}
