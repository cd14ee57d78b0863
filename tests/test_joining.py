"""Convolutions that write straight into concatenations: the same bits, and no copies, unless somebody looks at what is copied."""

from __future__ import annotations

import numpy as np
import pytest

from numbacnn.graph import Graph
from numbacnn.layers import BatchNorm, Concatenate, Convolution, Flatten, MaxPool, Pixels, ReLU, Softmax
from numbacnn.ops import joins
from numbacnn.program import Program

NODES = [
    ("pixels", Pixels(scale=1 / 255)),
    ("stem", Convolution(16, 3, padding=1)),
    ("one", Convolution(5, 1), ("stem",)),
    ("one relu", ReLU()),
    ("three", Convolution(32, 3, padding=1), ("stem",)),  # by Winograd's way
    ("three relu", ReLU()),
    ("five", Convolution(7, 5, padding=2, bias=False), ("stem",)),
    ("five norm", BatchNorm()),
    ("five relu", ReLU()),
    ("pool", MaxPool(3, stride=1, padding=1), ("stem",)),
    ("joined", Concatenate(), ("one relu", "three relu", "pool", "five relu")),
    ("twice", Convolution(4, 1)),
    ("again", Concatenate(), ("twice", "twice")),
    ("seen", Convolution(3, 1)),
    ("last", Concatenate(), ("seen", "again")),
    ("flatten", Flatten()),
    ("softmax", Softmax()),
]


@pytest.fixture(scope="module")
def graph() -> Graph:
    made = Graph(NODES, (6, 6, 3))
    made.initialise(seed=1)
    return made


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 6, 6, 3), np.uint8)


def copied(program: Program) -> list[str]:
    """The concatenations that copies of the program's passes write, one name a copy."""
    steps = program._forward_steps("softmax")
    return [step.node for step in steps if step.kernel is joins.copy_channels]


def test_what_a_convolution_writes_is_not_copied(graph):
    # A pool, a convolution on two places, and a concatenation are.
    assert copied(Program(graph, 3, keep=())) == ["joined", "again", "again", "last"]


@pytest.mark.parametrize("looked_at", ["one relu", "three", "five relu"])
def test_what_somebody_looks_at_is(graph, images, looked_at):
    program = Program(graph, 3, keep=(looked_at,))
    assert copied(program).count("joined") == 2
    program.forward(images)
    expected = Program(graph, 3, workspace_bytes=1 << 20)
    expected.forward(images)
    np.testing.assert_allclose(program.output(looked_at), expected.output(looked_at), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("count", [1, 3])
def test_scores_are_the_same_bits(graph, images, count):
    bounded = Program(graph, 3, keep=(), workspace_bytes=1 << 20)  # neither packs nor joins
    assert len(copied(bounded)) == 8
    expected = np.array(bounded.forward(images[:count]))
    for program in (Program(graph, 3, keep=()), Program(graph, 3, gradients="input", keep=())):
        assert (program.forward(images[:count]) == expected).all()
        np.testing.assert_array_equal(
            program.forward(images[:count], training=True),
            bounded.forward(images[:count], training=True),
        )
        graph.initialise(seed=1)


def test_volumes_that_were_flattened_before_are_copied(images):
    """A row of a flattened volume is no row of channels, but of a volume of one place."""
    nodes = [
        ("pixels", Pixels(scale=1 / 255)),
        ("conv", Convolution(4, 3)),
        ("flat", Flatten()),
        ("whole", Convolution(4, 6), ("pixels",)),
        ("one place", Flatten()),
        ("joined", Concatenate(), ("flat", "one place")),
        ("softmax", Softmax()),
    ]
    graph = Graph(nodes, (6, 6, 3))
    graph.initialise(seed=1)
    program = Program(graph, 3, keep=())
    assert copied(program) == ["joined"]
    expected = Program(graph, 3, keep=None).forward(images)
    np.testing.assert_array_equal(program.forward(images), expected)
