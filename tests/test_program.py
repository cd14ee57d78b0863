"""Programs: what they allocate, and their walks forward and back."""

from __future__ import annotations

import tracemalloc

import naive
import numpy as np
import pytest

from numbacnn.errors import DataError, ShapeError, UsageError
from numbacnn.graph import Graph
from numbacnn.layers import (
    Add,
    Concatenate,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    LeakyReLU,
    MaxPool,
    Pixels,
    ReLU,
    Softmax,
    Tanh,
)
from numbacnn.program import Loss, Program
from numbacnn.training.optimizers import SGD

LINES = [
    ("pixels", Pixels(mean=(120.0, 100.0), scale=0.02)),
    ("conv1", Convolution(4, 3, padding=1)),
    ("relu1", ReLU()),
    ("pool1", MaxPool(2)),
    ("conv2", Convolution(3, 3, padding=1)),
    ("relu2", ReLU()),
    ("sum", Add(), ("relu2", "conv2")),
    ("both", Concatenate(), ("sum", "pool1")),
    ("flatten", Flatten()),
    ("dropout", Dropout(0.5)),
    ("dense", Dense(3)),
    ("softmax", Softmax()),
]
LABELS = np.array([0, 2, 1, 2, 0])


def graph_of(lines=LINES, shape=(6, 6, 2)):
    graph = Graph(lines, shape)
    graph.initialise(seed=1)
    return graph


def pictures(count, shape=(6, 6, 2), seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape)).astype(np.uint8)


def step(plan, images, labels, reduction="mean"):
    """One pass forward and back: the losses, the gradient of the pixels, the gradients of the parameters."""
    plan.forward(images, training=True, key=9, step=4)
    losses = plan.losses(labels, Loss()).copy()
    pixels = plan.backward_loss(labels, Loss(), reduction=reduction)
    gradients = {(node, key): g.copy() for node, found in plan.gradients.items() for key, g in found.items()}
    return losses, None if pixels is None else pixels.copy(), gradients


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5 * abs(expected).max())


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


def test_bytes_are_known_before_they_are_taken():
    plan = Program(graph_of(), 7, gradients="all")
    told = plan.bytes
    assert "_memory" not in plan.__dict__
    tracemalloc.start()
    try:
        plan.input[...] = 0
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert told <= taken < told + 16384


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


ROOMY = [
    ("conv1", Convolution(32, 3, padding=1)),
    ("conv2", Convolution(32, 3, padding=1)),
    ("conv3", Convolution(16, 5, padding=2)),
    ("conv4", Convolution(12, 3, padding=1)),
    ("conv5", Convolution(12, 3, stride=2, padding=1, rounding="floor")),
    ("flatten", Flatten()),
    ("dense6", Dense(40)),
    ("dense7", Dense(3)),
    ("softmax", Softmax()),
]


def least_workspace(graph, count):
    """Bytes with which the layers can do at least."""
    return graph.dtype.itemsize * max(
        node.layer.prepare(count, graph.shapes[node.name], *graph.input_shapes(node), limit=0).workspace
        for node in graph.nodes
    )


@pytest.mark.parametrize("share", [1, 1.05, 1.3, 2, 4])
@pytest.mark.parametrize("shape", [(6, 6, 2), (17, 14, 2)], ids=str)
def test_in_a_bounded_workspace_less_is_done_at_a_time_to_the_same_bits(shape, share):
    graph, images = graph_of(ROOMY, shape), pictures(5, shape)
    free = Program(graph, 5, gradients="all", keep=())
    room = int(least_workspace(graph, 5) * share)
    bound = Program(graph, 5, gradients="all", keep=(), workspace_bytes=room)
    assert bound.bytes < free.bytes if share == 1 else bound.bytes <= free.bytes
    assert bound._memory["", "workspace"].nbytes <= room
    expected, found = step(free, images, LABELS), step(bound, images, LABELS)
    assert found[0].tobytes() == expected[0].tobytes()
    assert found[1].tobytes() == expected[1].tobytes()
    for key, gradient in expected[2].items():
        assert found[2][key].tobytes() == gradient.tobytes(), key


def test_a_workspace_that_is_too_small_is_refused_by_the_layer_that_needs_more():
    with pytest.raises(
        UsageError, match=r"a workspace of 0.00390625 MiB is too small: layer 'conv[0-9]' needs at"
    ):
        Program(graph_of(ROOMY), 5, workspace_bytes=4096)


CHAIN = [
    ("conv1", Convolution(4, 3, padding=1)),
    ("relu1", ReLU()),
    ("pool1", MaxPool(2)),
    ("leaky1", LeakyReLU(0.1)),
    ("conv2", Convolution(3, 3, padding=1)),
    ("tanh2", Tanh()),
    ("relu2", ReLU()),
    ("flatten", Flatten()),
    ("dense3", Dense(7)),
    ("relu3", ReLU()),
    ("dropout3", Dropout(0.5)),
    ("dense4", Dense(3)),
    ("softmax", Softmax()),
]


@pytest.mark.parametrize("gradients", ["none", "parameters", "input", "all"])
@pytest.mark.parametrize("lines", [LINES, CHAIN], ids=["joined", "chain"])
def test_memory_used_again_changes_nothing(lines, gradients):
    graph, images = graph_of(lines), pictures(5)
    roomy, lean = Program(graph, 6, gradients=gradients), Program(graph, 6, gradients=gradients, keep=())
    assert lean.bytes < roomy.bytes
    for plan in (lean, roomy):
        plan.input[...] = 0
        # What no kernel writes would show.
        plan._memory["", "input"].base.view(np.float32)[...] = np.nan
    for key in (1, 2):
        passes = []
        for plan in (lean, roomy):
            plan.forward(images, training=True, key=key)
            results = [plan.output().copy(), plan.losses(LABELS, Loss()).copy()]
            if gradients != "none":
                results.append(plan.backward_loss(LABELS, Loss()))
                results += [array.copy() for found in plan.gradients.values() for array in found.values()]
            passes.append(results)
        for one, other in zip(*passes, strict=True):
            assert one is other is None or one.tobytes() == other.tobytes()


def test_what_a_plan_does_not_keep():
    plan = Program(graph_of(CHAIN), 5, gradients="parameters", keep=("conv2",))
    plan.forward(pictures(5))
    assert plan.output("conv2").shape == (5, 3, 3, 3)
    assert plan.output("dense4").shape == (5, 3)  # the scores
    with pytest.raises(UsageError, match=r"output of 'conv1' is not kept.*keep=\['conv1'\]"):
        plan.output("conv1")
    plan.backward_loss(LABELS, Loss())
    with pytest.raises(UsageError, match="a second backward pass after one pass forward"):
        plan.backward_loss(LABELS, Loss())
    plan.forward(pictures(5))
    plan.backward_loss(LABELS, Loss())


RESIDUAL = [
    ("conv1", Convolution(4, 3, padding=1)),
    ("relu1", ReLU()),
    ("conv2", Convolution(4, 3, padding=1)),
    ("sum2", Add(), ("relu1", "conv2")),
    ("relu2", ReLU()),
    ("conv3", Convolution(4, 3, padding=1)),
    ("sum3", Add(), ("relu1", "relu2", "conv3")),
    ("leaky3", LeakyReLU(0.1)),
    ("flatten", Flatten()),
    ("dense", Dense(3)),
    ("softmax", Softmax()),
]


def test_a_join_rectifies_its_sum_itself():
    graph, images = graph_of(RESIDUAL), pictures(5)
    exact, lean = Program(graph, 5, gradients="all"), Program(graph, 5, gradients="all", keep=())
    names = [step.kernel.name for step in lean._forward_steps("softmax") if step.kernel is not None]
    assert names.count("joins.add") == 3
    assert not [name for name in names if "relu" in name]
    for plan in (exact, lean):
        plan.forward(images)
    assert exact.output().tobytes() == lean.output().tobytes()
    one, other = (step(plan, images, LABELS) for plan in (exact, lean))
    assert one[1].tobytes() == other[1].tobytes()
    assert all(one[2][key].tobytes() == other[2][key].tobytes() for key in one[2])
    values = {name: exact.output(name) for name in graph.shapes}
    close(values["relu2"], np.maximum(values["relu1"] + values["conv2"], 0))
    total = values["relu1"] + values["relu2"] + values["conv3"]
    close(values["leaky3"], np.where(total > 0, total, 0.1 * total))


def test_a_rectifier_after_a_rectifier_has_a_step_of_its_own():
    lines = [
        ("joined", Concatenate(), ("pixels", "pixels")),
        ("relu", ReLU()),
        ("leaky", LeakyReLU(0.5)),
        ("flatten", Flatten()),
        ("softmax", Softmax()),
    ]
    plan = Program(Graph(lines, (1, 2, 1)), 1, keep=("leaky",))
    plan.input[...] = np.array([-3, 4]).reshape(1, 1, 2, 1)
    plan.run_forward()
    assert plan.output("leaky").ravel().tolist() == [0, 0, 4, 4]


def test_a_kept_output_is_not_rectified():
    graph, images = graph_of(CHAIN), pictures(5)
    exact, lean = Program(graph, 5), Program(graph, 5, keep=("conv1", "conv2"))
    for plan in (exact, lean):
        plan.forward(images)
    for node in ("conv1", "conv2"):
        assert (exact.output(node) < 0).any()
        assert (exact.output(node) == lean.output(node)).all()


def test_a_pass_allocates_nothing_of_the_batchs_size():
    batch = 256
    plan, images, labels = (
        Program(graph_of(), batch, gradients="all"),
        pictures(batch),
        np.zeros(batch, np.int64),
    )
    plan.forward(images, training=True)
    plan.backward_loss(labels, Loss())
    tracemalloc.start()
    try:
        plan.forward(images, training=True)
        plan.losses(labels, Loss())
        plan.backward_loss(labels, Loss())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * batch * 6 * 6 * 2, f"{peak} bytes, and even the pictures are larger than that"


def test_a_training_step_allocates_no_array():
    graph, images, labels = graph_of(CHAIN), pictures(64), np.zeros(64, np.int64)
    plan = Program(graph, 64, gradients="parameters", keep=())
    optimizer = SGD(graph, momentum=0.9, weight_decay=1e-4)

    def act():
        plan.forward(images, until=plan.scores, training=True)
        plan.backward_loss(labels, Loss())
        optimizer.step(plan.gradient, 1e-4)

    act()
    tracemalloc.start()
    try:
        act()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Views and tuples of Python; the smallest array of the batch, the scores, has 768 bytes, the largest 36,864.
    assert peak < 8192


def test_what_each_plan_gives_back():
    graph, images = graph_of(), pictures(5)
    _, pixels, gradients = step(Program(graph, 5, gradients="all"), images, LABELS)
    assert pixels.shape == images.shape
    assert set(gradients) == {
        (node, key) for node in ("conv1", "conv2", "dense") for key in ("weights", "bias")
    }

    _, no_pixels, same = step(Program(graph, 5, gradients="parameters"), images, LABELS)
    assert no_pixels is None
    assert all((same[key] == gradients[key]).all() for key in gradients)

    analysis = Program(graph, 5, gradients="input")
    _, same_pixels, nothing = step(analysis, images, LABELS)
    assert (same_pixels == pixels).all()
    assert nothing == {}

    sizes = {
        which: Program(graph, 5, gradients=which).bytes for which in ("none", "input", "parameters", "all")
    }
    assert sizes["none"] < min(sizes["input"], sizes["parameters"])
    assert max(sizes["input"], sizes["parameters"]) < sizes["all"]


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
