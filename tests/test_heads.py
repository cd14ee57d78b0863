"""Several losses at several nodes of a network, of every kind of target, taken back together."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from few_digits import few

from numbacnn import load, save, train
from numbacnn.architectures import build
from numbacnn.errors import DataError, NetworkError, ShapeError, UsageError
from numbacnn.graph import Graph, LayerLine
from numbacnn.layers import Add, Convolution, Dense, Flatten, MaxPool, ReLU, Sigmoid, Softmax
from numbacnn.program import LOSS_NAMES, Head, Loss, Program
from numbacnn.training import preprocessing

SHAPE = (6, 6, 2)


def lines() -> list[LayerLine]:
    """A trunk, whose first layer an auxiliary classifier and a map of every position read too."""
    return [
        ("conv1", Convolution(3, 3, padding=1)),
        ("relu1", ReLU()),
        ("pool1", MaxPool(2)),
        ("flat", Flatten()),
        ("scores", Dense(4)),
        ("softmax", Softmax()),
        ("map", Convolution(5, 1), ("relu1",)),
        ("early", Flatten(), ("relu1",)),
        ("aux", Dense(4)),
        ("aux softmax", Softmax()),
        ("end", Dense(3), ("flat",)),
    ]


def graph_of(dtype: Any = np.float64) -> Graph:
    graph = Graph(lines(), SHAPE, heads={"softmax": 1.0, "map": 1.0, "aux softmax": 0.3}, dtype=dtype)
    graph.initialise("he", 3)
    return graph


HEADS = {
    "class": Head("scores", Loss(smoothing=0.1)),
    "aux": Head("aux", Loss("hinge"), weight=0.3),
    "map": Head("map", Loss("pixel-softmax", ignore=9), weight=2.0),
    "numbers": Head("end", Loss("huber", delta=0.4), weight=0.5),
}


def given(count: int) -> tuple[Any, Any, dict[str, Any]]:
    generator = np.random.default_rng(5)
    images = generator.integers(0, 256, (count, *SHAPE)).astype(np.uint8)
    of_map = generator.integers(0, 5, (count, 6, 6))
    of_map[generator.random(of_map.shape) < 0.3] = 9
    return (
        images,
        generator.integers(0, 4, count),
        {"map": of_map, "numbers": generator.standard_normal((count, 3))},
    )


def total(graph: Graph, heads: dict[str, Head], images: Any, labels: Any, targets: dict[str, Any]) -> float:
    """The sum of all heads' mean losses, each with its weight."""
    program = Program(graph, len(images), gradients="parameters", heads=heads)
    program.forward(images, training=True)
    program.backward_heads(labels, targets)
    return sum(head.weight * float(program.losses_of(key).mean()) for key, head in heads.items())


@pytest.mark.parametrize("keep", [None, ()])
def test_gradients_of_all_heads_are_those_of_their_sum(keep: tuple[str, ...] | None) -> None:
    graph, (images, labels, targets) = graph_of(), given(3)
    program = Program(graph, 3, gradients="all", keep=keep, heads=HEADS)
    program.forward(images, training=True)
    pixels = program.backward_heads(labels, targets)
    assert pixels is not None
    assert np.any(pixels)
    generator = np.random.default_rng(1)
    for node, arrays in program.gradients.items():
        for key, gradient in arrays.items():
            value, place = graph.parameters[f"{node}/{key}"].value, generator.integers(gradient.size)
            before, ends = value.flat[place], []
            for step in (1e-6, -1e-6):
                value.flat[place] = before + step
                ends.append(total(graph, HEADS, images, labels, targets))
            value.flat[place] = before
            assert gradient.flat[place] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5, abs=1e-8), node


def test_memory_that_is_used_again_changes_no_bit() -> None:
    graph, (images, labels, targets) = graph_of(np.float32), given(4)
    found = []
    for keep in (None, ()):
        program = Program(graph, 4, gradients="parameters", keep=keep, heads=HEADS)
        for count in (4, 2, 4):
            program.forward(images[:count], training=True)
            program.backward_heads(labels[:count], {key: value[:count] for key, value in targets.items()})
            found.append(np.array(program.gradient))
        assert program.bytes > 0
    for one, other in zip(found[:3], found[3:], strict=True):
        assert one.tobytes() == other.tobytes()


def test_a_head_of_no_weight_adds_nothing() -> None:
    graph, (images, labels, _) = graph_of(np.float32), given(3)
    several = Program(
        graph, 3, gradients="parameters", heads={"class": Head("scores"), "aux": Head("aux", weight=0)}
    )
    several.forward(images, training=True)
    several.backward_heads(labels)
    alone = Program(graph, 3, gradients="parameters", heads={"class": Head("scores")})
    alone.forward(images, training=True)
    alone.backward_heads(labels)
    for key in ("conv1", "scores"):
        for name, gradient in alone.gradients[key].items():
            np.testing.assert_array_equal(several.gradients[key][name], gradient)
    np.testing.assert_array_equal(several.losses_of("class"), alone.losses_of("class"))
    with pytest.raises(UsageError, match="no head looks at 'end'"):
        _ = several.loss_values


def test_every_loss_by_itself() -> None:
    images = given(2)[0]
    generator = np.random.default_rng(8)
    for name in LOSS_NAMES:
        loss = Loss(name, delta=0.7)
        graph = Graph([("map", Convolution(3, 2)), ("flat", Flatten()), ("end", Dense(3))], SHAPE)
        if loss.targets == "pixels":
            graph = Graph([("end", Convolution(3, 2))], SHAPE)
        graph = graph.astype(np.float64)
        graph.initialise("he", 1)
        shape = (2, *loss.target_shape(graph.shapes["end"]))
        targets = generator.random(shape) if loss.targets == "numbers" else generator.integers(0, 3, shape)
        heads = {"end": Head("end", loss, labels=False)}
        program = Program(graph, 2, gradients="parameters", heads=heads)
        program.forward(images)
        program.backward_heads(targets={"end": targets})
        value, gradient = graph.parameters["end/weights"].value, program.gradients["end"]["weights"]
        before, ends = value.flat[1], []
        for step in (1e-7, -1e-7):
            value.flat[1] = before + step
            ends.append(total(graph, heads, images, None, {"end": targets}))
        assert gradient.flat[1] == pytest.approx((ends[0] - ends[1]) / 2e-7, rel=1e-4, abs=1e-7), name


def test_what_no_head_needs_is_not_computed() -> None:
    graph = graph_of(np.float32)
    computed = {step.node for step in Program(graph, 2, keep=())._forward_steps("end")}
    assert computed == {"pixels", "conv1", "pool1", "end"}
    aux = Program(graph, 2, keep=(), heads={"aux": Head("aux")})
    assert {step.node for step in aux._forward_steps("end")} == {*computed, "aux"}


@pytest.mark.parametrize(
    ("heads", "error", "message"),
    [
        ({"a": Head("aux"), "b": Head("aux", Loss("hinge"))}, UsageError, "two heads look at 'aux'"),
        ({"a": Head("nothing")}, UsageError, "no layer is named 'nothing'"),
        ({"a": Head("aux", weight=-1)}, UsageError, "head 'a' has the weight -1"),
        ({"a": Head("map")}, ShapeError, "head 'a' at 'map': loss 'log-softmax' looks at one score a class"),
        ({"a": Head("aux", Loss("pixel-softmax"))}, ShapeError, r"looks at scores \(H, W, classes\)"),
    ],
)
def test_heads_that_do_not_fit(heads: dict[str, Head], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Program(graph_of(), 2, heads=heads)


@pytest.mark.parametrize(
    ("labels", "targets", "error", "message"),
    [
        ([0, 4], {}, DataError, "label 4: a class from 0 to 3"),
        (None, {"map": np.full((2, 6, 6), 5)}, DataError, "label 5: a class from 0 to 4, or 9 to be ignored"),
        (None, {"map": np.zeros((2, 6, 5), int)}, ShapeError, r"targets of shape \(2, 6, 5\): \(2, 6, 6\)"),
        (None, {"number": np.zeros((2, 3))}, UsageError, "no head is named 'number'.*'numbers'"),
    ],
)
def test_targets_that_do_not_fit(labels: Any, targets: Any, error: type[Exception], message: str) -> None:
    program = Program(graph_of(), 2, gradients="parameters", heads=HEADS)
    program.forward(given(2)[0])
    with pytest.raises(error, match=message):
        program.backward_heads(None if labels is None else np.array(labels), targets)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "hubert"}, "unknown loss 'hubert'.*'huber'"),
        ({"smoothing": 1.0}, "label smoothing 1: at least 0 and below 1"),
        ({"name": "hinge", "smoothing": 0.1}, "for the loss 'log-softmax', and the loss is 'hinge'"),
        ({"name": "huber", "delta": math.inf}, "delta inf: a number above 0"),
    ],
)
def test_options_of_a_loss(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Loss(**options)


def test_a_program_without_heads_says_so() -> None:
    program = Program(graph_of(), 2, gradients="parameters")
    program.forward(given(2)[0])
    with pytest.raises(UsageError, match="this Program has no heads"):
        program.backward_heads(np.zeros(2, int))
    with pytest.raises(UsageError, match=r"'binary' has other targets.*Program\(…, heads=…\)"):
        program.backward_loss(np.zeros(2, int), Loss("binary"))


@pytest.mark.parametrize(
    ("heads", "message"),
    [
        ({}, "nothing reads layer 'softmax': only the last layer and the heads"),
        ({"flat": 1.0}, "head 'flat': it is read by another"),
        ({"end": 1.0}, "head 'end': it is the output"),
        ({"none": 1.0}, "head 'none': no layer has that name"),
        ({"softmax": math.nan}, "head 'softmax' has the weight nan"),
    ],
)
def test_heads_of_a_graph_are_ends(heads: dict[str, float], message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        Graph(lines(), SHAPE, heads=heads)


def test_a_head_where_a_rectifier_works_in_place() -> None:
    """The loss looks at what the next layer would write over."""
    lines: list[LayerLine] = [
        ("flat", Flatten()),
        ("scores", Dense(4)),
        ("relu", ReLU()),
        ("bend", Sigmoid()),
        ("sum", Add(), ("bend", "scores")),
    ]
    graph = Graph(lines, SHAPE)
    graph.initialise("he", 2)
    images, labels, _ = given(3)
    found = []
    for keep in (None, ()):
        heads = {"one": Head("scores"), "two": Head("sum", Loss("square"))}
        program = Program(graph, 3, gradients="all", keep=keep, heads=heads)
        program.forward(images)
        found.append(np.array(program.backward_heads(labels)))
    assert found[0].tobytes() == found[1].tobytes()


TOML = """
input = [8, 8, 1]

[layers]
conv1 = { type = "convolution", filters = 4, kernel = 3 }
relu1 = { type = "relu" }
early = { type = "flatten" }
aux = { type = "dense", outputs = 10 }
"aux softmax" = { type = "softmax" }
flat = { type = "flatten", inputs = ["relu1"] }
scores = { type = "dense", outputs = 10 }
softmax = { type = "softmax" }

[heads]
"aux softmax" = 0.3
"""


def test_an_auxiliary_classifier_learns_and_is_stored(tmp_path: Path) -> None:
    (tmp_path / "two.toml").write_text(TOML)
    dataset = few()
    network = build(tmp_path / "two.toml", class_names=dataset.class_names, pixels=preprocessing(dataset))
    network.graph.set_rate(0.5, nodes=["scores"])
    before = network.graph.snapshot()
    *_, finished = train(
        network, dataset, epochs=6, batch_size=32, learning_rate=0.05, momentum=0.9, label_smoothing=0.1
    )
    assert finished.best_error < 0.5
    for name in ("aux/weights", "scores/weights", "conv1/weights"):
        assert (network.graph.read(name) != before[name]).any()
    early = network.activations(dataset.validation.images, "aux softmax").argmax(axis=1)
    assert (early == dataset.validation.labels).mean() > 0.4
    network.graph.set_trainable(False, nodes=["aux"])
    save(tmp_path / "model.h5", network)
    graph = load(tmp_path / "model.h5").graph
    assert graph.heads == {"aux softmax": 0.3}
    assert not graph.parameters["aux/bias"].trainable
    assert graph.parameters["scores/weights"].rate == 0.5
    with h5py.File(tmp_path / "model.h5") as file:
        assert file.attrs["format_version"] == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ('"aux softmax" = 0.3', "nothing reads layer 'aux softmax'"),
        ("0.3", "two.toml:14: .heads. with lines NAME = share is expected"),
    ],
)
def test_heads_of_a_file_that_are_none(tmp_path: Path, change: str, message: str) -> None:
    (tmp_path / "two.toml").write_text(TOML.replace(change, "" if "aux" in change else '"much"'))
    with pytest.raises(NetworkError, match=message):
        build(tmp_path / "two.toml")
