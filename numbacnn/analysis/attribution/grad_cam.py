"""Grad-CAM (Selvaraju, Cogswell, Das, Vedantam, Parikh and Batra, 2017)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from ...fitting import scaled
from ...layers import Shape
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
        maps, gradients, _ = passes.at(map_layer(passes.network, self.layer), images, classes)
        return weighted(maps, gradients, passes.network.input_shape), {}


def weighted(maps: Any, gradients: Any, shape: Shape) -> Any:
    """A layer's maps (n,P,Q,K), each times its mean gradient, summed and rectified, on a picture's size: (n,H,W,1) float32."""
    weights = gradients.mean(axis=(1, 2), keepdims=True)
    coarse = np.maximum((weights * maps).sum(axis=3), 0).astype(np.float32)
    return np.stack([scaled(one[..., None], *shape[:2]) for one in coarse])
