"""Convolutions that write residual sums: the same bits, and no pass for the sum, unless somebody looks at a term."""

from __future__ import annotations

import numpy as np
import pytest

from numbacnn.architectures import build
from numbacnn.graph import Graph
from numbacnn.layers import (
    Add,
    BatchNorm,
    Convolution,
    Flatten,
    GlobalAveragePool,
    MaxPool,
    Pixels,
    ReLU,
    Softmax,
)
from numbacnn.ops import convolution, joins
from numbacnn.program import Program

NODES = [
    ("pixels", Pixels(scale=1 / 255)),
    ("stem", Convolution(16, 3, padding=1)),
    ("stem relu", ReLU()),
    # Both terms are convolutions': the one that is computed last takes the sum.
    ("one", Convolution(32, 3, padding=1), ("stem relu",)),  # by Winograd's way
    ("short", Convolution(32, 1, bias=False), ("stem relu",)),
    ("short norm", BatchNorm()),
    ("first", Add(), ("one", "short norm")),
    ("first relu", ReLU()),
    # The other term is read by somebody else as well, later.
    ("two", Convolution(32, 3, padding=1), ("first relu",)),
    ("second", Add(), ("first relu", "two")),
    ("three", Convolution(32, 3, stride=2, padding=1, rounding="floor"), ("second",)),
    ("pool", MaxPool(2), ("first relu",)),
    ("third", Add(), ("pool", "three")),
    # A convolution that is rectified before, one that two read, one that is added to itself, and three terms.
    ("four", Convolution(32, 1)),
    ("four relu", ReLU()),
    ("fourth", Add(), ("third", "four relu")),
    ("five", Convolution(32, 1)),
    ("fifth", Add(), ("five", "fourth")),
    ("sixth", Add(), ("five", "fifth")),
    ("six", Convolution(32, 1), ("sixth",)),
    ("twice", Add(), ("six", "six")),
    ("seven", Convolution(32, 3, padding=1)),
    ("eight", Convolution(32, 1), ("twice",)),
    ("all", Add(), ("seven", "twice", "eight")),
    ("average", GlobalAveragePool()),
    ("flatten", Flatten()),
    ("softmax", Softmax()),
]
APART = ["fourth", "fifth", "sixth", "twice", "all"]
"""The sums that stay passes of their own."""


@pytest.fixture(scope="module")
def graph() -> Graph:
    made = Graph(NODES, (10, 6, 3))
    made.initialise(seed=1)
    return made


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (5, 10, 6, 3), np.uint8)


def added(program: Program, last: str = "softmax") -> list[str]:
    """The sums that have passes of their own, one name a pass."""
    return [step.node for step in program._forward_steps(last) if step.kernel is joins.add]


def test_convolutions_write_sums(graph):
    program = Program(graph, 5, keep=())
    assert added(program) == APART
    taken = [
        step.node
        for step in program._forward_steps("softmax")
        if step.kernel is convolution.forward_packed and step.arguments[4] is not None
    ]
    assert taken == ["first", "second", "third", "all"]


@pytest.mark.parametrize(
    ("looked_at", "more"), [("short norm", []), ("two", ["second"]), ("first", []), ("seven", ["all"])]
)
def test_a_term_that_somebody_looks_at_is_there(graph, images, looked_at, more):
    program = Program(graph, 5, keep=(looked_at,))
    assert sorted(added(program)) == sorted(APART + more)
    expected = Program(graph, 5, keep=(looked_at,), workspace_bytes=1 << 20)
    for each in (program, expected):
        each.forward(images)
    np.testing.assert_array_equal(program.output(looked_at), expected.output(looked_at))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_scores_are_the_same_bits_for_any_number_of_pictures(graph, images, count):
    apart, program = (Program(graph, 5, keep=(), **room) for room in ({"workspace_bytes": 1 << 20}, {}))
    assert len(added(apart)) == len(APART) + 4
    expected = np.array(apart.forward(images))
    np.testing.assert_array_equal(program.forward(images[:count]), expected[:count])
    np.testing.assert_array_equal(
        program.forward(images[:count], training=True), apart.forward(images[:count], training=True)
    )
    graph.initialise(seed=1)
    np.testing.assert_array_equal(program.forward(images[-count:]), expected[-count:])


def test_a_way_back_needs_them_apart(graph):
    assert len(added(Program(graph, 5, gradients="input", keep=()))) == len(APART) + 4


@pytest.mark.parametrize("name", ["resnet-18", "resnet-20", "resnet-50"])
def test_residual_networks_have_no_sums_left_and_need_no_more_memory(name):
    net = build(name, input_shape=(32, 32, 3), classes=10)
    program = Program(net.graph, 2, keep=())
    assert added(program, net.graph.output.name) == []
    blocks = program._compiled.blocks
    assert not any(program._compiled.rewrites.root(key) != key for key in blocks)
    terms = program._compiled.rewrites.sums
    assert len(terms) > 7
    assert not terms & blocks.keys()
