"""Programs: their passes forward and back, whole and partial, and what they refuse."""

from __future__ import annotations

import naive
import numpy as np
import pytest
from small_graphs import LABELS, LINES, close, graph_of, pictures, step

from numbacnn.errors import DataError, ShapeError, UsageError
from numbacnn.layers import (
    Dense,
    Flatten,
    ReLU,
    Softmax,
)
from numbacnn.program import Loss, Program


def test_fewer_pictures_than_the_batch_size():
    graph, images = graph_of(), pictures(5)
    exact, roomy = Program(graph, 5, gradients="all"), Program(graph, 8, gradients="all")
    roomy.forward(pictures(8, seed=3), training=True)  # leaves something behind
    for one, other in zip(step(exact, images, LABELS), step(roomy, images, LABELS), strict=True):
        if isinstance(one, dict):
            assert all(np.allclose(one[key], other[key], rtol=1e-5, atol=1e-6) for key in one)
        else:
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    assert roomy.output().shape == (5, 3)
    assert roomy.input.shape == (5, 6, 6, 2)


def test_a_sum_is_the_mean_times_the_count():
    plan = Program(graph_of(), 5, gradients="all")
    _, pixels, gradients = step(plan, pictures(5), LABELS)
    _, summed_pixels, summed = step(plan, pictures(5), LABELS, reduction="sum")
    close(summed_pixels, 5 * pixels)
    close(summed["conv1", "weights"], 5 * gradients["conv1", "weights"])


def test_losses_survive_the_walk_back():
    plan = Program(graph_of(), 5, gradients="parameters")
    plan.forward(pictures(5))
    losses = plan.losses(LABELS, Loss())
    before = losses.copy()
    plan.backward_loss(LABELS, Loss())
    assert (losses == before).all()


def test_a_pass_may_end_at_the_scores():
    plan = Program(graph_of(), 5, gradients="parameters", keep=())
    plan.forward(pictures(5))
    whole, scores = plan.output().copy(), plan.output(plan.scores).copy()
    plan.output()[...] = 9
    assert (plan.forward(pictures(5), until=plan.scores) == scores).all()
    assert (plan.output() == 9).all()
    close(naive.softmax(scores), whole)


def test_a_loss_and_its_gradient_take_one_pass():
    plan = Program(graph_of(), 5, gradients="parameters")
    plan.forward(pictures(5))
    losses = plan.losses(LABELS, Loss()).copy()
    plan.losses(LABELS, Loss("square"))
    plan.backward_loss(LABELS, Loss())
    assert (plan.loss_values == losses).all()


def test_one_row_holds_every_gradient():
    graph = graph_of()
    plan, places = Program(graph, 5, gradients="parameters"), graph.layout
    plan.forward(pictures(5))
    plan.backward_loss(LABELS, Loss())
    row = np.zeros(places.size, graph.dtype)
    for node, key in ((each.node, each.key) for each in graph.parameters.values()):
        gradient, first = plan.gradients[node][key], graph.parameters[f"{node}/{key}"].first
        assert (first < places.groups[0].decayed) == (key == "weights")
        row[first : first + gradient.size] = gradient.ravel()
    assert (row == plan.gradient).all()


def test_nothing_below_the_first_parameters_gets_a_gradient():
    lines = [
        ("relu0", ReLU()),
        *LINES[1:4],
        ("flatten", Flatten()),
        ("dense", Dense(3)),
        ("softmax", Softmax()),
    ]
    graph, images = graph_of(lines), pictures(5)
    _, _, gradients = step(Program(graph, 5, gradients="all"), images, LABELS)
    plan = Program(graph, 5, gradients="parameters")
    _, _, same = step(plan, images, LABELS)
    assert all((same[key] == gradients[key]).all() for key in gradients)
    assert ("relu0", "d_output") not in plan._memory


def test_uint8_and_floats_are_the_same_pictures():
    plan, images = Program(graph_of(), 5), pictures(5)
    expected = plan.forward(images).copy()
    np.testing.assert_allclose(plan.forward(images / 255), expected, rtol=1e-5, atol=1e-7)
    plan.input[...] = images
    assert (plan.forward() == expected).all()


def test_dropout_is_the_same_for_a_key_and_a_step_and_absent_outside_training():
    plan, images = Program(graph_of(), 5), pictures(5)

    def masked(**which):
        plan.forward(images, **which)
        return plan.output("dropout").copy()

    still = masked()
    assert (still == plan.output("flatten")).all()
    first = masked(training=True, key=3, step=10)
    assert (first == masked(training=True, key=3, step=10)).all()
    assert not (first == masked(training=True, key=3, step=11)).all()
    assert not (first == masked(training=True, key=4, step=10)).all()
    kept = first != 0
    np.testing.assert_allclose(first[kept], 2 * still[kept])


# Partial walks and the rectifiers' rules

STACK = LINES[1:6]


@pytest.mark.parametrize("rule", ["standard", "deconvnet", "guided"])
@pytest.mark.parametrize("start", ["relu2", "conv2", "pool1"])
def test_a_walk_back_is_the_one_written_naively(rule, start):
    graph, images = graph_of([LINES[0], *STACK]), pictures(3)
    plan = Program(graph, 4, gradients="input")
    plan.forward(images)
    signal = np.random.default_rng(2).standard_normal(plan.output(start).shape)
    pixels = plan.backward(start, signal, rule=rule)

    values = {node: plan.output(node).astype(np.float64) for node in graph.shapes}
    weights = {node: graph.read(f"{node}/weights").astype(np.float64) for node in ("conv1", "conv2")}
    walk = {
        "relu2": lambda d: naive.rectifier_backward(d, values["conv2"] > 0, 0, rule),
        "conv2": lambda d: naive.convolution_backward_input(
            d, weights["conv2"], graph["conv2"].layer.window(), 1, values["pool1"].shape
        ),
        "pool1": lambda d: naive.max_pool_backward(
            d,
            naive.max_pool(values["relu1"], graph["pool1"].layer.window(), (3, 3))[1],
            graph["pool1"].layer.window(),
            values["relu1"].shape,
        ),
        "relu1": lambda d: naive.rectifier_backward(d, values["conv1"] > 0, 0, rule),
        "conv1": lambda d: naive.convolution_backward_input(
            d, weights["conv1"], graph["conv1"].layer.window(), 1, values["pixels"].shape
        ),
    }
    expected = signal
    for node in list(walk)[list(walk).index(start) :]:
        expected = walk[node](expected)
    close(pixels, expected * 0.02)


def test_a_walk_from_the_middle_takes_the_joins_on_its_way():
    graph, images = graph_of(), pictures(3)
    plan = Program(graph, 3, gradients="input")
    plan.forward(images)
    signal = np.random.default_rng(2).standard_normal(plan.output("sum").shape)
    together = plan.backward("sum", signal).copy()
    apart = plan.backward("relu2", signal).copy()
    apart += plan.backward("conv2", signal)
    close(together, apart)


def test_a_whole_walk_after_a_partial_one_is_not_touched_by_it():
    graph, images = graph_of(), pictures(5)
    plan = Program(graph, 5, gradients="all")
    _, pixels, gradients = step(plan, images, LABELS)
    plan.backward("pool1", np.ones(plan.output("pool1").shape))
    _, again, same = step(plan, images, LABELS)
    assert (again == pixels).all()
    assert all((same[key] == gradients[key]).all() for key in gradients)


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ([0, 1], ShapeError, r"labels \(2,\): one for each of 3 pictures is expected"),
        ([0, 3, 1], DataError, "label 3: a class from 0 to 2 is expected"),
        ([0, -1, 1], DataError, "label -1: a class from 0 to 2 is expected"),
    ],
)
def test_labels_are_one_class_a_picture(labels, error, message):
    plan = Program(graph_of(), 3, gradients="all")
    plan.forward(pictures(3))
    with pytest.raises(error, match=message):
        plan.losses(np.array(labels), Loss())
    with pytest.raises(error, match=message):
        plan.backward_loss(np.array(labels), Loss())


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (
            lambda graph: Program(graph, 0),
            UsageError,
            "batch size 0: a whole number of at least 1 is expected",
        ),
        (
            lambda graph: Program(graph, 2).forward(pictures(3)),
            ShapeError,
            r"1 to 2 of \(6, 6, 2\) are expected",
        ),
        (
            lambda graph: Program(graph, 2).forward(pictures(2, (6, 5, 2))),
            ShapeError,
            r"pictures \(2, 6, 5, 2\) do not fit",
        ),
        (
            lambda graph: Program(graph, 2).output("pool"),
            UsageError,
            "no layer is named 'pool'; did you mean 'pool1'?",
        ),
        (
            lambda graph: Program(graph, 2, gradients="input").backward("dense", 1.0, rule="guide"),
            UsageError,
            "unknown backward rule 'guide'; did you mean 'guided'?",
        ),
        (lambda graph: Program(graph, 2, gradients="inputs"), UsageError, "did you mean 'input'?"),
        (
            lambda graph: Loss("log-sotfmax"),
            UsageError,
            "unknown loss 'log-sotfmax'; did you mean 'log-softmax'?",
        ),
    ],
)
def test_errors(act, error, message):
    with pytest.raises(error, match=message):
        act(graph_of())
