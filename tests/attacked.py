"""A small network under attack, and options with which every attack is quick."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from numbacnn.graph import Graph
from numbacnn.layers import Convolution, Dense, Flatten, Pixels, ReLU, Softmax
from numbacnn.network import Network
from numbacnn.program import Loss, Program


@pytest.fixture(scope="module")
def network() -> Network:
    layers = [
        ("pixels", Pixels(mean=128.0, scale=1 / 32)),
        ("conv1", Convolution(8, 3)),
        ("relu1", ReLU()),
        ("flatten", Flatten()),
        ("dense", Dense(5)),
        ("softmax", Softmax()),
    ]
    graph = Graph(layers, (6, 6, 3))
    graph.initialise(seed=2)
    return Network(graph)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    images = np.random.default_rng(4).integers(0, 256, (24, 6, 6, 3), np.uint8)
    images[0], images[1] = 0, 255  # at the ends of the scale half of every step is clipped
    return images


@pytest.fixture(scope="module")
def labels(network: Network, images: np.ndarray) -> Any:
    return network.predict(images).argmax(axis=1)


def mean_loss(network: Network, images: Any, labels: Any) -> float:
    plan = Program(network.graph, len(images))
    plan.forward(images)
    return float(plan.losses(labels, Loss()).mean())


SHORT: dict[str, dict[str, Any]] = {
    "bim": {"steps": 3},
    "pgd": {"steps": 3},
    "mifgsm": {"steps": 3},
    "step": {"steps": 3},
    "apgd": {"steps": 5},
    "square": {"queries": 10},
    "ensemble": {"steps": 3, "wrong_classes": 1, "queries": 5},
    "deepfool": {"steps": 5},
    "cw": {"steps": 20, "searches": 4, "rate": 0.05},
    "lbfgs": {"steps": 5, "searches": 1},
    "universal": {"passes": 3},
    "patch": {"passes": 3},
    "noise": {"tries": 2},
    "rotate": {"tries": 3},
}
"""Options with which every attack is quick; fgsm has none."""


def surer(network: Network, factor: float) -> Network:
    """The same network with its scores multiplied, which changes no prediction."""
    layers = [(node.name, copy.copy(node.layer)) for node in network.graph.nodes]
    other = Network(Graph(layers, network.input_shape))
    for name, parameter in network.graph.parameters.items():
        last = factor if parameter.node == "dense" else 1
        other.graph.write(name, network.graph.read(name) * np.float32(last))
    return other
