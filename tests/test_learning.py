"""Large weights that learn in the pass back: the same bits as by an update afterwards, and no whole gradient of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from numbacnn.errors import UsageError
from numbacnn.graph import Graph
from numbacnn.layers import BatchNorm, Convolution, Dense, Dropout, Flatten, Pixels, ReLU, Softmax
from numbacnn.network import Network
from numbacnn.program import Loss, learning
from numbacnn.training.optimizers import OPTIMIZERS
from numbacnn.training.step import TrainingStep, learner_for, program_of

SHAPE, CLASSES = (5, 7, 2), 3
NODES = [
    ("pixels", Pixels(mean=100.0, scale=1 / 64)),
    ("conv1", Convolution(4, 3)),
    ("bn1", BatchNorm()),  # which pictures as lanes do not take
    ("relu1", ReLU()),
    ("flatten", Flatten()),
    ("dense2", Dense(37)),
    ("relu2", ReLU()),
    ("drop2", Dropout(0.4)),
    ("dense3", Dense(300, bias=False)),
    ("relu3", ReLU()),
    ("dense4", Dense(CLASSES)),
    ("softmax", Softmax()),
]
BATCH = 6


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Two of three dense layers are large, and the second has several parts, the last of which is shorter."""
    monkeypatch.setattr(learning, "_LARGE", 2000)
    monkeypatch.setattr(learning, "_PART", 3000)


def network() -> Network:
    built = Network(Graph(NODES, SHAPE))
    built.initialise(seed=2)
    return built


def batch(count: int, seed: int) -> tuple[Any, Any]:
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (count, *SHAPE), np.uint8), generator.integers(0, CLASSES, count)


def trained(built: Network, name: str, *, in_the_pass: bool, average: float = 0.0) -> dict[str, Any]:
    """All numbers after three steps, the second with fewer pictures."""
    optimizer = OPTIMIZERS[name](built.graph, weight_decay=0.01)
    learner = learner_for(optimizer) if in_the_pass else None
    step = TrainingStep(program_of(built, BATCH, learner=learner), Loss(), optimizer, average=average)
    assert bool(step.program.learned) == in_the_pass
    rows = np.zeros((4, 2), np.float32)
    for number, count in enumerate((BATCH, BATCH - 2, BATCH)):
        images, labels = batch(count, number)
        step.program.load(images)
        step.program.device.write(step.program.labels, labels)
        step.program.set_random(0, number)
        step(0.05, rows)
    return {**built.graph.snapshot(), **{key: row.copy() for key, row in step.rows.items()}, "metrics": rows}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_bits_are_those_of_an_update_afterwards(name):
    expected = trained(network(), name, in_the_pass=False, average=0.9)
    actual = trained(network(), name, in_the_pass=True, average=0.9)
    for key, array in expected.items():
        np.testing.assert_array_equal(actual[key], array, err_msg=key)


def test_factors_of_the_learning_rate_and_what_is_frozen_stay():
    results = []
    for in_the_pass in (False, True):
        built = network()
        built.graph.set_rate(0.5, nodes=["dense3"])
        built.graph.set_trainable(False, nodes=["dense2"])
        results.append(trained(built, "sgd", in_the_pass=in_the_pass))
    for key, array in results[0].items():
        np.testing.assert_array_equal(results[1][key], array, err_msg=key)


def test_gradients_of_parts_take_the_place_of_the_whole():
    built = network()
    optimizer = OPTIMIZERS["sgd"](built.graph)
    whole, parts = built.program(BATCH, "parameters"), program_of(built, BATCH, learner=optimizer)
    learned = [built.graph.parameters[f"{node}/weights"] for node in ("dense2", "dense3")]
    assert parts.learned == sorted((each.first, each.first + each.size) for each in learned)
    assert whole.learned == []
    assert parts.bytes < whole.bytes - 4 * (sum(each.size for each in learned) - 2 * 3000)
    assert "weights" not in parts.gradients["dense3"]
    assert set(parts.gradients["dense2"]) == {"bias"}
    assert set(parts.gradients["dense4"]) == {"weights", "bias"}
    images, labels = batch(BATCH, 0)
    parts.load(images)
    parts.device.write(parts.labels, labels)
    parts.learn(Loss())
    for first, last in parts.learned:
        assert not parts.gradient[first:last].any()


def test_whoever_looks_at_the_whole_gradient_gets_it():
    built = network()
    optimizer = OPTIMIZERS["sgd"](built.graph)
    assert learner_for(optimizer) is optimizer
    for options in ({"clip_norm": 1.0}, {"accumulate": 2}, {"hook": print}):
        assert learner_for(optimizer, **options) is None
        with pytest.raises(UsageError, match=r"look at the whole gradient.*learner=None"):
            TrainingStep(program_of(built, BATCH, learner=optimizer), Loss(), optimizer, **options)
    built.graph.stop_learning(2, "conv1/weights")
    assert learner_for(OPTIMIZERS["sgd"](built.graph)) is None
