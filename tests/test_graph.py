"""Graphs: order, shapes, and errors that name the layer."""

from __future__ import annotations

import numpy as np
import pytest

from numbacnn.errors import NetworkError, ShapeError, UsageError
from numbacnn.graph import Graph
from numbacnn.layers import (
    Add,
    Concatenate,
    Convolution,
    Dense,
    Flatten,
    MaxPool,
    Pixels,
    PReLU,
    ReLU,
    Softmax,
)

BRANCHES = [
    ("conv1", Convolution(4, 3, padding=1)),
    ("left", Convolution(4, 1), ("conv1",)),
    ("right", ReLU(), ("conv1",)),
    ("sum", Add(), ("left", "right")),
    ("both", Concatenate(), ("sum", "right")),
    ("flatten", Flatten()),
    ("dense", Dense(3)),
    ("softmax", Softmax()),
]


def test_shapes_go_from_layer_to_layer():
    graph = Graph(BRANCHES, (6, 5, 2))
    assert graph.shapes == {
        "pixels": (6, 5, 2),
        "conv1": (6, 5, 4),
        "left": (6, 5, 4),
        "right": (6, 5, 4),
        "sum": (6, 5, 4),
        "both": (6, 5, 8),
        "flatten": (240,),
        "dense": (3,),
        "softmax": (3,),
    }
    assert graph.output.name == "softmax"
    assert graph["sum"].inputs == ("left", "right")
    assert graph.input_shapes(graph["both"]) == ((6, 5, 4), (6, 5, 4))
    assert graph.input_shapes(graph["pixels"]) == ((6, 5, 2),)


def test_pixels_come_first_by_themselves():
    assert isinstance(Graph([("flatten", Flatten())], (2, 2, 1)).pixels, Pixels)
    own = Pixels(mean=3.0)
    assert Graph([("pixels", own), ("flatten", Flatten())], (2, 2, 1)).pixels is own


def test_ancestors_and_readers():
    graph = Graph(BRANCHES, (6, 5, 2))
    assert graph.ancestors("left") == {"pixels", "conv1", "left"}
    assert graph.ancestors("sum") == {"pixels", "conv1", "left", "right", "sum"}
    assert graph.readers()["right"] == ["sum", "both"]
    assert graph.readers()["softmax"] == []


@pytest.mark.parametrize(
    ("lines", "error", "message"),
    [
        (
            [("conv1", Convolution(2, 3, stride=3))],
            ShapeError,
            "layer 'conv1': 3x3 filter at stride 3 does not fit a 7x7 input: (7 - 3 + 2*0)/3 + 1 = 2.33; "
            "padding 1 gives 3x3",
        ),
        ([("a", ReLU()), ("a", ReLU())], NetworkError, "two layers are named 'a'"),
        ([("pixels", ReLU())], NetworkError, "two layers are named 'pixels'"),
        (
            [("relu", ReLU(), ("conv",))],
            NetworkError,
            "layer 'relu': it reads 'conv', and no layer above has that name; known: pixels",
        ),
        ([("conv1", ReLU()), ("end", ReLU(), ("conv",))], NetworkError, "did you mean 'conv1'?"),
        ([("a", ReLU()), ("b", ReLU(), ("pixels",))], NetworkError, "nothing reads layer 'a'"),
        ([("a", ReLU(), ("a",))], NetworkError, "it reads 'a', and no layer above has that name"),
        ([("a", ReLU()), ("join", Add())], NetworkError, "layer 'join': add joins two layers or more"),
        (
            [("a", ReLU()), ("b", ReLU(), ("a", "pixels"))],
            NetworkError,
            "relu reads 1 layer, and 2 are given",
        ),
        ([("a", ReLU()), ("again", Pixels())], NetworkError, "pixels can only be the first layer"),
        (
            [("dense", Dense(3))],
            ShapeError,
            "layer 'dense': dense takes a flat input, and gets a volume 7x7x2",
        ),
        ([("flat", Flatten()), ("conv", Convolution(2, 3))], ShapeError, "convolution takes a volume HxWxC"),
        (
            [("a", Convolution(3, 1)), ("sum", Add(), ("a", "pixels"))],
            ShapeError,
            "layer 'sum': add needs inputs of one shape, and gets 7x7x3, 7x7x2",
        ),
        (
            [("a", MaxPool(7)), ("both", Concatenate(), ("a", "pixels"))],
            ShapeError,
            "concatenate needs inputs of one height and width, and gets 1x1x2, 7x7x2",
        ),
        (
            [("a", Convolution(4, 1, groups=4))],
            ShapeError,
            "2 input channels cannot be shared out among 4 groups",
        ),
        (
            [("a", Convolution(16, 3, algorithm="winograd-4"))],
            NetworkError,
            "algorithm = 'winograd-4' does not fit 16 filters of 3x3x2",
        ),
        (
            [("pixels", Pixels(mean=(1.0, 2.0, 3.0)))],
            ShapeError,
            "mean has 3 numbers for pictures of 2 channels",
        ),
    ],
)
def test_errors_say_what_is_wrong_and_where(lines, error, message):
    with pytest.raises(error) as caught:
        Graph(lines, (7, 7, 2))
    assert message in str(caught.value)


def test_an_unknown_layer_is_asked_for():
    with pytest.raises(UsageError, match=r"no layer is named 'conv'; did you mean 'conv1'\?"):
        Graph(BRANCHES, (6, 5, 2))["conv"]


def test_parameters_are_initialised_in_the_graphs_precision():
    graph = Graph([("conv", Convolution(4, 3)), ("prelu", PReLU())], (5, 5, 2))
    graph.initialise(seed=3)
    found = {(each.node, each.key): each.value for each in graph.parameters.values()}
    assert {key: array.shape for key, array in found.items()} == {
        ("conv", "weights"): (3, 3, 2, 4),
        ("conv", "bias"): (4,),
        ("prelu", "slopes"): (4,),
    }
    assert {array.dtype for array in found.values()} == {np.dtype(np.float32)}
    assert (found["conv", "bias"] == 0).all()
    assert (found["prelu", "slopes"] == 0.25).all()


def test_astype_copies():
    graph = Graph([("conv", Convolution(4, 3))], (5, 5, 2))
    graph.initialise(seed=3)
    double = graph.astype(np.float64)
    weights, copied = graph.read("conv/weights"), double.read("conv/weights")
    assert copied.dtype == np.float64
    assert (copied == weights).all()
    copied[...] = 0
    assert weights.any()


def test_a_layer_that_learns_nothing_may_have_several():
    shared = ReLU()
    graph = Graph(
        [("flat", Flatten()), ("a", Dense(3)), ("relu1", shared), ("b", Dense(3)), ("relu2", shared)],
        (1, 1, 3),
    )
    assert [node.name for node in graph.nodes] == ["pixels", "flat", "a", "relu1", "b", "relu2"]
