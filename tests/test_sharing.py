"""Gradients that lie in one place instead of being copied are the same bits as those that are copied."""

from __future__ import annotations

import numpy as np
import pytest

from numbacnn.graph import Graph
from numbacnn.layers import Add, BatchNorm, Convolution, Dense, Flatten, Pixels, ReLU, Softmax
from numbacnn.ops import joins
from numbacnn.program import Loss, Program

END = [("flat", Flatten()), ("scores", Dense(3)), ("softmax", Softmax())]
RESIDUAL = [
    ("pixels", Pixels(scale=1 / 255)),
    ("conv0", Convolution(4, 3, padding=1)),
    ("relu0", ReLU()),
    ("conv1", Convolution(4, 3, padding=1)),
    ("norm1", BatchNorm()),
    ("sum1", Add(), ("norm1", "relu0")),
    ("relu1", ReLU()),
    ("conv2", Convolution(4, 3, padding=1)),
    ("sum2", Add(), ("conv2", "relu1")),
    ("relu2", ReLU()),
    *END,
]
TWICE_READ = [
    ("pixels", Pixels(scale=1 / 255)),
    ("a", Convolution(4, 3, padding=1)),
    ("b", Convolution(4, 3, padding=1), ("a",)),
    ("first", Add(), ("a", "b")),
    # What reaches `a` from here is added to, while the gradient of `first` is still to be read.
    ("second", Add(), ("a", "first")),
    *END,
]
DOUBLED = [
    ("pixels", Pixels(scale=1 / 255)),
    ("a", Convolution(4, 3, padding=1)),
    ("double", Add(), ("a", "a")),
    ("relu", ReLU()),
    *END,
]


def learnt(graph, **options):
    """The gradients of all parameters, the pixels' if they are asked for, and the Program."""
    images = np.random.default_rng(1).integers(0, 256, (5, 6, 5, 2), np.uint8)
    program = Program(graph, 5, **options)
    program.forward(images, training=True)
    d_pixels = program.backward_loss(np.arange(5) % 3, Loss())
    return np.array(program.gradient), d_pixels, program


@pytest.mark.parametrize(
    ("lines", "copies"),
    [(RESIDUAL, 0), (TWICE_READ, 2), (DOUBLED, 1)],
    ids=["residual", "read twice", "doubled"],
)
def test_gradients_are_those_of_a_program_that_copies(lines, copies):
    graph = Graph(lines, (6, 5, 2))
    graph.initialise("he")
    apart, _, keeps_all = learnt(graph, gradients="all")
    shared, _, program = learnt(graph, gradients="parameters", keep=())
    assert shared.tobytes() == apart.tobytes()
    with_pixels = [learnt(graph, gradients="all", keep=keep)[1] for keep in ((), None)]
    assert with_pixels[0].tobytes() == with_pixels[1].tobytes()

    def number(of):
        return sum(
            step.kernel is joins.copy and step.node in dict(sums) for step in of.training_steps(Loss())
        )

    sums = [(line[0], line[1]) for line in lines if isinstance(line[1], Add)]
    assert number(keeps_all) == 2 * len(sums)
    assert number(program) == copies
    assert program.bytes < keeps_all.bytes


def test_a_gradient_that_is_kept_is_not_shared():
    graph = Graph(RESIDUAL, (6, 5, 2))
    graph.initialise("he")
    *_, all_kept = learnt(graph, gradients="all")
    *_, program = learnt(graph, gradients="parameters", keep=(), keep_gradients=["norm1", "sum2"])
    for name in ("norm1", "sum2"):
        np.testing.assert_array_equal(program.gradient_at(name), all_kept.gradient_at(name))
