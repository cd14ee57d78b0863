"""Walks that are repeated: what is looked at again, and what is asked again."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from numbacnn.errors import NetworkError
from numbacnn.execution import Loss, Plan
from numbacnn.graph import Graph
from numbacnn.layers import Convolution, Dense, Dropout, Flatten, Layer, ReLU, Softmax
from numbacnn.ops import joins
from numbacnn.ops.tape import Tape, launch, single_thread

LINES = [
    ("conv1", Convolution(4, 3, padding=1)),
    ("relu1", ReLU()),
    ("flatten", Flatten()),
    ("dropout", Dropout(0.5)),
    ("dense", Dense(3)),
    ("softmax", Softmax()),
]


def graph_and_pictures():
    graph = Graph(LINES, (6, 6, 2))
    graph.initialise(seed=1)
    return graph, np.random.default_rng(0).integers(0, 256, (5, 6, 6, 2)).astype(np.uint8)


def test_a_tape_launches_again_with_what_the_arrays_hold_now():
    tape, source, target = Tape(), np.zeros(3, np.float32), np.ones(3, np.float32)
    with tape.record():
        joins.copy(target, source)
    assert target.tolist() == [0, 0, 0]
    source[:] = 7
    tape.play()
    assert target.tolist() == [7, 7, 7]


def test_a_tape_remembers_what_ran_alone():
    tape, seen = Tape(), []

    def look():
        seen.append(numba.get_num_threads())

    with tape.record():
        launch(look)
        with single_thread():
            launch(look)
    tape.play()
    most = numba.config.NUMBA_NUM_THREADS
    assert seen == [most, 1] * 2
    assert numba.get_num_threads() == most


def test_a_repeated_walk_sees_other_parameters_pictures_and_draws():
    graph, images = graph_and_pictures()
    plan, labels = Plan(graph, 5, gradients="parameters", keep=()), np.array([0, 2, 1, 2, 0])

    def walk(plan, step, count=5):
        plan.forward(images[:count], training=True, key=9, step=step)
        plan.backward_loss(labels[:count], Loss())
        return plan.gradient.tobytes()

    before = [walk(plan, 1), walk(plan, 2), walk(plan, 2, count=3)]
    assert len(set(before)) == 3
    assert [walk(plan, 1), walk(plan, 2), walk(plan, 2, count=3)] == before
    dense = graph["dense"].layer
    dense.parameters["weights"] = 2 * dense.parameters["weights"]
    fresh = Plan(graph, 5, gradients="parameters", keep=())
    assert walk(plan, 1) == walk(fresh, 1) != before[0]


class Half(Layer):
    """Halves its input, in NumPy, in a way that a walk that is repeated cannot repeat."""

    kind = "half"

    def forward(self, call):
        call.output[...] = call.input / 2

    def backward_input(self, call, d_output, *d_inputs):
        joins.copy(d_inputs[0].reshape(-1), d_output.reshape(-1))


class Unlearned(Dense):
    """A dense layer that computes the gradient of its parameters in NumPy."""

    def backward_parameters(self, call, d_output, gradients):
        gradients["bias"][...] = d_output.sum(0)


def test_a_layer_whose_forward_is_numpy_is_refused_with_the_reason():
    plan = Plan(Graph([("half", Half()), ("flat", Flatten()), ("scores", Dense(2))], (1, 1, 4)), 1)
    plan.graph.initialise()
    with pytest.raises(
        NetworkError, match=r"layer 'half': forward of Half launched no op: .*the first pass alone"
    ):
        plan.walk()


def test_a_gradient_in_numpy_is_refused_with_the_reason():
    graph = Graph([("flat", Flatten()), ("scores", Unlearned(2)), ("softmax", Softmax())], (1, 1, 4))
    graph.initialise()
    plan = Plan(graph, 1, gradients="parameters")
    plan.walk()
    with pytest.raises(
        NetworkError, match=r"layer 'scores': backward_parameters of Unlearned launched no op"
    ):
        plan.backward_loss(np.array([1]), Loss())
