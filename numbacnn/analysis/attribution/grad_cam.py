"""Grad-CAM (Selvaraju, Cogswell, Das, Vedantam, Parikh and Batra, 2017)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from ...fitting import scaled
from ...network import Network
from .base import Attribution, Explained
from .layers import map_layer
from .passes import Passes


@dataclass(frozen=True)
class GradCAM(Attribution):
    """A layer's maps, each weighted by its mean gradient, summed and rectified; bilinear on the picture's size.

    `layer` None is the last convolution; a convolution stands for the activation after it.
    """

    name: ClassVar[str] = "grad-cam"
    title: ClassVar[str] = "Grad-CAM"
    source: ClassVar[str] = "Selvaraju et al., 2017"

    layer: str | None = None

    def settled(self, network: Network) -> Attribution:
        return replace(self, layer=map_layer(network, self.layer))

    def explain(self, passes: Passes, images: Any, classes: Any) -> Explained:
        height, width, _ = passes.network.input_shape
        coarse = self.coarse(passes, images, classes)
        return np.stack([scaled(one[..., None], height, width) for one in coarse]), {}

    def coarse(self, passes: Passes, images: Any, classes: Any) -> Any:
        """In the layer's own size, (n,P,Q) float32."""
        maps, gradients = passes.at(map_layer(passes.network, self.layer), images, classes)
        weights = gradients.mean(axis=(1, 2), keepdims=True)
        return np.maximum((weights * maps).sum(axis=3), 0).astype(np.float32)
