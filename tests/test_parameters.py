"""What a graph owns: shared and frozen parameters, buffers, and the row that all parameters lie in."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from numbacnn.errors import NetworkError, ShapeError, UsageError
from numbacnn.graph import Graph
from numbacnn.layers import Add, Convolution, Dense, Flatten, Layer, MaxPool, ReLU, Softmax
from numbacnn.program import Loss, Program
from numbacnn.training.optimizers import SGD

LABELS = np.array([0, 2, 1, 2, 0])
TAIL = [("flatten", Flatten()), ("dense", Dense(3)), ("softmax", Softmax())]


def pictures(count=5, shape=(6, 6, 2), seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape)).astype(np.uint8)


def graph_of(lines, shape=(6, 6, 2), dtype=np.float32):
    graph = Graph(lines, shape, dtype=dtype)
    graph.initialise(seed=1)
    return graph


def gradients(graph, **options):
    plan = Program(graph, 5, gradients="parameters", **options)
    plan.forward(pictures(), training=True)
    plan.backward_loss(LABELS, Loss())
    return {
        f"{node}/{key}": array.copy()
        for node, found in plan.gradients.items()
        for key, array in found.items()
    }


# Sharing


def shared_lines():
    both = Convolution(2, 3, padding=1)
    return [("conv1", both), ("relu1", ReLU()), ("conv2", both), ("relu2", ReLU()), *TAIL]


def test_one_layer_on_two_nodes_is_one_set_of_parameters():
    graph = graph_of(shared_lines())
    assert list(graph.parameters) == ["conv1/weights", "conv1/bias", "dense/weights", "dense/bias"]
    one, other = (graph.parameters_of(graph[name]) for name in ("conv1", "conv2"))
    assert one["weights"] is other["weights"]


@pytest.mark.parametrize("keep", [None, ()])
def test_the_gradients_of_a_shared_parameter_are_added(keep):
    shared = graph_of(shared_lines())
    apart = graph_of(
        [
            ("conv1", Convolution(2, 3, padding=1)),
            ("relu1", ReLU()),
            ("conv2", Convolution(2, 3, padding=1)),
            ("relu2", ReLU()),
            *TAIL,
        ]
    )
    for name in apart.parameters:
        apart.write(name, shared.read(name.replace("conv2", "conv1")))
    found, expected = gradients(shared, keep=keep), gradients(apart, keep=keep)
    for key in ("weights", "bias"):
        both = expected[f"conv1/{key}"] + expected[f"conv2/{key}"]
        np.testing.assert_allclose(found[f"conv1/{key}"], both, rtol=1e-5, atol=1e-7)
    assert (found["dense/weights"] == expected["dense/weights"]).all()


def test_a_shared_layer_has_to_fit_both_inputs():
    both = Convolution(4, 3, padding=1)
    with pytest.raises(ShapeError, match="layer 'conv2': it shares the weights of 'conv1'"):
        Graph([("conv1", both), ("conv2", both)], (6, 6, 2))


# Freezing

LINES = [
    ("conv1", Convolution(4, 3, padding=1)),
    ("relu1", ReLU()),
    ("pool1", MaxPool(2)),
    ("conv2", Convolution(3, 3, padding=1)),
    ("relu2", ReLU()),
    *TAIL,
]


def test_what_is_frozen_gets_no_gradient_and_does_not_move():
    graph = graph_of(LINES)
    before = {name: graph.read(name).copy() for name in graph.parameters}
    whole = Program(graph, 5, gradients="parameters", keep=())
    expected = gradients(graph)
    graph.set_trainable(False, nodes=["conv1"])
    assert {name: (graph.read(name) == before[name]).all() for name in before} == dict.fromkeys(before, True)
    plan = Program(graph, 5, gradients="parameters", keep=())
    assert plan.bytes < whole.bytes
    assert graph.layout.trained < graph.layout.size
    plan.forward(pictures(), training=True)
    plan.backward_loss(LABELS, Loss())
    assert set(plan.gradients["conv1"]) == set()
    assert (plan.gradients["conv2"]["weights"] == expected["conv2/weights"]).all()
    SGD(graph, momentum=0.9, weight_decay=0.1).step(plan.gradient, 0.5)
    moved = {name for name in before if (graph.read(name) != before[name]).any()}
    assert moved == {"conv2/weights", "conv2/bias", "dense/weights", "dense/bias"}


def test_a_backward_pass_stops_above_what_is_frozen():
    graph = graph_of(LINES)
    graph.set_trainable(False, nodes=["conv1", "conv2"])
    plan = Program(graph, 5, gradients="parameters", keep=())
    plan.forward(pictures(), training=True)
    plan.backward_loss(LABELS, Loss())
    assert not {("conv2", "d_output"), ("pool1", "d_output"), ("relu2", "d_output")} & set(plan._memory)
    graph.set_trainable(True)
    assert graph.layout.trained == graph.layout.size


def test_a_factor_of_the_learning_rate():
    graph = graph_of(LINES)
    graph.set_rate(0.1, nodes=["conv1"])
    before = {name: graph.read(name).copy() for name in graph.parameters}
    plan = Program(graph, 5, gradients="parameters", keep=())
    plan.forward(pictures())
    plan.backward_loss(LABELS, Loss())
    SGD(graph, momentum=0.0, weight_decay=0.0).step(plan.gradient, 0.5)
    for name, rate in (("conv1/weights", 0.05), ("conv2/weights", 0.5)):
        node, key = name.split("/")
        expected = before[name] - np.float32(rate) * plan.gradients[node][key]
        np.testing.assert_allclose(graph.read(name), expected, rtol=1e-6, atol=1e-8)


def test_an_unknown_name():
    graph = graph_of(LINES)
    with pytest.raises(NetworkError, match=r"named 'conv1/weight'; did you mean 'conv1/weights'\?"):
        graph.read("conv1/weight")
    with pytest.raises(
        ShapeError, match=r"dense/bias has shape \(3,\), and numbers of shape \(2,\) are given"
    ):
        graph.write("dense/bias", np.zeros(2))
    with pytest.raises(UsageError, match="no layer is named 'conv'"):
        graph.set_trainable(False, nodes=["conv"])


def test_a_graph_without_numbers_computes_nothing():
    with pytest.raises(NetworkError, match="has no weights yet"):
        Program(Graph(LINES, (6, 6, 2)), 5).forward(pictures())


# Layers in Python, and layers that do nothing


@dataclass
class Doubled(Layer):
    """A user's layer that computes with NumPy."""

    kind: ClassVar[str] = "doubled"

    def forward(self, call):
        np.multiply(call.input, 2, out=call.output)

    def backward_input(self, call, d_output, *d_inputs):
        d_inputs[0][...] = 2 * d_output


@dataclass
class Idle(Layer):
    kind: ClassVar[str] = "idle"

    def forward(self, call):
        pass


@pytest.mark.parametrize("keep", [None, ()])
def test_a_layer_in_python_is_called_in_every_pass(keep):
    graph = graph_of([("doubled", Doubled()), ("relu", ReLU())], (2, 2, 1))
    plan = Program(graph, 2, gradients="input", keep=keep)
    for value in (1, 5, 3):
        images = np.full((2, 2, 2, 1), value, np.uint8)
        assert (plan.forward(images) == 2 * value).all()
        d_output = np.full(images.shape, value, np.float32)
        assert (plan.backward("relu", d_output) == 2 * value).all()


def test_a_layer_that_writes_no_output_is_refused():
    with pytest.raises(
        NetworkError, match=r"layer 'idle' \(idle\): its forward pass does not write call.output"
    ):
        Program(graph_of([("idle", Idle()), ("relu", ReLU())], (2, 2, 1)), 1)


# Gradients in the middle


def test_a_gradient_that_is_kept_is_not_overwritten():
    """The gradient at relu1 otherwise lies in the memory of conv1's, which is masked in place."""
    graph = graph_of(LINES)
    exact = Program(graph, 5, gradients="input")
    lean = Program(graph, 5, gradients="input", keep=("relu1",), keep_gradients=("relu1", "conv1"))
    seen = []
    for plan in (exact, lean):
        plan.forward(pictures())
        plan.backward(plan.scores, np.ones((5, 3), np.float32))
        seen.append([plan.gradient_at(node).copy() for node in ("relu1", "conv1")])
    for one, other in zip(*seen, strict=True):
        assert one.tobytes() == other.tobytes()
    masked = seen[0][0] * (exact.output("conv1") > 0)
    assert (seen[0][1] == masked).all()
    assert (seen[0][0] != masked).any()


def test_a_gradient_that_is_not_kept_is_refused():
    plan = Program(graph_of(LINES), 5, gradients="input", keep=())
    plan.forward(pictures())
    plan.backward(plan.scores, np.ones((5, 3), np.float32))
    with pytest.raises(UsageError, match=r"the gradient at 'relu1' is not kept.*keep_gradients=\['relu1'\]"):
        plan.gradient_at("relu1")
    with pytest.raises(UsageError, match="no gradient gets there"):
        Program(graph_of(LINES), 5, keep_gradients=("relu1",))


def test_a_pass_back_may_end_at_a_layer_in_the_middle():
    """With the same bits as one to the pixels, after which, and before which, others can be made."""
    graph, start = graph_of(LINES), np.ones((5, 3), np.float32)
    plan = Program(graph, 5, gradients="input", keep=("relu1",), keep_gradients=("relu1",))
    plan.forward(pictures())
    whole = {rule: plan.backward(plan.scores, start, rule=rule).copy() for rule in ("guided", "standard")}
    expected = plan.gradient_at("relu1").copy()
    other = Program(graph, 5, gradients="input", keep=("relu1",), keep_gradients=("relu1",))
    other.forward(pictures())
    assert other.backward(other.scores, start, until="relu1") is None
    assert other.gradient_at("relu1").tobytes() == expected.tobytes()
    for rule, pixels in whole.items():
        assert other.backward(other.scores, start, rule=rule).tobytes() == pixels.tobytes()
    for name in ("relu1", plan.graph.output.name):
        with pytest.raises(UsageError, match="a node before it is expected"):
            other.backward("relu1", np.ones_like(expected), until=name)


def test_a_pass_back_that_ends_in_the_middle_goes_through_all_branches_above_it():
    lines = [
        ("conv", Convolution(4, 3, padding=1)),
        ("one", Convolution(4, 3, padding=1)),
        ("other", Convolution(4, 1), ("conv",)),
        ("sum", Add(), ("one", "other")),
        ("flatten", Flatten()),
        ("scores", Dense(3)),
    ]
    plan = Program(graph_of(lines), 5, gradients="input", keep_gradients=("conv",), keep=())
    start, seen = np.ones((5, 3), np.float32), []
    for until in (None, "conv"):
        plan.forward(pictures())
        plan.backward(plan.scores, start, until=until)
        seen.append(plan.gradient_at("conv").copy())
    assert seen[0].tobytes() == seen[1].tobytes()


def test_a_rectifier_works_in_place_after_a_join_too():
    lines = [
        ("conv1", Convolution(4, 3, padding=1)),
        ("conv2", Convolution(4, 3, padding=1)),
        ("sum", Add(), ("conv1", "conv2")),
        ("relu", ReLU()),
        *TAIL,
    ]
    graph = graph_of(lines)
    lean, roomy = (gradients(graph, keep=keep) for keep in ((), None))
    assert all(lean[name].tobytes() == roomy[name].tobytes() for name in roomy)


def test_a_layer_shows_the_arrays_that_its_graph_keeps_for_it():
    layer = Dense(3)
    assert layer.parameters == {}
    graph = graph_of([("flatten", Flatten()), ("dense", layer), ("softmax", Softmax())])
    layer.parameters["weights"][...] *= 2
    assert (layer.parameters["weights"] == graph.read("dense/weights")).all()
    assert copy.copy(layer).parameters == {}
