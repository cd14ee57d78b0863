"""Looking into a network: arrays in, arrays out. Every view is a pass of a Program."""

from .activation_curves import QUIZ, Curve, activation_curves
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
from .components import Components, strongest_components
from .convolution_steps import ConvolutionSteps, Step, convolution_steps
from .correspondence import Correspondence, correspondence, correspondences
from .deconvnet import UnitPatches, reconstruct, unit_patches
from .deletion import DeletionInsertion, deletion_insertion
from .diagnosis import Diagnosis, LayerHealth, Steps, diagnose
from .embedding import Plane, neighbour_plane, neighbour_votes, principal_plane
from .evolution import Stage, evolution
from .filters import Judgement, judge, measure_filters
from .findings import Finding, findings
from .gradient_check import LayerCheck, check_gradients
from .mistakes import Answers, answers
from .neighbours import Neighbours, features, last_hidden, nearest_to
from .occluder import OcclusionStudy, occlusion_study
from .outline import Outlined, outline
from .randomisation import UNCHANGED, Randomised, check_randomisation, rank_correlation
from .receptive_field import Box, receptive_field
from .room import pictures_at_a_time
from .saliency import pixel_gradients, saliency
from .spatial import Placement, placement
from .strongest import Strongest, activation_of, layers_with_units, scan, strongest
from .volumes import layers_of_volumes, volumes
from .way_back import way_back

__all__ = [
    "METHODS",
    "QUIZ",
    "UNCHANGED",
    "Answers",
    "Attributed",
    "Attribution",
    "Box",
    "Components",
    "ConvolutionSteps",
    "Correspondence",
    "Curve",
    "Deconvnet",
    "DeletionInsertion",
    "Diagnosis",
    "Finding",
    "GradCAM",
    "GradientTimesInput",
    "GuidedBackpropagation",
    "GuidedGradCAM",
    "IntegratedGradients",
    "Judgement",
    "LayerCheck",
    "LayerHealth",
    "Neighbours",
    "Occlusion",
    "OcclusionStudy",
    "Outlined",
    "Placement",
    "Plane",
    "Randomised",
    "Saliency",
    "SmoothGrad",
    "Stage",
    "Step",
    "Steps",
    "Strongest",
    "UnitPatches",
    "activation_curves",
    "activation_of",
    "answers",
    "check_gradients",
    "check_randomisation",
    "convolution_steps",
    "correspondence",
    "correspondences",
    "deletion_insertion",
    "diagnose",
    "evolution",
    "features",
    "findings",
    "judge",
    "last_hidden",
    "layers_of_volumes",
    "layers_with_units",
    "measure_filters",
    "nearest_to",
    "neighbour_plane",
    "neighbour_votes",
    "occlusion_study",
    "outline",
    "pictures_at_a_time",
    "pixel_gradients",
    "placement",
    "principal_plane",
    "rank_correlation",
    "receptive_field",
    "reconstruct",
    "saliency",
    "scan",
    "strongest",
    "strongest_components",
    "unit_patches",
    "volumes",
    "way_back",
]
