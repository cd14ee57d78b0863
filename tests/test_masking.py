"""The checks for masked gradients fire on networks that mask them, and keep still on a plain one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from numbacnn.attacks import masking_signs
from numbacnn.data import Dataset
from numbacnn.graph import Graph
from numbacnn.layers import Layer
from numbacnn.layers.base import Call
from numbacnn.network import Network
from numbacnn.storage import load_model
from numbacnn_cli.runs import PACKAGED_MODEL

TEST = Dataset.open("digits").test
IMAGES, LABELS = TEST.read(slice(0, 24)), TEST.labels[:24]
EPSILON = 64 / 255


@pytest.fixture(scope="module")
def plain() -> Network:
    return load_model(PACKAGED_MODEL)[0]


@dataclass
class Rounding(Layer):
    """A defence that does not defend: values are rounded to whole steps, whose slope is 0 everywhere."""

    kind = "rounding"
    step: float = 0.5

    def forward(self, call: Call) -> None:
        call.output[...] = np.rint(call.input / self.step) * self.step

    def backward_input(self, call: Call, d_output: Any, *d_inputs: Any) -> None:
        d_inputs[0][...] = 0


def changed(plain: Network, factor: float = 1.0, between: Layer | None = None) -> Network:
    """The same network with its scores multiplied, or with a layer behind the pixels."""
    layers: list[tuple[str, Layer]] = [(node.name, node.layer) for node in plain.graph.nodes]
    if between is not None:
        layers.insert(1, ("defence", between))
    other = Network(Graph(layers, plain.input_shape), plain.class_names)
    last = plain.graph.scores
    for name, parameter in plain.graph.parameters.items():
        values = plain.graph.read(name)
        other.graph.write(name, values * np.float32(factor) if parameter.node == last else values)
    for name in plain.graph.buffers:
        other.graph.write(name, plain.graph.read(name))
    return other


def names(network: Network, images: Any = IMAGES, labels: Any = LABELS, **options: Any) -> set[str]:
    return {sign.name for sign in masking_signs(network, images, labels, EPSILON, **options)}


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_plain_network_shows_no_sign(plain: Network, norm: str) -> None:
    assert names(plain, norm=norm) == set()


def test_a_saturated_softmax(plain: Network) -> None:
    """No gradient is left in float32, which an attack on the plain cross-entropy takes for robustness."""
    assert names(changed(plain, 3000)) == {"gradient-vanishes"}


def test_a_defence_by_rounding(plain: Network) -> None:
    """Pixels are rounded: PGD sees no way, noise and Square find one."""
    network = changed(plain, between=Rounding())
    right = network.predict(IMAGES).argmax(axis=1) == LABELS
    assert right.mean() > 0.9
    found = names(network)
    assert found == {
        "gradient-vanishes",
        "loss-does-not-rise",
        "larger-epsilon-does-not-help",
        "black-box-beats-white-box",
        "more-steps-do-not-help",
    }


def test_nothing_is_said_of_pictures_that_are_wrong_anyway(plain: Network) -> None:
    assert masking_signs(plain, IMAGES, (LABELS + 1) % 10, EPSILON) == []
    assert masking_signs(plain, IMAGES, LABELS, 0.0) == []
