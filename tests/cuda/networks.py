"""What is asked of whole networks, on a GPU and on the stand-in for one: that they do what they do on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np

from numbacnn.data import Dataset
from numbacnn.graph import Graph
from numbacnn.network import Network
from numbacnn.program import Loss, Program
from numbacnn.training import BatchDone, Settings
from numbacnn.training.loop import Trainer


def gradients(network: Network, count: int) -> tuple[Any, Any, dict[str, Any]]:
    """(probabilities, gradient of the pixels, gradients of the parameters) of one batch of noise, on its device."""
    generator = np.random.default_rng(1)
    images = generator.integers(0, 256, (count, *network.input_shape), np.uint8)
    labels = generator.integers(0, network.classes, count)
    plan = Program(network.graph, count, gradients="all")
    probabilities = np.array(plan.forward(images, training=True, key=3, step=4))
    pixels = np.array(plan.backward_loss(labels, Loss()))
    return (
        probabilities,
        pixels,
        {
            f"{node}/{name}": np.array(plan.device.read(array))
            for node, arrays in plan.gradients.items()
            for name, array in arrays.items()
        },
    )


def assert_same_gradients(
    network: Network, count: int, *, tolerance: float = 1e-4, precision: str = "float32"
) -> None:
    """A device's gradients beside the CPU's: no further apart than `tolerance` of each array's length. Of its largest number
    would be too strict: rounding lets another cell of a pool win here and there, and a pixel's gradient is its neighbour's.
    The gradient of a bias before a batch normalisation is rounding errors alone: no array is asked for more
    than 1e-5 of the longest one's length.
    """
    network.to("cpu")
    expected = gradients(network, count)
    network.to("cuda", precision)
    found = gradients(network, count)
    pairs = {"probabilities": (found[0], expected[0]), "pixels": (found[1], expected[1])}
    pairs |= {name: (found[2][name], wanted) for name, wanted in expected[2].items()}
    least = 1e-5 * max(np.linalg.norm(other) for other in expected[2].values())
    errors = {
        name: float(np.linalg.norm(one - other) / max(np.linalg.norm(other), least))
        for name, (one, other) in pairs.items()
    }
    assert all(error < tolerance for error in errors.values()), errors  # a NaN is not


def trained(graph: Graph, dataset: Dataset, settings: Settings, device: str) -> tuple[Trainer, list[float]]:
    """A run from the same first weights on a device, and the losses it told."""
    graph.initialise("he", settings.seed)
    network = Network(graph, dataset.class_names, device=device)
    trainer = Trainer(network, dataset, settings)
    losses = [event.loss for event in trainer if isinstance(event, BatchDone)]
    return trainer, losses
