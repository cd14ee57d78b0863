"""What is wrong with layers, on networks that were made to have each fault."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from numbacnn.analysis import Diagnosis, Steps, diagnose, findings
from numbacnn.analysis.diagnosis import stuck
from numbacnn.data import Dataset
from numbacnn.errors import DataError, UsageError
from numbacnn.graph import Graph
from numbacnn.layers import (
    ELU,
    Clip,
    Dense,
    Flatten,
    Layer,
    LeakyReLU,
    Pixels,
    Ramp,
    ReLU,
    ReLU6,
    Sigmoid,
    Softmax,
    Tanh,
)
from numbacnn.network import Network
from numbacnn.program import Loss
from numbacnn.storage import load_model
from numbacnn_cli.runs import PACKAGED_MODEL

PICTURES = np.random.default_rng(0).integers(0, 256, (64, 4, 4, 1), np.uint8)
LABELS = (PICTURES.reshape(64, -1).mean(axis=1) > 127).astype(np.int64)


def network(activation: Callable[[], Layer], depth: int = 3, deviation: float | None = None) -> Network:
    """So many dense layers of 20 units, each with that activation behind it, and two classes."""
    layers: list[tuple[str, Layer]] = [("pixels", Pixels(mean=127.0, scale=1 / 64)), ("flatten", Flatten())]
    for index in range(1, depth + 1):
        layers += [(f"dense{index}", Dense(20)), (f"act{index}", activation())]
    graph = Graph([*layers, ("scores", Dense(2)), ("softmax", Softmax())], (4, 4, 1))
    if deviation is None:
        graph.initialise("he", seed=1)
    else:
        graph.initialise("normal", seed=1, deviation=deviation)
    return Network(graph)


def set_parameter(net: Network, name: str, change: Callable[[Any], Any]) -> None:
    node, parameter = name.split("/")
    net.graph.write(name, change(net.parameter(node, parameter).copy()))


def measured(net: Network, **options: Any) -> Diagnosis:
    return diagnose(net, [(PICTURES[:32], LABELS[:32]), (PICTURES[32:], LABELS[32:])], **options)


def kinds(diagnosis: Diagnosis) -> set[tuple[str, str]]:
    return {(each.layer, each.kind) for each in findings(diagnosis)}


def test_nothing_is_wrong_with_the_model_in_the_package() -> None:
    net, _ = load_model(PACKAGED_MODEL)
    train = Dataset.open("digits").train
    diagnosis = diagnose(net, [(train.read(slice(0, 64)), train.labels[:64])])
    assert diagnosis.images == 64
    assert diagnosis.error < 0.1
    assert findings(diagnosis) == []


def test_a_fresh_network_is_well() -> None:
    assert kinds(measured(network(ReLU))) == set()


def test_what_is_measured() -> None:
    net = network(ReLU)
    before = {name: net.graph.read(name).copy() for name in ("dense1/weights", "scores/bias")}
    diagnosis = measured(net, steps=Steps(0.1, momentum=0.5))
    assert [layer.layer for layer in diagnosis.layers] == [
        "dense1", "act1", "dense2", "act2", "dense3", "act3", "scores",
    ]  # fmt: skip
    first = diagnosis.layers[0]
    outputs = net.activations(PICTURES, "dense1").astype(float)
    assert first.mean == pytest.approx(outputs.mean(), rel=1e-5)
    assert first.spread == pytest.approx(outputs.std(), rel=1e-5)
    np.testing.assert_allclose(
        first.quantiles, np.quantile(outputs, (0.05, 0.25, 0.5, 0.75, 0.95)), rtol=1e-5
    )
    weights = net.parameter("dense1", "weights").astype(float)
    assert first.weights == pytest.approx(np.sqrt(np.mean(weights**2)), rel=1e-6)
    gradients = []
    for start in (0, 32):
        plan = net.program(32, "parameters")
        plan.forward(PICTURES[start : start + 32])
        plan.backward_loss(LABELS[start : start + 32], Loss())
        gradients.append(np.mean(np.square(plan.gradients["dense1"]["weights"], dtype=float)))
    assert first.gradient == pytest.approx(np.sqrt(np.mean(gradients)), rel=1e-6)
    assert first.update == pytest.approx(0.1 / np.sqrt(0.75) * first.gradient / first.weights, rel=1e-6)
    assert diagnosis.error == pytest.approx(np.mean(net.predict(PICTURES).argmax(axis=1) != LABELS))
    rectified = np.maximum(outputs, 0)
    assert diagnosis.layers[1].off == pytest.approx(np.mean(rectified == 0))
    for name, values in before.items():
        np.testing.assert_array_equal(net.graph.read(name), values)


def test_adaptive_steps_move_by_the_learning_rate() -> None:
    assert Steps(0.01, adaptive=True).length(123.0) == 0.01
    assert Steps(0.01, adaptive=True).length(0.0) == 0.0
    assert Steps(0.01, momentum=0.6).length(2.0) == pytest.approx(0.025)


def test_dead_units() -> None:
    net = network(ReLU)
    set_parameter(net, "dense2/bias", lambda bias: np.where(np.arange(20) < 7, -1e4, bias))
    diagnosis = measured(net)
    assert ("act2", "dead-units") in kinds(diagnosis)
    assert diagnosis.layers[3].dead == list(range(7))
    found = next(each for each in findings(diagnosis) if each.kind == "dead-units")
    assert found.message == "7 of 20 units of act2 are off for every picture"
    assert found.value == pytest.approx(0.35)
    assert "learning rate" in found.advice


def test_a_few_dead_units_are_no_finding() -> None:
    net = network(ReLU)
    set_parameter(net, "dense2/bias", lambda bias: np.where(np.arange(20) < 1, -1e4, bias))
    assert "dead-units" not in {kind for _, kind in kinds(measured(net))}


def test_rectifiers_that_hardly_ever_open() -> None:
    net = network(ReLU)
    outputs = net.activations(PICTURES, "dense2")
    set_parameter(net, "dense2/bias", lambda bias: bias - np.quantile(outputs, 0.985, axis=0))
    assert ("act2", "mostly-off") in kinds(measured(net))


@pytest.mark.parametrize("activation", [Sigmoid, Tanh, Ramp], ids=lambda layer: str(layer.kind))
def test_saturated(activation: Callable[[], Layer]) -> None:
    assert ("act1", "saturated") in kinds(measured(network(activation, deviation=20.0)))
    assert "saturated" not in {kind for _, kind in kinds(measured(network(activation, deviation=0.1)))}


def test_a_gradient_that_vanishes() -> None:
    found = kinds(measured(network(Sigmoid, depth=8, deviation=0.3)))
    assert ("dense1", "vanishing-gradient") in found


def test_a_gradient_that_explodes() -> None:
    net = network(ReLU, depth=5)
    set_parameter(net, "dense1/weights", lambda weights: weights * 1e-4)
    set_parameter(net, "dense1/bias", lambda bias: bias + 1)
    assert ("dense1", "exploding-gradient") in kinds(measured(net))


@pytest.mark.parametrize(
    ("deviation", "kind"), [(0.02, "shrinking-activations"), (3.0, "growing-activations")]
)
def test_activations_that_shrink_or_grow(deviation: float, kind: str) -> None:
    diagnosis = measured(network(Tanh if deviation < 1 else ReLU, depth=4, deviation=deviation))
    assert kind in {kind for _, kind in kinds(diagnosis)}
    assert sum(each.kind == kind for each in findings(diagnosis)) == 1


def test_updates_that_are_too_large_or_too_small() -> None:
    net = network(ReLU)
    assert {kind for _, kind in kinds(measured(net, steps=Steps(100.0)))} == {"large-updates"}
    assert {kind for _, kind in kinds(measured(net, steps=Steps(1e-9)))} == {"small-updates"}


def test_numbers_that_are_not_finite() -> None:
    net = network(ReLU)
    set_parameter(net, "dense2/weights", lambda weights: np.where(weights > 0.3, np.nan, weights))
    found = findings(measured(net))
    assert [(each.layer, each.kind) for each in found] == [("dense2", "not-finite")]


def test_scores_that_are_worse_than_guessing_and_one_class() -> None:
    net = network(ReLU)
    set_parameter(net, "scores/bias", lambda bias: bias + np.array([500.0, 0.0]))
    assert {("scores", "worse-than-guessing"), ("scores", "one-class")} <= kinds(measured(net))


def test_one_class_is_no_finding_where_the_pictures_are_of_one() -> None:
    net = network(ReLU)
    set_parameter(net, "scores/bias", lambda bias: bias + np.array([50.0, 0.0]))
    own = LABELS == 0
    diagnosis = diagnose(net, [(PICTURES[own], LABELS[own])])
    assert findings(diagnosis) == []


@pytest.mark.parametrize(
    ("layer", "outputs", "expected"),
    [
        (ReLU(), [0, 0, 1], (2, 0)),
        (LeakyReLU(), [0, -1, 1], (0, 0)),
        (LeakyReLU(slope=0.0), [0, 1], (1, 0)),
        (ReLU6(), [0, 3, 6], (1, 1)),
        (Clip(0.0, 1.0), [0, 0.5, 1, 1], (1, 2)),
        (Clip(-2.0, 1.0), [-2, 0, 1, 1], (0, 3)),
        (Ramp(), [-1, 0, 1], (0, 2)),
        (Sigmoid(), [0.001, 0.5, 0.999, 0.1], (0, 2)),
        (Tanh(), [-0.99, 0, 0.99, 0.9], (0, 2)),
        (ELU(alpha=2.0), [-1.99, -1, 3], (0, 1)),
    ],
    ids=lambda value: value.kind if isinstance(value, Layer) else "",
)
def test_where_curves_are_flat(layer: Layer, outputs: list[float], expected: tuple[int, int]) -> None:
    assert stuck(layer, np.array(outputs)) == expected


def test_nothing_to_look_at() -> None:
    with pytest.raises(DataError, match="no pictures"):
        diagnose(network(ReLU), [])
    with pytest.raises(UsageError, match="one of one class a picture"):
        measured(network(ReLU), loss=Loss("squared-error"))
