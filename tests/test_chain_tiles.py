"""A chain's convolutions in Winograd's way, in training (program.chain.tiling): beside the same sums as the definition has them."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from small_graphs import noisy_graph

from numbacnn.layers import Convolution, Dense, Flatten, LeakyReLU, MaxPool, ReLU, Softmax
from numbacnn.program import Loss, Program

ENDS = [("flatten", Flatten()), ("dense", Dense(5)), ("softmax", Softmax())]
NETWORKS = {
    "pools behind 5x5, fewer filters than lanes below": (
        (18, 21, 2),
        [
            ("conv1", Convolution(7, 5, padding=(2, 1))),
            ("relu1", ReLU()),
            ("pool1", MaxPool(2, rounding="floor")),  # of 18x19: a column is left out
            ("conv2", Convolution(13, 5, padding=2)),
            ("leaky2", LeakyReLU(0.2)),
            ("pool2", MaxPool(2, rounding="floor")),
            *ENDS,
        ],
        {"conv1", "conv2"},
    ),
    "LeNet's sizes": (
        (28, 28, 1),
        [
            ("conv1", Convolution(6, 5, padding=2)),
            ("relu1", ReLU()),
            ("pool1", MaxPool(2)),
            ("conv2", Convolution(16, 5)),
            ("relu2", ReLU()),
            ("pool2", MaxPool(2)),
            *ENDS,
        ],
        {"conv1", "conv2"},
    ),
    "no pools, rows other than columns, no bias": (
        (11, 14, 3),
        [
            ("conv1", Convolution(24, (2, 5), padding=(1, 0, 0, 3), bias=False)),
            ("leaky1", LeakyReLU(0.3)),
            ("conv2", Convolution(12, (4, 3), padding=(0, 2))),
            ("leaky2", LeakyReLU(0.1)),
            ("conv3", Convolution(11, 3)),
            *ENDS,
        ],
        {"conv1", "conv2"},
    ),
    "one tile, one row of filters": (
        (8, 8, 8),
        [("conv1", Convolution(12, (1, 5), padding=(0, 1))), ("conv2", Convolution(16, 3)), *ENDS],
        {"conv2"},
    ),
}


def graph_of(name, dtype="float32", algorithm="auto"):
    shape, layers, _ = NETWORKS[name]
    return noisy_graph(layers, shape, dtype, algorithm)


def learnt(graph, count):
    program = Program(graph, count, gradients="parameters", keep=())
    program.load(np.random.default_rng(0).integers(0, 256, (count, *graph.input_shape)).astype(np.uint8))
    program.labels[...] = np.arange(count) % 5
    program.learn(Loss())
    return program


def tiled(program):
    """Which convolutions are computed so."""
    links = program.chain._tables._links
    return {links[index].node for index in program.chain._tables._tilings}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-5), ("float64", 1e-12)])
def test_a_step_is_what_the_definition_says(name, dtype, tolerance):
    ours, theirs = (learnt(graph_of(name, dtype, algorithm), 11) for algorithm in ("auto", "lanes"))
    assert tiled(ours) == NETWORKS[name][2]
    assert not tiled(theirs)
    pairs = [(ours.output(ours.scores), theirs.output(theirs.scores), "scores")]
    for node, gradients in theirs.gradients.items():
        pairs += [(ours.gradients[node][key], expected, (node, key)) for key, expected in gradients.items()]
    for found, expected, what in pairs:
        assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max(), what


def test_the_gradient_is_that_of_the_loss_in_float64():
    graph = graph_of("no pools, rows other than columns, no bias", "float64")
    program = learnt(graph, 5)
    assert tiled(program)
    direction = np.random.default_rng(2).normal(size=graph.layout.trained)
    before, step = np.array(graph.row), 1e-6

    def mean_loss(distance):
        graph.row[: direction.size] = before[: direction.size] + distance * direction
        return float(learnt(graph, 5).loss_values.mean())

    slope = (mean_loss(step) - mean_loss(-step)) / (2 * step)
    assert slope == pytest.approx(float(program.gradient @ direction), rel=1e-5)


def test_gradients_are_the_same_bits_on_any_number_of_threads():
    graph = graph_of("LeNet's sizes")
    try:
        rows = []
        for threads in range(1, numba.config.NUMBA_NUM_THREADS + 1):
            numba.set_num_threads(threads)
            rows.append(learnt(graph, 77).gradient.tobytes())
    finally:
        numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    assert len(set(rows)) == 1


def test_a_second_step_forgets_the_first_one_and_sees_new_weights():
    graph = graph_of("LeNet's sizes")
    first = learnt(graph, 20)
    gradient = first.gradient.tobytes()
    before = np.array(graph.row)
    graph.row[:] *= 2
    first.learn(Loss())
    assert first.gradient.tobytes() == learnt(graph, 20).gradient.tobytes() != gradient
    graph.row[:] = before
    first.learn(Loss())
    assert first.gradient.tobytes() == gradient


def test_what_is_frozen_gets_no_gradient_and_what_is_below_it_does():
    pairs = []
    for algorithm in ("auto", "lanes"):
        graph = graph_of("LeNet's sizes", algorithm=algorithm)
        graph.set_learning(frozen=["conv2/weights"], rates={})
        pairs.append(learnt(graph, 12))
    ours, theirs = pairs
    assert tiled(ours) == {"conv1", "conv2"}
    assert "weights" not in ours.gradients["conv2"]
    assert np.allclose(ours.gradient, theirs.gradient, rtol=1e-3, atol=1e-5 * np.abs(theirs.gradient).max())
