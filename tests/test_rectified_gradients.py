"""Gradients that are masked for the rectifier before them by the step that writes them: the same bits, a step less for each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from numbacnn.graph import Graph
from numbacnn.layers import (
    Add,
    Convolution,
    Dense,
    Flatten,
    GlobalAveragePool,
    LeakyReLU,
    MaxPool,
    Pixels,
    ReLU,
    Softmax,
)
from numbacnn.program import Loss, Program


def network() -> Graph:
    lines: list[tuple[Any, ...]] = [
        ("pixels", Pixels(mean=120.0, scale=1 / 60)),
        ("conv1", Convolution(4, 3, padding=1)),
        ("relu1", ReLU()),
        ("pool1", MaxPool(2, stride=2)),
        ("conv2", Convolution(4, 3, padding=1)),
        ("relu2", LeakyReLU()),
        ("conv3", Convolution(4, 3, padding=1)),
        ("sum", Add(), ("conv3", "relu2")),
        ("relu3", ReLU()),
        ("conv4", Convolution(6, 1), ("relu3",)),
        ("relu4", ReLU()),
        ("mean", GlobalAveragePool()),
        ("flat", Flatten()),
        ("dense1", Dense(5)),
        ("relu5", ReLU()),
        ("scores", Dense(3)),
        ("softmax", Softmax()),
    ]
    return Graph(lines, (8, 8, 1))


WRITERS = {
    "pooling.max_backward_masked",
    "joins.accumulate_masked",
    "convolution.backward_input_masked",
    "pooling.sum_backward_masked",
    "dense.backward_input_masked",
}
IMAGES = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), np.uint8)


def gradients(graph: Graph, *, masks: bool, kept: tuple[str, ...] = (), rule: str = "standard") -> Any:
    """(gradients of a pass, the names of its steps back)."""
    plan = Program(graph, len(IMAGES), gradients="all", keep=(), keep_gradients=kept)
    plan._compiled.rewrites.masks = masks
    plan.forward(IMAGES, training=True)
    if rule == "standard":
        found = [np.array(plan.backward_loss(np.array([0, 2, 1]), Loss()))]
    else:
        found = [np.array(plan.backward(plan.scores, np.ones((3, 3), np.float32), rule=rule))]
    found += [np.array(plan.gradient), *(np.array(plan.gradient_at(name)) for name in kept)]
    steps = plan._compiled.rewrites.backward(plan._emission(True).backward(plan.scores))
    return [each.tobytes() for each in found], [step.kernel.name for step in steps]


@pytest.fixture(scope="module")
def graph() -> Graph:
    made = network()
    made.initialise("he", 1)
    return made


def test_every_rectifier_in_place_is_masked_by_what_writes_its_gradient(graph: Graph) -> None:
    plain, steps = gradients(graph, masks=False)
    assert steps.count("activations.leaky_relu_backward") == 5
    found, fewer = gradients(graph, masks=True)
    assert found == plain
    assert len(fewer) == len(steps) - 5
    assert {name for name in fewer if name.endswith("_masked")} == WRITERS


def test_a_gradient_that_is_to_be_read_is_not_masked(graph: Graph) -> None:
    kept = ("relu2", "relu4")
    plain, _ = gradients(graph, masks=False, kept=kept)
    found, steps = gradients(graph, masks=True, kept=kept)
    assert found == plain
    assert steps.count("activations.leaky_relu_backward") == len(kept)


def test_other_rules_are_left_alone(graph: Graph) -> None:
    plain, _ = gradients(graph, masks=False, rule="guided")
    assert gradients(graph, masks=True, rule="guided")[0] == plain
