from __future__ import annotations

import numpy as np
import pytest

from numbacnn.analysis import Box, receptive_field
from numbacnn.errors import UsageError
from numbacnn.graph import Graph, LayerLine
from numbacnn.layers import (
    Add,
    AveragePool,
    Concatenate,
    Convolution,
    Dense,
    Flatten,
    GlobalAveragePool,
    Multiply,
    ReLU,
    Softmax,
    Subsample,
    SumPool,
    TransposedConvolution,
    Upsample,
)
from numbacnn.network import Network

SIZE = (17, 19, 2)

# Sum and average pools stand for all pools: a maximum passes a perturbation on only where it wins.
NETS: dict[str, list[LayerLine]] = {
    "stride and padding": [
        ("conv1", Convolution(2, 3, stride=2, padding=1)),
        ("relu1", ReLU()),
        ("conv2", Convolution(2, (3, 2), stride=(1, 2), padding=(2, 0, 1, 1), rounding="floor")),
    ],
    "dilation": [
        ("conv1", Convolution(2, 3, dilation=2, padding=2)),
        ("conv2", Convolution(2, 3, dilation=(3, 1), padding=(3, 1))),
    ],
    "gaps": [
        ("conv1", Convolution(2, 2, stride=3, rounding="floor")),
        ("conv2", Convolution(2, 3, padding=1)),
    ],
    "overhanging pools": [
        ("conv1", Convolution(2, 3, padding=1)),
        ("pool1", SumPool(3, stride=2, rounding="ceil")),
        ("conv2", Convolution(2, 3, padding=1)),
        ("pool2", AveragePool(3, stride=2, rounding="ceil")),
    ],
    "joins": [
        ("conv1", Convolution(2, 3, padding=1)),
        ("left", Convolution(2, 1), ("conv1",)),
        ("right", Convolution(2, 5, padding=(3, 1, 2, 2)), ("conv1",)),
        ("both", Concatenate(), ("left", "right")),
        ("third", Convolution(4, 3, padding=1, dilation=1), ("both",)),
        ("sum", Add(), ("third", "both")),
        ("down", SumPool(2, stride=2, rounding="floor")),
    ],
    "smaller and larger": [
        ("conv1", Convolution(2, 3, padding=1)),
        ("half", Subsample(4)),
        ("twice", Upsample(2)),
        ("conv2", Convolution(2, 3, stride=3, rounding="floor")),
        ("smooth", Upsample(3, "bilinear")),
        ("spread", TransposedConvolution(2, (3, 2), stride=2, padding=1, extra=(1, 0))),
    ],
    "a factor a channel": [
        ("conv1", Convolution(2, 3, stride=2, padding=1)),
        ("mean", GlobalAveragePool()),
        ("product", Multiply(), ("conv1", "mean")),
        ("conv2", Convolution(2, 3, padding=1)),
    ],
    "global": [
        ("conv1", Convolution(2, 3, stride=3, rounding="floor")),
        ("average", GlobalAveragePool()),
    ],
    "flat": [("pool1", SumPool(4, rounding="floor")), ("flat1", Flatten()), ("hidden", Dense(3))],
}


def network_of(layers: list[LayerLine]) -> Network:
    """The layers under a classifier, with positive weights, so that no two paths cancel out."""
    last = layers[-1]
    flat = [] if isinstance(last[1], Dense) else [("flatten", Flatten())]
    graph = Graph([*layers, *flat, ("scores", Dense(2)), ("softmax", Softmax())], SIZE, dtype=np.float64)
    graph.initialise("uniform", seed=1)
    for array in (each.value for each in graph.parameters.values()):
        array[...] = np.abs(array) + 0.1
    return Network(graph)


def boxes_by_perturbation(network: Network, node: str) -> dict[tuple[int, int], Box]:
    """Pixel by pixel: which outputs change, and the box around the pixels that change each of them."""
    height, width, _ = SIZE
    images = np.full((height * width + 1, *SIZE), 0.25)
    images[np.arange(height * width), *np.divmod(np.arange(height * width), width)] = 0.75
    outputs = network.activations(images, node)
    changed = (outputs[:-1] != outputs[-1]).any(axis=-1).reshape(height, width, -1)
    shape = outputs.shape[1:3] if outputs.ndim == 4 else (1, 1)
    boxes = {}
    for place, seen in enumerate(np.moveaxis(changed, 2, 0)):
        rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
        boxes[divmod(place, shape[1])] = Box(rows[0], columns[0], rows[-1] + 1, columns[-1] + 1)
    return boxes


@pytest.mark.parametrize("name", NETS)
def test_agrees_with_perturbation(name: str) -> None:
    network = network_of(NETS[name])
    node = NETS[name][-1][0]
    for (row, column), box in boxes_by_perturbation(network, node).items():
        assert receptive_field(network, node, row, column) == box, (row, column)


def test_of_one_size_when_not_clipped() -> None:
    network = network_of(NETS["overhanging pools"])
    height, width, _ = network.graph.shapes["pool2"]
    fields = [
        receptive_field(network, "pool2", row, column, clipped=False)
        for row in range(height)
        for column in range(width)
    ]
    # 3x3, pool 3/2: 5; 3x3 at jump 2: 9; pool 3 at jump 2: 13.
    assert {(box.bottom - box.top, box.right - box.left) for box in fields} == {(13, 13)}
    assert fields[0].top == fields[0].left == -3
    assert fields[-1].bottom > SIZE[0]


def test_pixels_see_themselves() -> None:
    assert receptive_field(network_of(NETS["gaps"]), "pixels", 3, 4) == Box(3, 4, 4, 5)


def test_places_that_are_not_there() -> None:
    network = network_of(NETS["gaps"])
    with pytest.raises(UsageError, match="row 6, column 0 of 'conv2': its output has 6 rows and 6 columns"):
        receptive_field(network, "conv2", 6, 0)
    with pytest.raises(UsageError, match="no layer is named 'conv3'"):
        receptive_field(network, "conv3")
