"""Gradient times input (Shrikumar, Greenside and Kundaje, 2017; first in Shrikumar et al., 2016)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...fitting import as_floats
from ..baselines import baseline_picture, check_baseline
from .base import Attribution, Explained
from .passes import Passes


@dataclass(frozen=True)
class GradientTimesInput(Attribution):
    """The gradient times the pixel less `baseline`: what the pixel adds to the score, if the network were linear.

    With the baseline `mean` the input is what the network sees after its preprocessing.
    """

    name: ClassVar[str] = "gradient-times-input"
    title: ClassVar[str] = "gradient times input"
    source: ClassVar[str] = "Shrikumar et al., 2017"
    signed: ClassVar[bool] = True

    baseline: str | float = "mean"

    def __post_init__(self) -> None:
        check_baseline(self.baseline)

    def explain(self, passes: Passes, images: Any, classes: Any) -> Explained:
        away = as_floats(images) - baseline_picture(passes.network, self.baseline)
        return (passes.gradients(images, classes) * away * 255).astype(np.float32), {}
