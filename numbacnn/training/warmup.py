"""Compiles what a network needs, before it is needed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from .. import architectures
from ..data import Dataset
from ..network import Network
from .loop import Trainer
from .preprocessing import preprocessing
from .recipes import settings_for


def warm_up(name: str | Path, place: Callable[[Network], None] = lambda _: None) -> None:
    """Trains a named network, or one of a .toml file, on a few pictures of noise and lets it predict.

    A real run calls its kernels with the same types of arguments, and so loads what is compiled here. Where shapes choose
    among kernels (`Device.kernels_by_shape`), batches are as large as the network's settings have them: other sizes may
    have something left to compile. `place` may bring the network to another device. Raises NetworkError, ShapeError, or
    DeviceError if such a batch does not fit.
    """
    empty = architectures.build(name, initialise=None)
    empty.need_pictures()
    generator = np.random.default_rng(0)
    names = [str(index) for index in range(empty.classes)]

    def noise(batch_size: int) -> Dataset:
        """A batch, and one picture more: the last batch of a run is rarely whole."""
        labels = np.arange(batch_size + 1) % empty.classes
        images = generator.integers(0, 256, (len(labels), *empty.input_shape), np.uint8)
        return Dataset.from_arrays(
            "noise", train=(images, labels), validation=(images, labels), class_names=names
        )

    settings = settings_for(str(name), epochs=1, learning_rate=1e-6)
    network = architectures.build(
        name, class_names=names, pixels=preprocessing(noise(2)), initialise=settings.initialise
    )
    place(network)
    if not network.graph.device.kernels_by_shape:
        settings = dataclasses.replace(settings, batch_size=2)
    dataset = noise(settings.batch_size)
    for _ in Trainer(network, dataset, settings):
        pass
    network.predict(dataset.train.read(slice(0, 3)))
    network.predict(dataset.train.read(slice(0, 1)))
