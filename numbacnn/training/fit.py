"""Fit: how training treats pictures of another size than the network's. It scales them, or it trains on windows of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from ..data import Dataset
from ..data.scaled import scaled
from ..errors import DataError
from ..fitting import window
from ..network import Network
from .settings import Fitting

CROP_UP_TO = 1.25
"""Pictures of at most so many times the network's size are trained on in windows, as AlexNet's of 256 in windows of 227.
A window of a larger picture would show a scrap of it: those are scaled."""

Size = tuple[int, int]
"""Height and width."""


@dataclass(frozen=True)
class Fit:
    """How pictures of a data set come to the size of a network's input.

    They are scaled to `scaled`. Of "resize", the middle is what the network sees; of "crop", training takes windows at
    random places, and whatever else uses the network the middle. None: the pictures have the size. `shorter_side` is
    how the model's preprocessing says it (`Pixels`), `setting` the one of `Settings.fit` that does the same again.
    """

    method: Literal["resize", "crop"] | None
    pictures: Size
    scaled: Size
    input: Size
    shorter_side: int
    setting: Fitting

    def __str__(self) -> str:
        """The treatment as a sentence; empty where pictures are left as they are."""
        have, scaled, seen = (
            f"{rows}x{columns}" for rows, columns in (self.pictures, self.scaled, self.input)
        )
        done = [] if have == scaled else [f"scaled to {scaled}"]
        if self.method == "resize" and scaled != seen:
            done.append(f"cut to the middle {seen}")
        if self.method == "crop":
            done.append(f"cut to {seen}, in training at random places, else in the middle")
        return f"pictures of {have} are {' and '.join(done)}" if done else ""


def choose_fit(dataset: Dataset, network: Network, wish: Fitting = "auto") -> Fit:
    """How a data set's pictures come to a network's size: as wished, or as suits them (`fit_of_sizes`).

    "auto" does what the network's preprocessing says already, if it says anything (`Pixels.shorter_side`).
    Raises DataError for pictures that are smaller, unless "resize" enlarges them, or of other channels.
    """
    have, need = dataset.image_shape[:2], (network.input_shape[0], network.input_shape[1])
    _check_channels(dataset, network)
    said = network.graph.pixels.shorter_side if wish == "auto" else 0
    if wish != "resize" and not said:
        _check_size(dataset, network)
    return fit_of_sizes(have, need, wish, said)


def fit_of_sizes(have: Size, need: Size, wish: Fitting = "auto", said: int = 0) -> Fit:
    """How pictures of one size come to another. `said` is the size that a shorter side has already been given.

    "auto" crops pictures of up to CROP_UP_TO times the size needed, and scales larger ones.
    """
    if have == need:
        return Fit(None, have, have, need, said, wish)
    nearly = min(rows / wanted for rows, wanted in zip(have, need, strict=True)) <= CROP_UP_TO
    is_crop = wish == "crop" or (wish == "auto" and (said > 0 or nearly))
    side = (said or min(have)) if is_crop else 0
    tall, wide, _, _ = window(*have, need, side)
    method: Literal["resize", "crop"] = "crop" if is_crop and (tall, wide) != need else "resize"
    return Fit(method, have, (tall, wide), need, side, wish if said else method)


def fitted(dataset: Dataset, fit: Fit) -> Dataset:
    """The data set as training sees it: training pictures at the size that windows are taken of, the others at the
    network's. Mean and deviation stay those of the pictures as they were.
    """
    channels = dataset.image_shape[2]
    seen = (*fit.input, channels)
    shape = (*fit.scaled, channels) if fit.method == "crop" else seen
    splits = {
        name: scaled(split, shape if name == "train" else seen, fit.shorter_side)
        for name, split in dataset.splits.items()
    }
    return replace(dataset, splits=splits, image_shape=shape)


def _check_channels(dataset: Dataset, network: Network) -> None:
    height, width, channels = network.input_shape
    have = dataset.image_shape[2]
    if have != channels:
        colours = {1: "grey (1 channel)", 3: "RGB (3 channels)"}.get(have, f"of {have} channels")
        raise DataError(
            f"{dataset.name}: pictures are {colours}, and the network is built for {channels}; build it for "
            f"{have}: input = [{height}, {width}, {have}] in its .toml file, or input_shape=({height}, {width}, {have})"
        )


def _check_size(dataset: Dataset, network: Network) -> None:
    have, need = dataset.image_shape, network.input_shape
    if have[0] < need[0] or have[1] < need[1]:
        sizes = [f"{shape[0]}x{shape[1]}" for shape in (have, need)]
        raise DataError(
            f"{dataset.name}: pictures of {sizes[0]} are smaller than the network's {sizes[1]}; --fit resize enlarges "
            f"them, or build the network for {sizes[0]}"
        )
