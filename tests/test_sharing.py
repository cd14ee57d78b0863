"""Gradients that lie in one place instead of being copied are the same bits as those that are copied."""

from __future__ import annotations

import numpy as np
import pytest

from numbacnn.errors import UsageError
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


PLAIN = [
    ("pixels", Pixels(scale=1 / 255)),
    ("conv1", Convolution(4, 3, padding=1)),
    ("relu1", ReLU()),
    ("conv2", Convolution(4, 3, padding=1)),
    ("sum", Add(), ("conv2", "relu1")),
    *END,
]


@pytest.mark.parametrize(
    "lines", [RESIDUAL, TWICE_READ, DOUBLED, PLAIN], ids=["residual", "twice", "doubled", "plain"]
)
def test_a_pass_back_from_any_node_is_right_or_refused(lines):
    """A term of a sum may have no place of its own in a Program that learns: it says so, and gets one by `keep_gradients`."""
    graph = Graph(lines, (6, 5, 2))
    graph.initialise("he")
    compiled = Program(graph, 5, gradients="parameters", keep=())._compiled
    for node in compiled.flows:
        expected = from_node(graph, node, keep=None)
        kept = from_node(graph, node, keep=(), keep_gradients=[node])
        np.testing.assert_allclose(kept, expected, rtol=1e-5, atol=1e-5)
        if node in compiled.sharing:
            with pytest.raises(UsageError, match="keep_gradients"):
                from_node(graph, node, keep=())
        else:
            np.testing.assert_allclose(from_node(graph, node, keep=()), expected, rtol=1e-5, atol=1e-5)
    assert not {"scores", "softmax", "flat"} & compiled.sharing
    if lines is PLAIN:
        assert {"conv2", "relu1"} <= compiled.sharing


def from_node(graph, node, **options):
    """The gradients of all parameters by a pass back from a node."""
    images = np.random.default_rng(1).integers(0, 256, (5, 6, 5, 2), np.uint8)
    program = Program(graph, 5, gradients="parameters", **options)
    program.forward(images, training=True)
    program.gradient[...] = 0
    program.backward(
        node, np.random.default_rng(2).standard_normal((5, *graph.shapes[node])).astype(np.float32)
    )
    reached = {node, *graph.ancestors(node)}
    return np.concatenate(
        [
            array.ravel()
            for name, arrays in program.gradients.items()
            if name in reached
            for array in arrays.values()
        ]
        or [np.zeros(0)]
    )
