"""The gradient check itself: it blames the layer that is wrong, and knows a kink from an error."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from numbacnn.analysis.gradient_check import check_gradients, numbers_moved, samples_for
from numbacnn.architectures import ARCHITECTURES, build
from numbacnn.graph import Graph
from numbacnn.layers import Convolution, Dense, Flatten, ReLU, Softmax, Tanh
from numbacnn.network import Network
from numbacnn.program import Loss


@dataclass
class Careless(ReLU):
    """Forgets that a negative input passes nothing back."""

    kind: ClassVar[str] = "careless"

    def backward_input(self, call, d_output, *d_inputs):
        d_inputs[0][...] = d_output


@dataclass
class Biased(Dense):
    """Forgets one bias."""

    kind: ClassVar[str] = "biased"

    def backward_parameters(self, call, d_output, gradients):
        super().backward_parameters(call, d_output, gradients)
        gradients["bias"][0] *= 1.001


@dataclass
class Broken(Tanh):
    """Divides by zero on the way back."""

    kind: ClassVar[str] = "broken"

    def backward_input(self, call, d_output, *d_inputs):
        d_inputs[0][...] = np.nan


@dataclass
class Step(ReLU):
    """A layer that has a kink everywhere."""

    kind: ClassVar[str] = "step"

    def kinks(self, call):
        return [call.input]


def checks_of(layer):
    lines = [
        ("conv", Convolution(3, 3)),
        ("flat", Flatten()),
        ("layer", layer),
        ("scores", Dense(3)),
        ("softmax", Softmax()),
    ]
    network = Network(Graph(lines, (4, 4, 1)))
    network.initialise(seed=2)
    return {check.name: check for check in check_gradients(network)}


@pytest.mark.parametrize(
    ("layer", "wrong"),
    [(Careless(), "input"), (Biased(4), "bias"), (Broken(), "input")],
)
def test_a_wrong_layer_is_blamed_and_no_other(layer, wrong):
    checks = checks_of(layer)
    found = {"input": checks["layer"].input_error, **checks["layer"].parameter_errors}
    assert found.pop(wrong) > 1e-4
    assert all(error < 1e-6 for error in found.values())
    assert all(check.error < 1e-6 for name, check in checks.items() if name not in ("layer", "whole network"))
    assert checks["whole network"].error > 1e-6
    assert (checks["layer"].error == math.inf) == isinstance(layer, Broken)


def test_samples_that_cross_a_kink_are_counted_and_left_out():
    found = checks_of(Step())["layer"]
    assert (found.checked, found.kinks_skipped, found.input_error, found.error) == (0, 20, None, 0.0)


@pytest.mark.parametrize("loss", ["log-softmax", "hinge"])
@pytest.mark.parametrize("name", ["digits", "lenet-1998"])
def test_named_networks(name, loss):
    network = build(name)
    checks = check_gradients(network, samples=3, loss=Loss(loss))
    assert [check.name for check in checks[:-1]] == [node.name for node in network.graph.nodes]
    for check in checks:
        assert check.error < 1e-6, check
    assert sum(check.checked for check in checks) > 40


def test_a_check_is_the_same_every_time_and_leaves_the_network_alone():
    network = build("digits")
    before = [each.value.copy() for each in network.graph.parameters.values()]
    assert check_gradients(network, samples=2, seed=5) == check_gradients(network, samples=2, seed=5)
    after = [each.value for each in network.graph.parameters.values()]
    assert all((b == a).all() for b, a in zip(before, after, strict=True))


def test_large_networks_get_fewer_samples():
    alexnet = ARCHITECTURES["alexnet"]
    large = Network(Graph(alexnet.layers(alexnet.input_shape, alexnet.classes), alexnet.input_shape))
    assert 3 <= samples_for(large) < samples_for(build("digits")) == 20


@pytest.mark.parametrize("samples", [1, 20, 10**30])
def test_how_many_numbers_are_moved_is_known_before(samples):
    layers = [("flatten", Flatten()), ("dense", Dense(3)), ("tanh", Tanh()), ("softmax", Softmax())]
    network = Network(Graph(layers, (3, 3, 2)))
    network.initialise("he", seed=0)
    checks = check_gradients(network, samples=samples)
    assert numbers_moved(network, samples) == sum(check.checked + check.kinks_skipped for check in checks)
