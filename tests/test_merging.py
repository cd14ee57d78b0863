"""Normalisations in one pass with the rectifiers and sums around them: the bits of the steps one by one, and fewer steps."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from numbacnn.graph import Graph
from numbacnn.layers import (
    Add,
    BatchNorm,
    Convolution,
    Dense,
    Flatten,
    LeakyReLU,
    Pixels,
    ReLU,
    Scale,
    Softmax,
    Subsample,
)
from numbacnn.ops import activations, joins, normalization
from numbacnn.program import Loss, Program

SHAPE = (9, 5, 2)
BLOCKS = [
    ("pixels", Pixels(mean=100.0, scale=1 / 64)),
    ("conv0", Convolution(5, 3, padding=1, bias=False)),
    ("bn0", BatchNorm()),
    ("relu0", ReLU()),
    # A block whose shortcut is its input,
    ("conv1", Convolution(5, 3, padding=1)),
    ("bn1", BatchNorm()),
    ("relu1", ReLU()),
    ("conv2", Convolution(5, 3, padding=1)),
    ("bn2", BatchNorm(learn_scale=False)),
    ("sum1", Add(), ("bn2", "relu0")),
    ("relu2", ReLU()),
    # one whose shortcut is normalised too, and stands first,
    ("conv3", Convolution(16, 3, stride=2, padding=1), ("relu2",)),
    ("bn3", BatchNorm(learn_shift=False)),
    ("down", Convolution(16, 1, stride=2), ("relu2",)),
    ("bn down", BatchNorm()),
    ("sum2", Add(), ("bn down", "bn3")),
    ("relu3", ReLU()),
    # one whose shortcut learns nothing, with rectifiers that let something through,
    ("conv4", Convolution(20, 3, stride=2, padding=1)),
    ("bn4", BatchNorm()),
    ("leaky4", LeakyReLU(0.1)),
    ("short", Subsample(20), ("relu3",)),
    ("sum3", Add(), ("leaky4", "short")),
    ("leaky5", LeakyReLU(0.1)),
    # and one of three terms, without a rectifier.
    ("conv5", Convolution(20, 1)),
    ("bn5", BatchNorm()),
    ("sum4", Add(), ("bn5", "leaky5", "leaky4")),
    ("flat", Flatten()),
    ("scores", Dense(3)),
    ("softmax", Softmax()),
]
MERGED = {
    "normalization.forward_sum": 2,
    "normalization.sums_joined": 3,  # of bn0 too, whose rectified output has two readers
    "normalization.sums_rectified": 1,
    "normalization.backward_rectified": 1,
}


OTHERS = {
    "bn1": Scale(),
    "bn2": BatchNorm(fixed=True),
    "bn3": Scale(bias=False),
    "bn4": BatchNorm(fixed=True),
}
"""What normalises as well, in another way."""


@pytest.fixture(scope="module")
def graph() -> Graph:
    return made_of(BLOCKS)


def made_of(lines) -> Graph:
    made = Graph(lines, SHAPE)
    made.initialise("he", seed=1)
    generator = np.random.default_rng(2)
    for name, each in made.parameters.items():
        made.write(name, made.read(name) + generator.normal(0, 0.1, each.shape))
    return made


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (5, *SHAPE), np.uint8)


def steps(program: Program) -> Counter[str]:
    return Counter(step.kernel.name for step in program.training_steps(Loss()) if step.kernel is not None)


def learnt(graph: Graph, images: np.ndarray, **options) -> tuple[Program, dict[str, bytes]]:
    """All that two steps of training leave, of a whole batch and of a part of it, and a pass outside training."""
    graph = graph.astype(graph.dtype)
    program, left = Program(graph, len(images), **{"gradients": "parameters", **options}), {}
    for count in (len(images), len(images) - 2):
        program.load(images[:count])
        program.labels[...] = np.arange(len(program.labels)) % 3
        program.learn(Loss())
        left[f"{count}: gradients"] = np.array(program.gradient).tobytes()
        left[f"{count}: losses"] = np.array(program.loss_values).tobytes()
        left[f"{count}: scores"] = np.array(program.forward(images[:count])).tobytes()
    return program, left | {name: graph.read(name).tobytes() for name in graph.buffers}


def test_the_bits_are_those_of_the_steps_one_by_one(graph, images):
    apart, expected = learnt(graph, images, keep=None)
    together, found = learnt(graph, images, keep=())
    assert found == expected
    assert {name: steps(together)[name] for name in MERGED} == MERGED
    assert not set(MERGED) & set(steps(apart))
    assert together.bytes < apart.bytes


def test_the_bits_are_the_same_with_scales_and_statistics_that_stay(images):
    graph = made_of([(line[0], OTHERS.get(line[0], line[1]), *line[2:]) for line in BLOCKS])
    _, expected = learnt(graph, images, keep=None)
    together, found = learnt(graph, images, keep=())
    assert found == expected
    left = steps(together)
    assert left["normalization.forward_sum"] == 2
    assert left["normalization.sums_joined"] == 3
    assert left["normalization.backward_rectified"] == 0


def test_passes_over_memory_are_gone(graph, images):
    left = steps(Program(graph, 5, gradients="parameters", keep=()))
    # Those of the leaky ones, and of the sum of three terms.
    assert left["activations.leaky_relu_backward"] == 2
    assert left["joins.add"] == 3
    assert left["normalization.forward"] == 7 - MERGED["normalization.forward_sum"]


@pytest.mark.parametrize("looked_at", ["relu0", "bn1", "bn2", "sum1", "bn down"])
def test_what_somebody_looks_at_is_there(graph, images, looked_at):
    """The output, or the gradient, and all else as before."""
    apart, expected = learnt(graph, images, keep=None)
    for options in ({"keep": [looked_at]}, {"keep": (), "keep_gradients": [looked_at]}):
        program, found = learnt(graph, images, **options)
        assert found == expected
        if options["keep"]:
            np.testing.assert_array_equal(program.output(looked_at), apart.output(looked_at))
            continue
        for each in (program, apart):
            each.graph.write("bn0/running_mean", np.zeros(5))
            each.forward(images, training=True)
            each.backward_loss(np.arange(5) % 3, Loss())
        np.testing.assert_array_equal(program.gradient_at(looked_at), apart.gradient_at(looked_at))


@pytest.mark.parametrize(
    ("rule", "start"),
    [*((rule, "softmax") for rule in activations.RULES), ("standard", "bn3"), ("guided", "relu1")],
)
def test_passes_back_of_any_rule_from_anywhere(graph, images, rule, start):
    found = []
    for keep in ((), None):
        own = graph.astype(graph.dtype)
        program = Program(own, 5, gradients="parameters", keep=keep, keep_gradients=[start])
        program.forward(images, training=True)
        program.gradient[...] = 0
        signal = np.random.default_rng(3).standard_normal((5, *own.shapes[start])).astype(np.float32)
        program.backward(start, signal, rule=rule)
        found.append(np.array(program.gradient))
    reached = {start, *graph.ancestors(start)}
    for one, other in zip(*(own_gradients(graph, each, reached) for each in found), strict=True):
        assert one.tobytes() == other.tobytes()


def own_gradients(graph, row, nodes):
    """Of the row of all gradients those of some nodes."""
    return [each.view(row) for each in graph.parameters.values() if each.node in nodes]


def test_gradients_by_differences(graph, images):
    graph = graph.astype(np.float64)
    program = Program(graph, 5, gradients="parameters", keep=())
    assert {name: steps(program)[name] for name in MERGED} == MERGED
    labels = np.arange(5) % 3

    def loss() -> float:
        program.forward(images, training=True, until="scores")
        return float(program.losses(labels, Loss()).mean())

    loss()
    program.backward_loss(labels, Loss())
    gradients = {
        node: {key: np.array(value) for key, value in own.items()} for node, own in program.gradients.items()
    }
    generator = np.random.default_rng(4)
    for name, each in graph.parameters.items():
        value, place = graph.read(name).copy(), tuple(map(int, generator.integers(0, each.shape)))
        at = []
        for change in (1e-6, -1e-6):
            changed = value.copy()
            changed[place] += change
            graph.write(name, changed)
            at.append(loss())
        graph.write(name, value)
        assert (at[0] - at[1]) / 2e-6 == pytest.approx(
            gradients[each.node][each.key][place], rel=1e-4, abs=1e-8
        )


def test_where_nothing_is_learned_every_step_is_by_itself(graph, images):
    for gradients in ("none", "input"):
        program = Program(graph, 5, gradients=gradients, keep=())
        kernels = {step.kernel for step in program._emission(True).forward()}
        assert {normalization.forward, joins.add} <= kernels
        assert program._compiled.rewrites.merges is None
