"""Programs: what they allocate, what they use again, and what is fused."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from small_graphs import LABELS, LINES, close, graph_of, pictures, step

from numbacnn.errors import UsageError
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
    ReLU,
    Softmax,
    Tanh,
)
from numbacnn.program import Loss, Program
from numbacnn.training.optimizers import SGD


def test_bytes_are_known_before_they_are_taken():
    plan = Program(graph_of(), 7, gradients="all")
    told = plan.bytes
    assert "_memory" not in plan.__dict__
    tracemalloc.start()
    try:
        plan.input[...] = 0
        traced = tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
    arrays = traced.filter_traces([tracemalloc.DomainFilter(True, np.lib.tracemalloc_domain)])
    taken = sum(trace.size for trace in arrays.traces)
    assert told <= taken < told + 4096


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
    # Of the small pictures all is done at a time in the least room.
    assert bound.bytes <= free.bytes if share > 1 or shape[0] == 6 else bound.bytes < free.bytes
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
    roomy, lean = Program(graph, 24, gradients=gradients), Program(graph, 24, gradients=gradients, keep=())
    assert lean.bytes - (lean.chain.bytes if lean.chain else 0) < roomy.bytes
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

    sizes = {  # with a bounded workspace, where no filters are packed for good
        which: Program(graph, 5, gradients=which, workspace_bytes=1 << 22).bytes
        for which in ("none", "input", "parameters", "all")
    }
    assert sizes["none"] < min(sizes["input"], sizes["parameters"])
    assert max(sizes["input"], sizes["parameters"]) < sizes["all"]
