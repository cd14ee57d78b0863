"""Receptive fields of the networks that have names, beside those that a perturbed picture shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from numbacnn.analysis import Box, receptive_field
from numbacnn.architectures import ARCHITECTURES
from numbacnn.graph import Graph
from numbacnn.layers import (
    Clip,
    Convolution,
    Dense,
    Layer,
    LocalResponseNorm,
    MaxPool,
    ReLU,
    ReLU6,
    Subsample,
    SumPool,
)
from numbacnn.network import Network
from numbacnn.program import Program

QUICK = ("digits", "lenet", "cifar-quick", "resnet-20")
SAME_WINDOWS = ("vgg-13-bn", "vgg-16-bn", "vgg-19-bn", "resnet-101")
"""Their windows are those of the networks without batch normalisation, and of a part of resnet-152."""
SLOW = [name for name in ARCHITECTURES if name not in (*QUICK, *SAME_WINDOWS)]


def thin(layer: Layer) -> Layer:
    """A layer with the same windows and two channels, which passes on whatever is no number."""
    if isinstance(layer, Convolution):
        return replace(layer, filters=2, groups=1, algorithm="im2col")
    if isinstance(layer, Dense):
        return replace(layer, outputs=2)
    if isinstance(layer, Subsample):
        return replace(layer, channels=2)
    if isinstance(layer, MaxPool):  # whose largest need not be what is looked for
        return SumPool(layer.kernel, layer.stride, layer.padding, layer.rounding)
    return ReLU() if isinstance(layer, (ReLU6, Clip, LocalResponseNorm)) else layer


def thin_network(name: str) -> Network:
    architecture = ARCHITECTURES[name]
    nodes = architecture.graph().nodes
    lines = [(node.name, thin(node.layer), node.inputs) for node in nodes]
    network = Network(Graph(lines, architecture.input_shape, heads=architecture.heads))
    network.initialise("zero")
    return network


def places_of(shape: tuple[int, ...]) -> list[tuple[int, int]]:
    if len(shape) == 1:
        return [(0, 0)]
    # Rows and columns have nothing to do with each other, so that places on a diagonal are enough.
    rows, columns = ([0, 1 % size, size // 2, size - 1] for size in shape[:2])
    return list(dict.fromkeys(zip(rows, columns, strict=True)))


def seen_by(network: Network) -> dict[str, Any]:
    """Of each node and place, which rows and which columns of the picture reach it: (H + W, places) bool.

    One row, or column, of the picture is NaN at a time, all weights are 0: what is NaN looks at it.
    """
    height, width, channels = network.input_shape
    plan = Program(network.graph, 16)
    found: dict[str, list[Any]] = {node.name: [] for node in network.graph.nodes}
    for first in range(0, height + width, 16):
        images = np.zeros((min(16, height + width - first), height, width, channels), np.float32)
        for index, image in enumerate(images):
            line = first + index
            image[(line,) if line < height else (slice(None), line - height)] = np.nan
        plan.forward(images)
        for name, own in found.items():
            output = np.isnan(plan.output(name)).any(axis=-1)
            flat = output if output.ndim == 1 else output[:, *np.transpose(places_of(output.shape[1:]))]
            own.append(flat.reshape(len(images), -1))
    return {name: np.concatenate(own) for name, own in found.items()}


def check(name: str) -> None:
    network = thin_network(name)
    height = network.input_shape[0]
    for node, seen in seen_by(network).items():
        shape = network.graph.shapes[node]
        for place, lines in zip(places_of(shape[:-1] if len(shape) == 3 else shape), seen.T, strict=True):
            rows, columns = np.flatnonzero(lines[:height]), np.flatnonzero(lines[height:])
            box = Box(rows[0], columns[0], rows[-1] + 1, columns[-1] + 1)
            assert receptive_field(network, node, *place) == box, f"{name}: {place} of {node}"


@pytest.mark.parametrize("name", QUICK)
def test_every_layer_sees_what_it_is_said_to_see(name: str) -> None:
    check(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_every_layer_of_larger_networks_too(name: str) -> None:
    check(name)
