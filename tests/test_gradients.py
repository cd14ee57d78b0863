"""Every layer's backward calls against finite differences, in float64, and graphs that join and part."""

from __future__ import annotations

import json

import numpy as np
import pytest

from numbacnn.analysis.gradient_check import check_gradients
from numbacnn.graph import Graph
from numbacnn.layers import (
    ELU,
    GELU,
    LAYERS,
    Add,
    AveragePool,
    BatchNorm,
    Clip,
    Concatenate,
    Convolution,
    Dense,
    Dropout,
    Factor,
    Flatten,
    GlobalAveragePool,
    LeakyReLU,
    LocalResponseNorm,
    MaxPool,
    Multiply,
    Pixels,
    PReLU,
    Ramp,
    ReLU,
    ReLU6,
    Scale,
    Sigmoid,
    SiLU,
    Softmax,
    Subsample,
    SumPool,
    Tanh,
    TransposedConvolution,
    Upsample,
)
from numbacnn.layers.options import build_layer
from numbacnn.network import Network
from numbacnn.ops.losses import LOSSES
from numbacnn.program import Loss, Program

SHAPE = (6, 5, 3)
CASES = {
    "pixels": [Pixels(mean=(10.0, 20.0, 30.0), scale=(0.1, 0.2, 0.3), channel_order="BGR")],
    "convolution": [
        Convolution(4, 3),
        Convolution(3, (2, 3), stride=(2, 1), padding=(1, 0, 2, 0), rounding="floor"),
        Convolution(6, 2, groups=3, dilation=2),
        Convolution(4, 3, bias=False),
    ],
    "max-pool": [MaxPool(2, rounding="floor"), MaxPool((3, 2), stride=2, padding=1, rounding="ceil")],
    "sum-pool": [SumPool((3, 2), stride=1)],
    "average-pool": [
        AveragePool(2, rounding="ceil"),
        AveragePool(3, stride=2, padding=1, rounding="ceil"),
        AveragePool(3, stride=2, padding=1, rounding="ceil", count_padding=False),
    ],
    "global-average-pool": [GlobalAveragePool()],
    "batch-norm": [BatchNorm(), BatchNorm(eps=0.1, learn_scale=False), BatchNorm(learn_shift=False)],
    "scale": [Scale(), Scale(bias=False)],
    "factor": [Factor(-0.3)],
    "local-response-norm": [
        LocalResponseNorm(3, alpha=0.5, k=2.0),
        LocalResponseNorm(5, alpha=0.3, beta=0.6),
    ],
    "relu": [ReLU()],
    "leaky-relu": [LeakyReLU(0.2)],
    "prelu": [PReLU()],
    "elu": [ELU(0.7)],
    "sigmoid": [Sigmoid()],
    "tanh": [Tanh()],
    "ramp": [Ramp()],
    "relu6": [ReLU6()],
    "clip": [Clip(-0.5, 0.25)],
    "silu": [SiLU()],
    "gelu": [GELU(), GELU(approximate=True)],
    "flatten": [Flatten()],
    "dense": [Dense(4), Dense(3, bias=False)],
    "dropout": [Dropout(0.4)],
    "softmax": [Softmax()],
    "concatenate": [Concatenate()],
    "add": [Add()],
    "multiply": [Multiply()],
    "upsample": [Upsample(), Upsample(3, "bilinear")],
    "transposed-convolution": [
        TransposedConvolution(4, 3),
        TransposedConvolution(2, (3, 2), stride=2, padding=(1, 0), extra=(1, 0), bias=False),
        TransposedConvolution(6, 2, stride=(1, 3), dilation=2, groups=3),
    ],
    "subsample": [Subsample(5), Subsample(3, stride=3)],
}
GRAPHS = {
    "squeeze and excitation": [
        ("conv", Convolution(3, 3, padding=1)),
        ("squeeze", GlobalAveragePool()),
        ("excite", Convolution(3, 1)),
        ("gate", Sigmoid()),
        ("product", Multiply(), ("conv", "gate")),
    ],
    "fan-out and add": [
        ("conv", Convolution(3, 3, padding=1)),
        ("relu", ReLU()),
        ("sum", Add(), ("relu", "conv")),
    ],
    "fan-out and concatenate": [
        ("conv", Convolution(3, 3, padding=1)),
        ("small", Convolution(2, 1), ("conv",)),
        ("pool", MaxPool(3, stride=1, padding=1), ("conv",)),
        ("both", Concatenate(), ("small", "conv", "pool")),
    ],
    "one layer read twice": [
        ("conv", Convolution(3, 3)),
        ("twice", Add(), ("conv", "conv")),
        ("both", Concatenate(), ("twice", "conv", "twice")),
    ],
    "flatten with two readers": [
        ("conv", Convolution(2, 3)),
        ("flat", Flatten()),
        ("left", Dense(3), ("flat",)),
        ("right", Dense(3), ("flat",)),
        ("sum", Add(), ("left", "right")),
    ],
    "a flattened layer that others read": [
        ("conv", Convolution(2, 3)),
        ("flat", Flatten()),
        ("pool", GlobalAveragePool(), ("conv",)),
        ("short", Flatten()),
        ("both", Concatenate(), ("flat", "short", "flat")),
    ],
    "pixels read twice": [
        ("conv", Convolution(3, 3, padding=1)),
        ("sum", Add(), ("conv", "pixels")),
    ],
}


def network_of(lines, seed=1):
    """The layers, and what makes scores of whatever they end in."""
    flat = len(Graph(lines, SHAPE).shapes[lines[-1][0]]) == 1
    end = [("scores", Dense(3)), ("softmax", Softmax())]
    network = Network(Graph([*lines, *([] if flat else [("last flatten", Flatten())]), *end], SHAPE))
    network.initialise("glorot", seed)
    return network


def lines_of(layer):
    """A network around one layer, whose input is not the pixels unless it is theirs to take."""
    if isinstance(layer, Pixels):
        return [("layer", layer)]
    first = [("first", Convolution(3, 1))]
    if isinstance(layer, (Dense, Softmax)):
        first.append(("flat", Flatten()))
    joins = layer.inputs_expected is None
    return [*first, ("layer", layer, ("first", "pixels") if joins else (first[-1][0],))]


def test_every_layer_has_a_case():
    others = {kind for kind, layer in LAYERS.items() if layer.is_input} - {"pixels"}  # those of test_inputs
    assert set(CASES) == set(LAYERS) - others
    assert all(layer.kind == kind for kind, layers in CASES.items() for layer in layers)


@pytest.mark.parametrize("layer", [layer for layers in CASES.values() for layer in layers], ids=repr)
def test_a_layer_is_built_again_of_its_options(layer):
    options = json.loads(json.dumps(layer.config()))
    assert build_layer(layer.kind, options) == layer


@pytest.mark.parametrize("layer", [layer for layers in CASES.values() for layer in layers], ids=repr)
def test_gradients_of_a_layer(layer):
    network = network_of(lines_of(layer))
    for node, array in ((each.node, each.value) for each in network.graph.parameters.values()):
        if node == "layer":  # biases and slopes away from where they start
            array[...] += np.random.default_rng(3).normal(0, 0.1, array.shape)
    checks = {check.name: check for check in check_gradients(network, samples=30)}
    found = checks["layer"]
    assert found.kind == layer.kind
    assert found.error < 1e-7
    assert found.input_error is not None
    assert found.checked >= 15
    assert set(found.parameter_errors) == set(network.graph.parameters_of(network.graph["layer"]))
    assert None not in found.parameter_errors.values()
    assert checks["whole network"].error < 1e-6


@pytest.mark.parametrize("name", GRAPHS)
def test_gradients_where_a_graph_joins_and_parts(name):
    for check in check_gradients(network_of(GRAPHS[name]), samples=30):
        assert check.error < 1e-6, check
        assert check.checked


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_of_a_loss(loss):
    network = network_of([("conv", Convolution(2, 3)), ("tanh", Tanh())])
    whole = check_gradients(network, samples=30, loss=Loss(loss, margin=0.5))[-1]
    assert whole.kind == f"{loss} loss"
    assert whole.error < 1e-6
    assert whole.checked > 50


def test_the_gradient_of_the_pixels_by_differences_written_out():
    network = network_of(GRAPHS["fan-out and concatenate"])
    plan = Program(network.graph.astype(np.float64), 2, gradients="input")
    images, labels = np.random.default_rng(0).uniform(0, 1, (2, *SHAPE)), np.array([2, 0])
    plan.forward(images)
    pixels = plan.backward_loss(labels, Loss(), reduction="sum").copy()
    for place in np.ndindex(*images.shape):
        losses = []
        for change in (1e-4, -1e-4):
            plan.load(images)
            plan.input[place] += change
            plan.forward()
            losses.append(plan.losses(labels, Loss()).sum())
        assert (losses[0] - losses[1]) / 2e-4 == pytest.approx(pixels[place], rel=1e-4, abs=1e-8)


@pytest.mark.parametrize("side", [255, 256, 257, 300])
@pytest.mark.parametrize("stride", [0, 1])
def test_a_maximum_beyond_65535_cells_gets_the_gradient_alone(side, stride):
    size = side + 1 if stride else side
    pool = MaxPool(side, stride=stride)
    plan = Program(Graph([("pool", pool)], (size, size, 1)), 1, gradients="input")
    plan.input[0, size - 1, size - 2, 0] = 200
    plan.run_forward()
    found = plan.backward("pool", np.ones(plan.output("pool").shape, np.float32))
    windows = [(p, q) for p in range(size - side + 1) for q in range(size - side + 1)]
    reached = sum(p + side == size and q + side >= size - 1 for p, q in windows)
    assert found[0, size - 1, size - 2, 0] == reached
    assert found.sum() == len(windows)
    assert np.count_nonzero(found) == 1 + (reached < len(windows)) * len(
        {w for w in windows if w[0] + side < size}
    )
