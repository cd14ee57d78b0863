"""Looking into a network: arrays in, arrays out. Every view is a walk through a Program."""

from .attribution import (
    METHODS,
    Attributed,
    Attribution,
    Deconvnet,
    GradCAM,
    GradientTimesInput,
    GuidedBackpropagation,
    GuidedGradCAM,
    IntegratedGradients,
    Occlusion,
    Saliency,
    SmoothGrad,
)
from .deconvnet import UnitPatches, reconstruct, unit_patches
from .gradient_check import LayerCheck, check_gradients
from .neighbours import Neighbours, features, last_hidden, nearest_to
from .receptive_field import Box, receptive_field
from .saliency import pixel_gradients, saliency
from .strongest import Strongest, activation_of, strongest

__all__ = [
    "METHODS",
    "Attributed",
    "Attribution",
    "Box",
    "Deconvnet",
    "GradCAM",
    "GradientTimesInput",
    "GuidedBackpropagation",
    "GuidedGradCAM",
    "IntegratedGradients",
    "LayerCheck",
    "Neighbours",
    "Occlusion",
    "Saliency",
    "SmoothGrad",
    "Strongest",
    "UnitPatches",
    "activation_of",
    "check_gradients",
    "features",
    "last_hidden",
    "nearest_to",
    "pixel_gradients",
    "receptive_field",
    "reconstruct",
    "saliency",
    "strongest",
    "unit_patches",
]
