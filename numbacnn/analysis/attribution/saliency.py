"""Saliency (Simonyan, Vedaldi and Zisserman, 2014, section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from .base import Attribution, Explained
from .passes import Passes


@dataclass(frozen=True)
class Saliency(Attribution):
    """The gradient of the score with respect to each pixel: how much it moves with the pixel."""

    name: ClassVar[str] = "saliency"
    title: ClassVar[str] = "saliency"
    source: ClassVar[str] = "Simonyan et al., 2014"
    rule: ClassVar[str] = "standard"

    def explain(self, passes: Passes, images: Any, classes: Any) -> Explained:
        return passes.gradients(images, classes, self.rule), {}
