"""The preprocessing of a new network, derived from a data set: mean and scale of its pixels."""

from __future__ import annotations

from ..data import Dataset
from ..layers import Pixels


def preprocessing(dataset: Dataset) -> Pixels:
    """The training set's mean RGB subtracted (lecture: data preprocessing), then all divided by one number.

    How drawings are framed goes with it. That number is their standard deviation: He's and Glorot's initialisations expect inputs of variance 1.
    """
    return Pixels(
        mean=dataset.mean_rgb, scale=1 / (dataset.standard_deviation or 1.0), framing=dataset.framing
    )
