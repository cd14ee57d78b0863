"""Looking into a network: arrays in, arrays out. Every view is a walk through a Plan."""

from .deconvnet import Strongest, UnitPatches, reconstruct, strongest, unit_patches
from .receptive_field import Box, receptive_field
from .saliency import pixel_gradients, saliency

__all__ = [
    "Box",
    "Strongest",
    "UnitPatches",
    "pixel_gradients",
    "receptive_field",
    "reconstruct",
    "saliency",
    "strongest",
    "unit_patches",
]
