"""Draws arrays as matplotlib figures. This is the only room that imports matplotlib, and it never imports pyplot."""

from .activations import activation_functions
from .architecture import architecture
from .attacks import attack_panel, epsilon_sweep
from .board import as_rgb
from .comparison import Compared, Reference, attribution_comparison
from .confusion import confusion_matrix
from .convolution_steps import convolution_step
from .correspondence import correspondence_chart
from .curves import training_curves
from .depth import Entry, revolution_of_depth
from .drawing import Drawing
from .evolution import layer_evolution
from .filters import filter_mosaic, mosaic_array
from .grids import image_grid
from .health import Health, layer_health
from .heat import Part
from .neighbours import Neighbourhood, neighbour_rows, neighbours
from .occlusion import occlusion_panel
from .plane import feature_plane
from .predictions import predictions
from .robustness import (
    certified_curve,
    confidence_path,
    epsilon_distribution,
    robustness_curves,
    transfer_matrix,
)
from .saliency import saliency_panel
from .saving import as_pixels, as_png, save
from .spatial import spatial
from .unit_pages import LayerUnits, layers_page
from .units import layer_units
from .volumes import Volume, activation_volumes

__all__ = [
    "Compared",
    "Drawing",
    "Entry",
    "Health",
    "LayerUnits",
    "Neighbourhood",
    "Part",
    "Reference",
    "Volume",
    "activation_functions",
    "activation_volumes",
    "architecture",
    "as_pixels",
    "as_png",
    "as_rgb",
    "attack_panel",
    "attribution_comparison",
    "certified_curve",
    "confidence_path",
    "confusion_matrix",
    "convolution_step",
    "correspondence_chart",
    "epsilon_distribution",
    "epsilon_sweep",
    "feature_plane",
    "filter_mosaic",
    "image_grid",
    "layer_evolution",
    "layer_health",
    "layer_units",
    "layers_page",
    "mosaic_array",
    "neighbour_rows",
    "neighbours",
    "occlusion_panel",
    "predictions",
    "revolution_of_depth",
    "robustness_curves",
    "saliency_panel",
    "save",
    "spatial",
    "training_curves",
    "transfer_matrix",
]
