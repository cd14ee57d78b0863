"""Optimizers beside their formulas, and what can be put around a step: clipping, accumulation, averaged weights, a hook."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from few_digits import DIGITS, few, network_for

from numbacnn.architectures import build
from numbacnn.errors import UsageError
from numbacnn.graph import Graph
from numbacnn.layers import Convolution, Dense, Flatten, Pixels, ReLU, Softmax
from numbacnn.network import Network
from numbacnn.program import Loss
from numbacnn.training import (
    BatchDone,
    EpochDone,
    RunFolder,
    Settings,
    Trainer,
    settings_for,
    train,
)
from numbacnn.training.optimizers import OPTIMIZERS, optimizer_for
from numbacnn.training.step import TrainingStep

FEW = few()


def network(**options: Any) -> Network:
    return network_for(FEW, **options)


def weights(of: Network) -> list[bytes]:
    return [array.tobytes() for array in of.graph.snapshot().values()]


def follow(optimizer: str, gradients: list[Any], start: Any, **options: Any) -> Any:
    """The definitions, in float64, for parameters that decay."""
    settings = Settings(optimizer=optimizer, **options)
    w, v, m, s = start.astype(np.float64), 0.0, 0.0, 0.0
    for t, each in enumerate(gradients, 1):
        g, rate, decay = each.astype(np.float64), settings.learning_rate, settings.weight_decay
        if optimizer != "adamw":
            g = g + decay * w
        if optimizer == "sgd":
            v = settings.momentum * v - rate * g
            w = w + (settings.momentum * v - rate * g if settings.nesterov else v)
            continue
        if optimizer == "adamw":
            w = w - rate * decay * w
        m = settings.beta1 * m + (1 - settings.beta1) * g
        s = settings.beta2 * s + (1 - settings.beta2) * g * g
        w = w - rate * (m / (1 - settings.beta1**t)) / (np.sqrt(s / (1 - settings.beta2**t)) + 1e-8)
    return w


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("sgd", {}),
        ("sgd", {"nesterov": True}),
        ("adam", {}),
        ("adam", {"beta1": 0.5, "beta2": 0.9}),
        ("adamw", {}),
    ],
)
def test_three_steps_are_the_definitions(name: str, options: dict[str, Any]) -> None:
    graph = network().graph
    start = graph.read("conv1/weights").copy()
    settings = Settings(optimizer=name, weight_decay=0.1, learning_rate=0.01, **options)
    optimizer = optimizer_for(graph, settings)
    generator = np.random.default_rng(0)
    rows = [generator.standard_normal(graph.layout.trained).astype(np.float32) for _ in range(3)]
    for row in rows:
        optimizer.step(row, settings.learning_rate)
    gradients = [graph.parameters["conv1/weights"].view(row) for row in rows]
    expected = follow(name, gradients, start, weight_decay=0.1, learning_rate=0.01, **options)
    np.testing.assert_allclose(graph.read("conv1/weights"), expected, rtol=2e-5, atol=1e-6)
    assert optimizer.moves()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_learns_with_its_default_rate(name: str) -> None:
    settings = settings_for("digits", epochs=6, optimizer=name)
    rows = [event.row for event in train(network(), FEW, settings) if isinstance(event, EpochDone)]
    assert rows[-1]["train_loss"] < 0.7 * rows[0]["train_loss"]


@pytest.mark.parametrize("stop_after", [4, 7])
@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": "adam"},
        {"optimizer": "adamw", "accumulate": 3},
        {"lookahead": 2, "whiten": 1e-3, "whiten_bias_epochs": 1, "even_decay": True, "border": "reflect"},
        {"optimizer": "sgd", "nesterov": True, "clip_norm": 0.5, "average_weights": 0.9, "accumulate": 2},
    ],
    ids=lambda options: " ".join(map(str, options.values())),
)
def test_a_resumed_run_ends_with_the_same_bits(
    tmp_path: Path, options: dict[str, Any], stop_after: int
) -> None:
    settings = settings_for("digits", epochs=3, schedule="halve", patience=1, translate=1, **options)
    whole = network()
    list(train(whole, FEW, settings))
    trainer = Trainer(network(), FEW, settings)
    steps = 0
    for event in trainer:
        steps += isinstance(event, BatchDone)
        if steps == stop_after:
            break
    folder = RunFolder(tmp_path)
    folder.save_last(trainer, {"data": "few", "network": "digits", "settings": settings.as_dict()})
    resumed, _, numbers, arrays = folder.load_last()
    list(Trainer(resumed, FEW, settings, (numbers, arrays)))
    assert weights(resumed) == weights(whole)


def step_of(built: Network, count: int, **options: Any) -> tuple[TrainingStep, Any]:
    program = built.program(count, "parameters")
    optimizer = optimizer_for(built.graph, Settings(learning_rate=0.1, weight_decay=0.0, momentum=0.0))
    return TrainingStep(program, Loss(), optimizer, **options), np.zeros((4, 2), np.float32)


def load(step: TrainingStep, first: int, count: int) -> None:
    step.program.load(DIGITS.train.read(slice(first, first + count)))
    step.program.device.write(step.program.labels, DIGITS.train.labels[first : first + count])


def plain() -> Network:
    """Without dropout, whose masks depend on a picture's place in its batch."""
    lines = [("conv1", Convolution(6, 3)), ("relu1", ReLU()), ("flatten", Flatten()), ("dense2", Dense(10))]
    built = Network(Graph([("pixels", Pixels(scale=0.01)), *lines, ("softmax", Softmax())], (8, 8, 1)))
    built.initialise(seed=2)
    return built


def test_two_halves_accumulated_are_one_batch() -> None:
    whole, halves = plain(), plain()
    step, rows = step_of(whole, 32)
    load(step, 0, 32)
    step(0.1, rows)
    parts, rows = step_of(halves, 16, accumulate=2)
    before = weights(halves)
    load(parts, 0, 16)
    parts(0.1, rows)
    assert weights(halves) == before
    load(parts, 16, 16)
    parts(0.1, rows)
    for name, array in whole.graph.snapshot().items():
        np.testing.assert_allclose(halves.graph.read(name), array, rtol=1e-4, atol=1e-6)


def test_a_long_gradient_is_shortened_and_the_hook_sees_it_before() -> None:
    seen: list[Any] = []
    built = build("digits", pixels=Pixels(scale=0.01))
    before = built.graph.snapshot()
    step, rows = step_of(built, 32, clip_norm=0.01, hook=lambda gradient: seen.append(gradient.copy()))
    load(step, 0, 32)
    step(1.0, rows)
    moved = [array - before[name] for name, array in built.graph.snapshot().items()]
    length = np.sqrt(sum(float((each.astype(np.float64) ** 2).sum()) for each in moved))
    assert np.linalg.norm(seen[0]) > 0.1
    assert length == pytest.approx(0.01, rel=1e-2)


def test_what_is_measured_and_kept_is_the_average() -> None:
    settings = settings_for("digits", epochs=2, average_weights=0.9)
    trainer = Trainer(network(), FEW, settings)
    for event in trainer:
        if isinstance(event, EpochDone):
            average, graph = trainer.step.average, trainer.network.graph
            assert average is not None
            own = graph.read("conv1/weights").copy()
            with average.in_place():
                measured = graph.read("conv1/weights").copy()
            assert (graph.read("conv1/weights") == own).all()
            assert (measured != own).any()
            if event.improved:
                assert (trainer.state.best_weights["conv1/weights"] == measured).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": "addam"}, "--optimizer addam: no such optimizer; did you mean 'adam'?"),
        ({"beta2": 1.0}, "--beta2 1: at least 0 and below 1"),
        ({"average_weights": 1.0}, "--average-weights 1: at least 0 and below 1"),
        ({"accumulate": 0}, "--accumulate 0"),
        ({"clip_norm": -1.0}, "--clip-norm -1"),
    ],
)
def test_options_that_cannot_be_meant(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        Settings(**options)
    assert message in str(caught.value)
