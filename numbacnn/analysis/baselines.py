"""The picture that says nothing, which a method compares with."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np

from ..errors import UsageError, nearest
from ..graph import Graph
from ..network import Network

BASELINES = ("black", "grey", "white", "mean")
"""`mean` is what the network's preprocessing subtracts: the picture that it sees as zeros."""

_LEVELS = {"black": 0.0, "grey": 127.5, "white": 255.0}


def check_baseline(baseline: str | float, option: str = "baseline") -> None:
    """Raises UsageError unless it is one of BASELINES, or a pixel's value from 0 to 255."""
    if isinstance(baseline, str):
        if baseline not in BASELINES:
            raise UsageError(
                f"{option} '{baseline}'{nearest(baseline, BASELINES)}, or a number from 0 to 255"
            )
    elif not isinstance(baseline, numbers.Real) or not 0 <= baseline <= 255:
        raise UsageError(f"{option} {baseline}: a pixel's value from 0 to 255 is expected")


def subtracted(graph: Graph) -> Any:
    """The mean that the preprocessing subtracts, in levels of 255: (H,W,C), (C,) or one number."""
    return graph.pixels.constants.get("mean_image", graph.pixels.mean)


def mean_colour(graph: Graph) -> Any:
    """Its mean over all places, (C,) float32 of full scale 1."""
    image = np.broadcast_to(np.asarray(subtracted(graph), np.float64), graph.input_shape)
    return np.clip(image.mean(axis=(0, 1)) / 255, 0, 1).astype(np.float32)


def baseline_picture(network: Network, baseline: str | float) -> Any:
    """(H,W,C) float64 in [0, 1]. A mean outside a pixel's values, of a network that subtracts none, becomes the nearest one."""
    levels: Any = _LEVELS.get(baseline, 0.0) if isinstance(baseline, str) else baseline
    if baseline == "mean":
        levels = subtracted(network.graph)
    picture = np.broadcast_to(np.asarray(levels, np.float64) / 255, network.input_shape)
    return np.clip(picture, 0, 1)
