"""Which pixels a class's score depends on. A new method is a file here and its name in METHODS.

found = GradCAM(layer="conv5")(network, images)   # classes left out: what the network predicts
found.maps                                        # (N,H,W) float32
"""

from .base import Attributed, Attribution
from .deconvnet import Deconvnet
from .grad_cam import GradCAM
from .gradient_times_input import GradientTimesInput
from .guided_backpropagation import GuidedBackpropagation
from .guided_grad_cam import GuidedGradCAM
from .integrated_gradients import IntegratedGradients
from .occlusion import Occlusion
from .saliency import Saliency
from .smoothgrad import SmoothGrad

METHODS: dict[str, type[Attribution]] = {
    method.name: method
    for method in (
        Saliency,
        GradientTimesInput,
        IntegratedGradients,
        SmoothGrad,
        GuidedBackpropagation,
        Deconvnet,
        GradCAM,
        GuidedGradCAM,
        Occlusion,
    )
}
"""Name -> class."""

__all__ = [
    "METHODS",
    "Attributed",
    "Attribution",
    "Deconvnet",
    "GradCAM",
    "GradientTimesInput",
    "GuidedBackpropagation",
    "GuidedGradCAM",
    "IntegratedGradients",
    "Occlusion",
    "Saliency",
    "SmoothGrad",
]
