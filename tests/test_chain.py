"""Pictures as lanes (program.chain): the same answers as the other way's to the bit, gradients as close as rounding lets
them be, and the same bits on any number of threads.
"""

from __future__ import annotations

import functools

import numba
import numpy as np
import pytest
from small_graphs import noisy_graph

from numbacnn import architectures
from numbacnn.graph import Graph
from numbacnn.layers import (
    AveragePool,
    BatchNorm,
    Clip,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    LeakyReLU,
    MaxPool,
    Pixels,
    ReLU,
    Sigmoid,
    Softmax,
    SumPool,
    Tanh,
)
from numbacnn.program import Loss, Program

SHAPE = (11, 9, 3)
SOFTMAX = Loss()
ENDS = [("flatten", Flatten()), ("dense", Dense(7)), ("softmax", Softmax())]
NETWORKS = {
    "a pool in the convolution, one after it": [
        ("pixels", Pixels(mean=(3.0, 5.0, 7.0), scale=(0.1, 0.2, 0.3), channel_order="BGR")),
        ("conv1", Convolution(6, 3, padding=1)),
        ("relu1", ReLU()),
        ("pool1", MaxPool(2, rounding="floor")),
        ("conv2", Convolution(13, 2, padding=(0, 1), bias=False)),
        ("pool2", MaxPool(3, stride=2, rounding="ceil")),
        ("leaky2", LeakyReLU(0.25)),
        ("conv3", Convolution(5, 1)),
        ("flatten", Flatten()),
        ("dense3", Dense(20)),
        ("leaky3", LeakyReLU(0.1)),
        ("dropout3", Dropout(0.3)),
        ("dense4", Dense(7, bias=False)),
        ("softmax", Softmax()),
    ],
    "strides and padding": [
        ("conv1", Convolution(5, 4, stride=(3, 2), padding=(1, 2, 0, 1), rounding="floor")),
        ("clip1", Clip(-1.0, 2.0)),
        ("conv2", Convolution(17, 3, stride=2, padding=2, rounding="ceil")),
        ("pool2", AveragePool(2, stride=1, padding=(1, 0, 0, 1), count_padding=False)),
        ("conv3", Convolution(9, 3, stride=(2, 1), padding=(1, 1), rounding="floor")),
        *ENDS,
    ],
    "functions, dropout between convolutions": [
        ("conv1", Convolution(4, 3)),
        ("tanh1", Tanh()),
        ("pool1", AveragePool(2, rounding="ceil")),
        ("dropout1", Dropout(0.5)),
        ("leaky1", LeakyReLU(0.2)),  # that no convolution or pool takes along
        ("conv2", Convolution(8, 3, padding=1)),
        ("sigmoid2", Sigmoid()),
        ("pool2", SumPool(2, stride=1)),
        *ENDS,
    ],
    "rectifiers before pools": [
        ("conv1", Convolution(6, 3, padding=1)),
        ("leaky1", LeakyReLU(0.3)),
        ("pool1", MaxPool(3, stride=2, rounding="ceil")),  # windows that overlap
        ("conv2", Convolution(8, 3, padding=1)),
        ("relu2", ReLU()),
        ("pool2", MaxPool(2, padding=1, rounding="floor")),  # apart, some of them cut
        ("conv3", Convolution(9, 2)),
        ("leaky3", LeakyReLU(0.2)),
        ("pool3", AveragePool(2, stride=1)),
        *ENDS,
    ],
    "no convolution": [
        ("flatten", Flatten()),
        ("dense1", Dense(33)),
        ("relu1", ReLU()),
        ("dense2", Dense(2)),
        ("softmax", Softmax()),
    ],
}


@functools.cache
def graph_of(name, dtype="float32", algorithm="auto"):
    return noisy_graph(NETWORKS[name], SHAPE, dtype, algorithm)


def pictures(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *SHAPE)).astype(np.uint8)


def learnt(graph, count, loss=SOFTMAX, *, other=False, size=None):
    """The program after one step; `other`: the other way, which `run_forward` and `backward_loss` go."""
    program = Program(graph, size or count, gradients="parameters", keep=())
    program.load(pictures(count))
    program.labels[...] = np.arange(count) % graph.shapes[graph.scores][0]
    program.set_random(5, 3)
    if other:
        program.run_forward(program.scores, training=True)
        program.backward_loss(None, loss)
    else:
        assert program.chain is not None
        program.learn(loss)
    return program


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("count", [1, 21])
def test_a_step_is_the_other_way_s(name, count):
    graph = graph_of(name, algorithm="lanes")  # not in Winograd's way (test_chain_tiles.py)
    ours, theirs = learnt(graph, count), learnt(graph, count, other=True)
    assert ours.output(ours.scores).tobytes() == theirs.output(theirs.scores).tobytes()
    assert ours.loss_values.tobytes() == theirs.loss_values.tobytes()
    for node, gradients in theirs.gradients.items():
        for key, expected in gradients.items():
            found = ours.gradients[node][key]
            assert np.abs(found - expected).max() <= 2e-5 * np.abs(expected).max(), (node, key)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_picture_s_answer_is_the_same_bits_alone_in_any_batch_and_at_any_place(name):
    graph, images = graph_of(name), pictures(40)
    whole = Program(graph, 40, keep=())
    assert whole.chain is not None
    together = whole.forward(images).copy()
    for first, count in ((0, 1), (39, 1), (3, 2), (7, 33)):
        assert (
            whole.forward(images[first : first + count]).tobytes()
            == together[first : first + count].tobytes()
        )
    other = Program(graph, 40, keep=[node.name for node in graph.nodes])
    assert other.chain is None
    assert other.forward(images).tobytes() == together.tobytes()


def test_gradients_are_the_same_bits_on_any_number_of_threads_and_in_programs_of_any_size():
    graph = graph_of("a pool in the convolution, one after it")
    try:
        rows = []
        for threads in range(1, numba.config.NUMBA_NUM_THREADS + 1):
            numba.set_num_threads(threads)
            rows += [learnt(graph, 77).gradient.tobytes(), learnt(graph, 77, size=300).gradient.tobytes()]
    finally:
        numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    assert len(set(rows)) == 1


@pytest.mark.parametrize("loss", [Loss("hinge", margin=0.5), Loss(smoothing=0.2), Loss("square")])
def test_any_loss_of_one_class_a_picture(loss):
    graph = graph_of("no convolution")
    ours, theirs = learnt(graph, 9, loss), learnt(graph, 9, loss, other=True)
    assert ours.loss_values.tobytes() == theirs.loss_values.tobytes()
    assert np.allclose(ours.gradient, theirs.gradient, rtol=1e-4, atol=1e-6)


def test_what_is_frozen_gets_no_gradient_and_what_is_below_it_does():
    graph = Graph(NETWORKS["a pool in the convolution, one after it"], SHAPE)
    graph.initialise(seed=3)
    graph.set_learning(frozen=["conv2/weights", "dense3/bias"], rates={})
    ours, theirs = learnt(graph, 12), learnt(graph, 12, other=True)
    assert ours.gradients["conv2"] == {}
    assert np.abs(ours.gradients["conv1"]["weights"]).max() > 0
    assert np.allclose(ours.gradient, theirs.gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_the_gradient_is_that_of_the_loss_in_float64():
    graph = graph_of("strides and padding", "float64")
    program = learnt(graph, 5)
    generator = np.random.default_rng(2)
    direction = generator.normal(size=graph.layout.trained)
    before, step = np.array(graph.row), 1e-6

    def mean_loss(distance):
        graph.row[: direction.size] = before[: direction.size] + distance * direction
        return float(learnt(graph, 5).loss_values.mean())

    slope = (mean_loss(step) - mean_loss(-step)) / (2 * step)
    graph.row[:] = before
    assert slope == pytest.approx(float(program.gradient @ direction), rel=1e-6)


@pytest.mark.parametrize(
    ("layers", "options"),
    [
        (NETWORKS["no convolution"], {"keep": None}),
        (NETWORKS["no convolution"], {"gradients": "input"}),
        (NETWORKS["no convolution"], {"keep_gradients": ["dense1"]}),
        (NETWORKS["no convolution"], {"eager": True}),
        ([("conv", Convolution(32, 3)), ("conv2", Convolution(32, 3)), *ENDS], {}),
        ([("conv", Convolution(16, 3)), ("conv2", Convolution(32, 3, stride=2, padding=1)), *ENDS], {}),
        ([("conv", Convolution(6, 3, algorithm="im2col")), *ENDS], {}),
        ([("conv", Convolution(8, 3)), ("norm", BatchNorm()), *ENDS], {"gradients": "parameters"}),
        ([("conv", Convolution(6, 3, groups=3)), *ENDS], {}),
        ([("conv", Convolution(3000, 3)), *ENDS], {}),
        ([("flatten", Flatten()), ("dense1", Dense(3000)), ("dense", Dense(7)), ("softmax", Softmax())], {}),
    ],
)
def test_what_is_left_to_the_other_way(layers, options):
    graph = Graph(layers, SHAPE)
    graph.initialise()
    given = {"gradients": "parameters", "keep": ()} | options
    assert Program(graph, 16, **given).chain is None


@pytest.mark.parametrize(("filters", "chosen"), [(6, "auto"), (6, "lanes"), (3000, "lanes")])
def test_who_asks_for_lanes_gets_them(filters, chosen):
    layers = [("conv", Convolution(filters, 3, algorithm=chosen)), *ENDS]
    assert Program(Graph(layers, SHAPE), 16, keep=()).chain is not None


def test_lenet_of_1998_is_a_chain():
    graph = architectures.build("lenet-1998").graph
    assert Program(graph, 64, gradients="parameters", keep=()).chain is not None


def test_lenet_is_a_chain_where_its_workspace_may_be_as_large():
    graph = architectures.build("lenet").graph
    programs = [
        Program(graph, 64, gradients="parameters", keep=(), workspace_bytes=room)
        for room in (None, 1 << 21, 300_000)
    ]
    assert [program.chain is None for program in programs] == [False, False, True]
    assert programs[0].bytes > programs[2].bytes
