"""A small graph with a join, pictures for it, and a pass forward and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from numbacnn.graph import Graph
from numbacnn.layers import (
    Add,
    Concatenate,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    MaxPool,
    Pixels,
    ReLU,
    Softmax,
)
from numbacnn.program import Loss

LINES = [
    ("pixels", Pixels(mean=(120.0, 100.0), scale=0.02)),
    ("conv1", Convolution(4, 3, padding=1)),
    ("relu1", ReLU()),
    ("pool1", MaxPool(2)),
    ("conv2", Convolution(3, 3, padding=1)),
    ("relu2", ReLU()),
    ("sum", Add(), ("relu2", "conv2")),
    ("both", Concatenate(), ("sum", "pool1")),
    ("flatten", Flatten()),
    ("dropout", Dropout(0.5)),
    ("dense", Dense(3)),
    ("softmax", Softmax()),
]
LABELS = np.array([0, 2, 1, 2, 0])


def graph_of(lines=LINES, shape=(6, 6, 2)):
    graph = Graph(lines, shape)
    graph.initialise(seed=1)
    return graph


def noisy_graph(lines, shape, dtype="float32", algorithm="auto"):
    """A graph whose parameters, biases too, are normal noise, and whose convolutions ask for an algorithm."""
    asked = [
        (name, replace(layer, algorithm=algorithm) if isinstance(layer, Convolution) else layer)
        for name, layer in lines
    ]
    graph = Graph(asked, shape)
    graph.initialise(seed=3)
    graph = graph.astype(dtype)
    generator = np.random.default_rng(1)
    for parameter in graph.parameters.values():
        graph.write(parameter.name, generator.normal(0, 0.2, parameter.shape))
    return graph


def pictures(count, shape=(6, 6, 2), seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape)).astype(np.uint8)


def step(plan, images, labels, reduction="mean"):
    """One pass forward and back: the losses, the gradient of the pixels, the gradients of the parameters."""
    plan.forward(images, training=True, key=9, step=4)
    losses = plan.losses(labels, Loss()).copy()
    pixels = plan.backward_loss(labels, Loss(), reduction=reduction)
    gradients = {(node, key): g.copy() for node, found in plan.gradients.items() for key, g in found.items()}
    return losses, None if pixels is None else pixels.copy(), gradients


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5 * abs(expected).max())
