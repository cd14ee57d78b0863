"""Batch normalisations folded into convolutions: the same numbers up to rounding, whatever is looked at in between."""

from __future__ import annotations

import numpy as np
import pytest

from numbacnn.graph import Graph
from numbacnn.layers import Add, BatchNorm, Convolution, Dense, Flatten, Pixels, ReLU, Softmax
from numbacnn.ops import normalization
from numbacnn.program import Program
from numbacnn.program.folding import foldable

NODES = [
    ("pixels", Pixels(mean=100.0, scale=1 / 64)),
    ("conv1", Convolution(6, 3, padding=1, bias=False)),
    ("bn1", BatchNorm()),
    ("relu1", ReLU()),
    ("conv2", Convolution(6, 3, padding=1)),
    ("bn2", BatchNorm(learn_scale=False)),
    ("sum", Add(), ("relu1", "bn2")),
    ("relu2", ReLU()),
    ("conv3", Convolution(40, 7)),  # more weights than outputs
    ("bn3", BatchNorm()),
    ("flatten", Flatten()),
    ("dense", Dense(4)),
    ("softmax", Softmax()),
]


@pytest.fixture(scope="module")
def graph() -> Graph:
    made = Graph(NODES, (9, 9, 2))
    made.initialise(seed=1)
    generator = np.random.default_rng(2)
    for name in made.buffers:
        made.write(name, generator.uniform(0.5, 2, made.read(name).shape))
    for name in ("bn1/scale", "bn1/shift", "bn2/shift", "bn3/scale", "conv2/bias"):
        made.write(name, generator.uniform(-1, 1, made.read(name).shape))
    return made.astype("float64")


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 9, 9, 2), np.uint8)


def folds(program: Program) -> dict[str, str]:
    return program._compiled.rewrites.folds


def test_all_are_folded_and_their_passes_are_gone(graph):
    program = Program(graph, 3, keep=())
    assert folds(program) == {"bn1": "conv1", "bn2": "conv2", "bn3": "conv3"}
    kernels = [step.kernel for step in program._forward_steps("softmax")]
    assert kernels.count(normalization.fold) == 3
    assert normalization.forward not in kernels


def test_filters_of_more_weights_than_outputs_are_not_made_in_every_pass(graph):
    steps = Program(graph, 3)._emission(False).forward()
    assert foldable(graph, steps, (), once=False) == {"bn1": "conv1", "bn2": "conv2"}


def test_scores_are_those_of_the_layers_one_by_one(graph, images):
    expected = Program(graph, 3, keep=None).forward(images)
    np.testing.assert_allclose(Program(graph, 3, keep=()).forward(images), expected, rtol=1e-12)


def test_new_weights_and_statistics_are_seen_by_the_next_pass(graph, images):
    graph = graph.astype("float64")
    folded, plain = Program(graph, 3, keep=()), Program(graph, 3, keep=None)
    first = folded.forward(images).copy()
    for name in ("conv1/weights", "bn1/running_variance"):
        graph.write(name, graph.read(name) * 1.5)
    second = folded.forward(images)
    np.testing.assert_allclose(second, plain.forward(images), rtol=1e-12)
    assert not np.allclose(first, second)


def test_a_pass_of_training_takes_the_batchs_statistics(graph, images):
    given = [
        Program(graph.astype("float64"), 3, keep=keep).forward(images, training=True) for keep in ((), None)
    ]
    np.testing.assert_allclose(*given, rtol=1e-12)


@pytest.mark.parametrize("training", [False, True])
def test_the_gradient_of_the_pixels_is_that_of_the_layers_one_by_one(graph, images, training):
    found = []
    for keep in ((), None):
        program = Program(graph.astype("float64"), 3, gradients="input", keep=keep)
        program.forward(images, training=training)
        found.append(np.array(program.backward("softmax", np.eye(4)[[0, 1, 2]])))
    np.testing.assert_allclose(*found, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("start", ["conv1", "bn1", "bn2", "conv2"])
def test_a_gradient_may_begin_on_either_side_of_a_fold(graph, images, start):
    found = []
    for keep in ((start,), None):
        program = Program(graph, 3, gradients="input", keep=keep)
        program.forward(images)
        signal = np.random.default_rng(5).standard_normal((3, *graph.shapes[start]))
        found.append(np.array(program.backward(start, signal)))
    np.testing.assert_allclose(*found, rtol=1e-9, atol=1e-12)


def test_what_is_looked_at_in_between_is_there(graph, images):
    program = Program(graph, 3, keep=("conv1",))
    assert folds(program) == {"bn2": "conv2", "bn3": "conv3"}
    program.forward(images)
    assert program.output("conv1").std() > 0


def test_a_network_that_learns_folds_nothing(graph):
    assert folds(Program(graph, 3, gradients="parameters", keep=())) == {}
