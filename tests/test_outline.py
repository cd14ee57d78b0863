from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from numbacnn.analysis import outline
from numbacnn.architectures import build
from numbacnn.graph import Graph
from numbacnn.layers import Add, Concatenate, Convolution, Dense, Flatten, Pixels, ReLU, Softmax
from numbacnn_cli.__main__ import main


def drawn(graph: Graph) -> list[tuple[Any, ...]]:
    return [(each.shape, each.kind, each.times, each.layers) for each in outline(graph)]


def test_lenet_as_the_lecture_has_it() -> None:
    assert drawn(build("lenet").graph) == [
        ((28, 28, 1), "input", 1, 0),
        ((28, 28, 6), "convolution", 1, 1),
        ((14, 14, 6), "pool", 1, 0),
        ((10, 10, 16), "convolution", 1, 1),
        ((5, 5, 16), "pool", 1, 0),
        ((120,), "dense", 1, 1),
        ((84,), "dense", 1, 1),
        ((10,), "dense", 1, 1),
    ]


def test_what_lies_beside_each_other_is_one_block() -> None:
    graph = Graph(
        [
            ("pixels", Pixels()),
            ("a", Convolution(4, 1)),
            ("b", Convolution(4, 1), ("a",)),
            ("c", Convolution(3, 3, padding=1), ("a",)),
            ("both", Concatenate(), ("b", "c")),
            ("d", Convolution(7, 3, padding=1)),
            ("sum", Add(), ("d", "both")),
            ("relu", ReLU()),
            ("flatten", Flatten()),
            ("scores", Dense(2)),
            ("softmax", Softmax()),
        ],
        (6, 6, 3),
    )
    assert [(each.node, each.kind, each.says, each.layers) for each in outline(graph)] == [
        ("pixels", "input", "pictures", 0),
        ("a", "convolution", "conv 1x1", 1),
        ("both", "block", "parallel branches", 2),
        ("sum", "block", "residual block", 1),
        ("scores", "dense", "fully connected", 1),
    ]


@pytest.mark.parametrize(
    "name", ["googlenet", "resnet-20", "squeezenet-1.1", "mobilenet-v1", "efficientnet-lite0"]
)
def test_no_layer_with_weights_of_a_named_network_is_lost(name: str) -> None:
    graph = build(name, initialise="zero").graph
    shown = outline(graph)
    on_the_way = graph.ancestors(graph.output.name)
    weighted = [node for node in graph.nodes if node.layer.is_neuronal and node.name in on_the_way]
    assert sum(each.layers for each in shown) == len(weighted)
    assert shown[0].shape == graph.input_shape
    assert shown[-1].shape[-1] == graph.shapes[graph.output.name][-1]
    assert len(shown) <= 35


def test_the_command(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["viz", "architecture", "resnet-20", "--output", "r.svg", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [(each["shape"], each["times"]) for each in result["volumes"][1:5]] == [
        ([32, 32, 16], 1),
        ([32, 32, 16], 3),
        ([16, 16, 32], 3),
        ([8, 8, 64], 3),
    ]
    assert "residual block" in Path("r.svg").read_text("utf-8")
    assert main(["viz", "activation-functions", "--range", "0", "--json"]) == 2
    assert "--range 0: a number from 0.1 to 1000" in capsys.readouterr().out
