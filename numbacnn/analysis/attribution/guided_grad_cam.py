"""Guided Grad-CAM (Selvaraju et al., 2017, section 3.2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ...network import Network
from .base import Attribution, Explained
from .grad_cam import weighted
from .layers import map_layer
from .passes import Passes


@dataclass(frozen=True)
class GuidedGradCAM(Attribution):
    """Guided backpropagation times Grad-CAM: its detail, where the layer's maps speak for the class."""

    name: ClassVar[str] = "guided-grad-cam"
    title: ClassVar[str] = "guided Grad-CAM"
    source: ClassVar[str] = "Selvaraju et al., 2017"

    layer: str | None = None

    def settled(self, network: Network) -> Attribution:
        return replace(self, layer=map_layer(network, self.layer))

    def explain(self, passes: Passes, images: Any, classes: Any) -> Explained:
        layer = map_layer(passes.network, self.layer)
        maps, gradients, guided = passes.at(layer, images, classes, then="guided")
        return guided * weighted(maps, gradients, passes.network.input_shape), {}
