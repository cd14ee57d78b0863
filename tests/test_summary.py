"""Summaries: the lecture's numbers."""

from __future__ import annotations

import math

import pytest

from numbacnn.architectures import build
from numbacnn.graph import Graph
from numbacnn.layers import Convolution, PReLU
from numbacnn.program import Program
from numbacnn.summary import summarise

# output, neurons, weights, and the weights if it were fully connected, as the lecture rounds them
ALEXNET = {
    "conv1": ((55, 55, 96), 290_400, 34_848, 45e9),
    "conv2": ((27, 27, 256), 186_624, 614_400, 13e9),
    "conv3": ((13, 13, 384), 64_896, 884_736, 2.8e9),
    "conv4": ((13, 13, 384), 64_896, 1_327_104, 4e9),
    "conv5": ((13, 13, 256), 43_264, 884_736, 2.8e9),
    "dense6": ((4096,), 4096, 37_748_736, 37.7e6),
    "dense7": ((4096,), 4096, 16_777_216, 16.8e6),
    "dense8": ((1000,), 1000, 4_096_000, 4e6),
}


def test_alexnet_has_the_lectures_numbers():
    summary = summarise(build("alexnet", initialise=None))
    layers = {layer.name: layer for layer in summary.layers}
    assert {name for name, layer in layers.items() if layer.neurons} == set(ALEXNET)
    for name, (output, neurons, weights, dense) in ALEXNET.items():
        layer = layers[name]
        assert (layer.output, layer.neurons, layer.weights) == (output, neurons, weights)
        assert layer.biases == output[-1]
        assert layer.dense_weights == pytest.approx(dense, rel=0.06)
    assert layers["conv1"].dense_weights == 227 * 227 * 3 * 290_400
    assert layers["conv1"].formula == "(227 - 11 + 2*0)/4 + 1 = 55"
    assert layers["pool1"].formula == "(55 - 3 + 2*0)/2 + 1 = 27"
    assert layers["conv2"].formula == "(27 - 5 + 2*2)/1 + 1 = 27"
    assert layers["relu1"].formula == layers["dense6"].formula == ""
    assert layers["conv1"].multiply_adds == 290_400 * 11 * 11 * 3
    assert layers["dense6"].multiply_adds == 37_748_736
    assert sum(layers[f"conv{i}"].weights for i in range(1, 6)) == pytest.approx(3.7e6, rel=0.02)
    assert summary.weights == 62_367_776
    assert summary.parameters == 62_378_344
    assert summary.neurons == 659_272


def test_the_lectures_quiz():
    layer = summarise(Graph([("conv", Convolution(10, 5, padding=2))], (32, 32, 3))).layers[1]
    assert (layer.output, layer.weights, layer.biases) == ((32, 32, 10), 750, 10)
    assert layer.formula == "(32 - 5 + 2*2)/1 + 1 = 32"


def test_activation_bytes_are_those_of_the_buffers():
    network = build("cifar-quick")
    summary = summarise(network)
    plan = Program(network.graph, 1)
    assert {layer.name: layer.activation_bytes for layer in summary.layers if layer.kind != "flatten"} == {
        name: 4 * math.prod(shape) for name, shape in network.graph.shapes.items() if name != "flatten"
    }
    assert next(layer for layer in summary.layers if layer.kind == "flatten").activation_bytes == 0
    assert summary.activation_bytes < plan.bytes


def test_slopes_and_groups():
    graph = Graph([("conv", Convolution(8, 3, groups=4)), ("prelu", PReLU())], (5, 5, 4))
    conv, prelu = summarise(graph).layers[1:]
    assert (conv.weights, conv.multiply_adds, conv.dense_weights) == (72, 72 * 9, 5 * 5 * 4 * 72)
    assert (prelu.weights, prelu.biases, prelu.neurons, prelu.dense_weights) == (8, 0, 0, 0)
