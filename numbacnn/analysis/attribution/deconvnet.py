"""The deconvnet from a class's score (Zeiler and Fergus, 2013; Simonyan et al., 2014, section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .saliency import Saliency


@dataclass(frozen=True)
class Deconvnet(Saliency):
    """The score walked back to pixels: filters transposed, pools by their switches, the signal rectified on its way."""

    name: ClassVar[str] = "deconvnet"
    title: ClassVar[str] = "deconvnet"
    source: ClassVar[str] = "Zeiler and Fergus, 2013"
    rule: ClassVar[str] = "deconvnet"
