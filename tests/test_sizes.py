"""A classifier on pictures of another size: the arrays are the graph's own, dense layers are convolutions."""

from __future__ import annotations

import numpy as np
import pytest

from numbacnn.architectures import build
from numbacnn.errors import NetworkError, ShapeError
from numbacnn.graph import Graph
from numbacnn.layers import BatchNorm, Convolution, Dense, Dropout, Flatten, MaxPool, Pixels, ReLU, Softmax
from numbacnn.program import Head, Loss, Program


def classifier(*, norm: bool = False) -> Graph:
    graph = Graph(
        [
            ("pixels", Pixels(mean=100.0, scale=1 / 50)),
            ("conv1", Convolution(4, 3)),
            ("relu1", ReLU()),
            ("pool1", MaxPool(2)),
            ("conv2", Convolution(5, 2, bias=False)),
            *([("norm", BatchNorm())] if norm else []),
            ("flat", Flatten()),
            ("drop", Dropout(0.5)),
            ("dense", Dense(7)),
            ("relu2", ReLU()),
            ("scores", Dense(3, bias=False)),
            ("softmax", Softmax()),
        ],
        (12, 10, 2),
    )
    graph.initialise("he", 4)
    return graph


@pytest.mark.parametrize("norm", [False, True])
def test_every_place_is_what_the_graph_says_of_its_crop(norm: bool) -> None:
    graph = classifier(norm=norm)
    picture = np.random.default_rng(0).integers(0, 256, (1, 18, 14, 2)).astype(np.uint8)
    large = Program(graph.at(18, 14), 1)
    found = np.array(large.forward(picture))
    assert found.shape == (1, 4, 3, 3)
    crops = [picture[0, 2 * p : 2 * p + 12, 2 * q : 2 * q + 10] for p in range(4) for q in range(3)]
    expected = Program(graph, 12).forward(np.stack(crops))
    np.testing.assert_allclose(found.reshape(12, 3), expected, rtol=1e-4, atol=1e-6)


def test_the_arrays_are_the_graphs_own() -> None:
    graph = classifier(norm=True)
    graph.set_trainable(False, nodes=["conv1"])
    other = graph.at(20, 20)
    program = Program(other, 1)
    picture = np.full((1, 20, 20, 2), 9, np.uint8)
    before = np.array(program.forward(picture))
    graph.write("scores/weights", np.zeros((7, 3)))
    assert not (before == 1 / 3).all()
    assert np.allclose(program.forward(picture), 1 / 3)
    assert not other.parameters["conv1/weights"].trainable
    assert other.parameters["dense/weights"].shape == (4, 3, 5, 7)
    graph.write("norm/running_mean", np.full(5, 3.0))
    assert other.read("norm/running_mean").tolist() == [3.0] * 5


def test_a_pass_over_larger_pictures_trains_the_graph() -> None:
    graph = classifier()
    other = graph.at(14, 12)
    program = Program(other, 2, gradients="parameters", heads={"map": Head("scores", Loss("pixel-softmax"))})
    program.forward(np.random.default_rng(1).integers(0, 256, (2, 14, 12, 2)).astype(np.uint8))
    program.backward_heads(targets={"map": np.array([[[0, 1], [2, 255]]] * 2)})
    assert program.gradient.shape == (graph.layout.trained,)
    assert np.any(program.gradients["dense"]["weights"])


def test_a_named_network_takes_the_size_of_a_photograph() -> None:
    graph = build("resnet-18", input_shape=(32, 32, 3), classes=10).graph
    other = graph.at(64, 96)
    assert other.shapes["softmax"] == (1, 1, 10)  # it averages over whatever there is
    assert build("vgg-small").graph.at(64, 64).shapes["softmax"] == (5, 5, 10)


def test_the_first_graphs_layers_stay_its_own() -> None:
    graph = classifier()
    dense = graph["dense"].layer
    graph.at(20, 20)
    assert dense.parameters["weights"].shape == (60, 7)


def test_what_cannot_be_of_another_size() -> None:
    with pytest.raises(ShapeError, match="layer 'dense'"):
        classifier().at(10, 10)
    with pytest.raises(NetworkError, match="no weights yet"):
        Graph([("flat", Flatten()), ("scores", Dense(3))], (4, 4, 1)).at(8, 8)
    graph = Graph([("flat", Flatten()), ("norm", BatchNorm()), ("scores", Dense(3))], (4, 4, 1))
    graph.initialise()
    with pytest.raises(NetworkError, match=r"layer 'norm' \(batch-norm\).*a volume 4x4"):
        graph.at(8, 8)
