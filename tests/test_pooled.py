"""Convolutions with the pool behind them in one step: the same bits, unless somebody looks at what lies between them."""

from __future__ import annotations

import numpy as np
import pytest

from numbacnn.graph import Graph
from numbacnn.layers import (
    AveragePool,
    Concatenate,
    Convolution,
    Dense,
    Flatten,
    GlobalAveragePool,
    MaxPool,
    Pixels,
    ReLU,
    Softmax,
)
from numbacnn.ops import convolution
from numbacnn.program import Program

NODES = [
    ("pixels", Pixels(scale=1 / 255)),
    ("one", Convolution(6, 5, padding=2)),
    ("one relu", ReLU()),
    ("one pool", MaxPool(2)),
    ("two", Convolution(20, 3, bias=False)),
    ("two pool", MaxPool(3, stride=2, rounding="ceil")),
    ("two relu", ReLU()),
    ("three", Convolution(9, 3, padding=1)),
    ("three relu", ReLU()),
    ("three pool", AveragePool(3, stride=1, padding=1, count_padding=False)),
    ("four", Convolution(7, 1)),  # its pixels are multiplied as they lie
    ("four pool", MaxPool(2, rounding="ceil")),
    ("five", Convolution(5, 2, padding=1)),
    ("average", GlobalAveragePool()),
    ("flatten", Flatten()),
    ("dense", Dense(4)),
    ("softmax", Softmax()),
]


@pytest.fixture(scope="module")
def graph() -> Graph:
    made = Graph(NODES, (16, 14, 1))
    made.initialise(seed=1)
    return made


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (9, 16, 14, 1), np.uint8)


def together(program: Program, last: str = "softmax") -> list[str]:
    """The pools that are computed with the convolution before them."""
    return [step.node for step in program._forward_steps(last) if step.kernel is convolution.forward_pooled]


def test_pools_take_what_convolutions_compute(graph):
    assert together(Program(graph, 3, keep=())) == ["one pool", "two pool", "three pool", "average"]


@pytest.mark.parametrize("looked_at", ["one", "one relu", "five"])
def test_what_somebody_looks_at_is_there(graph, images, looked_at):
    program = Program(graph, 3, keep=(looked_at,))
    assert len(together(program)) == 3
    program.forward(images[:3])
    expected = Program(graph, 3, workspace_bytes=1 << 20)
    expected.forward(images[:3])
    np.testing.assert_array_equal(program.output(looked_at), expected.output(looked_at))


def test_two_readers_and_a_way_back_need_it_too(graph):
    nodes = [
        *NODES[:3],
        ("pool", MaxPool(2), ("one relu",)),
        ("other", MaxPool(2), ("one relu",)),
        ("joined", Concatenate(), ("pool", "other")),
    ]
    forked = Graph(nodes, (16, 14, 1))
    assert together(Program(forked, 3, keep=()), "joined") == []
    assert together(Program(graph, 3, gradients="input", keep=())) == []
    assert together(Program(graph, 3, gradients="parameters", keep=())) == []


@pytest.mark.parametrize("count", [1, 2, 9])
def test_scores_are_the_same_bits_for_any_number_of_pictures(graph, images, count):
    apart, program = (Program(graph, 9, keep=(), **room) for room in ({"workspace_bytes": 1 << 20}, {}))
    assert together(apart) == []
    expected = np.array(apart.forward(images))
    np.testing.assert_array_equal(program.forward(images[:count]), expected[:count])
    np.testing.assert_array_equal(
        program.forward(images[:count], training=True), apart.forward(images[:count], training=True)
    )
    np.testing.assert_array_equal(program.forward(images[-count:]), expected[-count:])


def test_scores_follow_the_weights(graph, images):
    program = Program(graph, 2, keep=())
    before = np.array(program.forward(images[:2]))
    graph.initialise(seed=2)
    after = np.array(program.forward(images[:2]))
    graph.initialise(seed=1)
    assert (before != after).any()
    np.testing.assert_array_equal(program.forward(images[:2]), before)
