"""Compiles what a network needs, before it is needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from .. import architectures
from ..data import Dataset
from ..network import Network
from .loop import Trainer
from .preprocessing import preprocessing
from .settings import settings_for


def warm_up(name: str | Path, place: Callable[[Network], None] = lambda _: None) -> None:
    """Trains a named network, or one of a .toml file, on a few pictures of noise and lets it predict.

    A real run calls its kernels with the same types of arguments, and so loads what is compiled here, whatever its
    batch size. `place` may bring the network to another device. Raises NetworkError or ShapeError.
    """
    empty = architectures.build(name, initialise=None)
    generator = np.random.default_rng(0)
    labels = np.arange(3) % empty.classes
    images = generator.integers(0, 256, (len(labels), *empty.input_shape), np.uint8)
    names = [str(index) for index in range(empty.classes)]
    noise = Dataset.from_arrays(
        "noise", train=(images, labels), validation=(images, labels), class_names=names
    )
    settings = settings_for(str(name), epochs=1, batch_size=2, learning_rate=1e-6)
    network = architectures.build(
        name, class_names=names, pixels=preprocessing(noise), initialise=settings.initialise
    )
    place(network)
    for _ in Trainer(network, noise, settings):
        pass
    network.predict(images)
