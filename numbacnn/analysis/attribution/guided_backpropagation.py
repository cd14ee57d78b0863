"""Guided backpropagation (Springenberg, Dosovitskiy, Brox and Riedmiller, 2015)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .saliency import Saliency


@dataclass(frozen=True)
class GuidedBackpropagation(Saliency):
    """The gradient, where each rectifier lets through only what is positive, forward and back."""

    name: ClassVar[str] = "guided-backpropagation"
    title: ClassVar[str] = "guided backpropagation"
    source: ClassVar[str] = "Springenberg et al., 2015"
    rule: ClassVar[str] = "guided"
