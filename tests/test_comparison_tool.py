"""What compare_pytorch.py and the benches' results print and draw; PyTorch is not needed for that."""

from __future__ import annotations

import copy
import sys

import numpy as np
import pytest
from comparison.bounded import Disagreement, within
from comparison.description import modules, parameters
from comparison.memory import peak_bytes
from comparison.ours import BATCHES, BY_LAYER
from comparison.picture import ratios_picture
from comparison.tables import layers_table, means, memory_table, passes_table, report, told
from comparison.timing import Seconds, in_turns, ratios
from comparisons.convolution import CONVOLUTION_LAYERS
from comparisons.dense import DENSE_LAYERS
from comparisons.pooling import AVERAGE_LAYERS, POOL_LAYERS
from figure_checks import check
from results import tables

from numbacnn.architectures import build
from numbacnn.errors import NetworkError

RESULT = {
    "date": "2026-01-02",
    "processor": "A processor of $1_0$ cores",
    "cores": 2,
    "python": "3.11.7",
    "numpy": "2.4.6",
    "numba": "0.68.1",
    "pytorch": "2.13.0+cpu",
    "threads": 2,
    "rounds": 15,
    "passes": [
        {
            "network": "lenet",
            "pass": "train",
            "batch_size": 64,
            "images_per_second": {"numbacnn": 13839.2, "channels first": 14833.0, "channels last": 14529.0},
            "ratio": 0.5,
            "ratio_of_the_best": 0.93,
        },
        {
            "network": "lenet",
            "pass": "batch 1",
            "batch_size": 1,
            "images_per_second": {"numbacnn": 551.0, "channels first": 414.0, "frozen": 586.0},
            "ratio": 0.94,
            "ratio_of_the_best": 0.9,
            "left_out": {"frozen, optimised": 0.28},
        },
        {
            "network": "alexnet",
            "pass": "train",
            "batch_size": 16,
            "images_per_second": {"numbacnn": 30.0, "channels first": 15.0, "channels last": 14.0},
            "ratio": 2.0,
            "ratio_of_the_best": 2.0,
        },
    ],
    "layers": [
        {
            "network": "lenet",
            "layer": "conv1",
            "op": "weight gradient",
            "milliseconds": {"numbacnn": 0.8544, "channels first": 0.419, "channels last": 0.329},
            "gflops": {"numbacnn": 18.2, "channels first": 36.0, "channels last": 45.8},
            "ratio": 0.385,
        },
        {
            "network": "lenet",
            "layer": "pool1",
            "op": "forward",
            "milliseconds": {"numbacnn": 0.6, "channels first": 0.9},
            "ratio": 1.5,
        },
    ],
    "memory": {
        "network": "alexnet",
        "batch_size": 16,
        "peak_bytes": {"numbacnn": 1210 * 2**20, "channels first": 1354 * 2**20},
        "ratio": 0.894,
    },
}


def test_whole_passes_are_a_table():
    assert passes_table(RESULT["passes"]).splitlines() == [
        "| network | pass | batch | numbacnn | channels first | channels last | frozen | ratio | ratio of the best |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
        "| lenet | train | 64 | 13,839 | 14,833 | 14,529 |  | 0.50 | 0.93 |",
        "| lenet | batch 1 | 1 | 551 | 414 |  | 586 | 0.94 | 0.90 |",
        "| alexnet | train | 16 | 30 | 15 | 14 |  | 2.00 | 2.00 |",
    ]
    assert means(RESULT["passes"]) == "Geometric means of the ratios: train 1.00, batch 1 0.94."


def test_layers_and_memory_are_tables():
    assert layers_table(RESULT["layers"]).splitlines()[2:] == [
        "| lenet conv1 | weight gradient | 0.854 | 0.419 | 0.329 | 18 | 46 | 0.39 |",
        "| lenet pool1 | forward | 0.6 | 0.9 |  |  |  | 1.50 |",
    ]
    assert memory_table(RESULT["memory"]).splitlines()[2] == "| alexnet | 16 | 1,210 | 1,354 | 0.89 |"


def test_the_report_says_where_its_figures_are_from_and_what_is_left_out():
    text = report(RESULT)
    for part in ("2026-01-02", "A processor of $1_0$ cores", "PyTorch 2.13.0+cpu", "2 threads", "15 rounds"):
        assert part in text
    assert "lenet, batch 1: frozen, optimised is left out; its scores are wrong by 28 %." in text
    assert text.count("\n\n| ") == 3
    assert report({key: value for key, value in RESULT.items() if key != "layers"}).count("\n\n| ") == 2


def test_the_picture_has_a_bar_for_every_ratio():
    figure = ratios_picture(RESULT)
    check(figure)
    (axes,) = figure.axes
    heights = [bar.get_height() for bar in axes.patches]
    assert sorted(height for height in heights if height) == pytest.approx([-1, np.log2(0.94), 1])
    shown = {text.get_text() for text in axes.texts}
    assert shown >= {"0.50", "0.94", "2.00", "A processor of $1_0$ cores, 2 threads, float32"}
    assert axes.get_title(loc="left") == "numbacnn beside PyTorch 2.13.0"
    assert [text.get_text() for text in figure.legends[0].texts] == ["training step", "forward, one picture"]


@pytest.mark.parametrize("factor", [0.03, 1.0, 7.0])
def test_the_picture_holds_any_ratio(factor):
    result = copy.deepcopy(RESULT)
    for row in result["passes"]:
        row["ratio"] *= factor
    figure = ratios_picture(result)
    check(figure)
    low, high = figure.axes[0].get_ylim()
    assert low < 0 < high
    assert all(low < bar.get_height() < high for bar in figure.axes[0].patches)


def test_sides_take_turns_and_the_ratio_is_to_the_best():
    calls = []
    times = in_turns({name: lambda name=name: calls.append(name) for name in "ab"}, rounds=2, turn=0)
    assert calls == list("aaabbb" + 2 * "aabb")
    assert 0 < times["a"].least <= times["a"].median
    measured = {"numbacnn": Seconds(2.0, 1.0), "first": Seconds(1.0, 0.9), "last": Seconds(3.0, 0.5)}
    assert ratios(measured) == {"ratio": 0.5, "ratio_of_the_best": 0.5}


def test_rows_are_measured_until_the_time_is_over():
    clock, (row, *_) = [0.0], RESULT["passes"]

    def rows(name):
        for number in range(2):
            if name == "wrong" and number:
                raise Disagreement("wrong: gradients differ by 1.0e+00")
            clock[0] += 1
            yield row

    passes = ("train", "forward")
    networks = {name: (passes, rows(name)) for name in ("wrong", "first", "second", "third")}
    told_of = list(within(networks, 3.5, lambda: clock[0]))
    assert [next(iter(each)) for each in told_of] == [
        *("passes", "disagreements", "passes", "passes", "passes", "not_measured", "not_measured"),
    ]
    assert [told(*item) for each in told_of for item in each.items()][-3:] == [
        "lenet 64, train: numbacnn 13,839, channels first 14,833, channels last 14,529 images/s; ratio 0.50",
        "Not measured, as the time was over: second: forward.",
        "Not measured, as the time was over: third: train, forward.",
    ]
    assert "Not compared: wrong" in report({**RESULT, "disagreements": ["wrong"]})


def test_a_network_is_described_as_modules_of_pytorch():
    described = modules(build("cifar-quick", initialise=None).graph)
    assert [described[index] for index in (0, 1, 2, 5, 9, 10)] == [
        ("Conv2d", [3, 32, [5, 5], [1, 1], [2, 2], [1, 1], 1], {}, [-1]),
        ("MaxPool2d", [[3, 3], [2, 2], [0, 0]], {"ceil_mode": True}, [0]),
        ("ReLU", [], {"inplace": True}, [1]),
        ("AvgPool2d", [[3, 3], [2, 2], [0, 0]], {"ceil_mode": True, "count_include_pad": True}, [4]),
        ("Flatten", [], {}, [8]),
        ("Linear", [1024, 64], {}, [9]),
    ]
    residual = modules(build("resnet-20", initialise=None).graph)
    added = next(place for place, each in enumerate(residual) if each.name == "Add")
    block = [each.name for each in residual[:added]]
    assert block[:3] == ["Conv2d", "BatchNorm2d", "ReLU"]
    assert residual[added].inputs == [added - 1, 2]  # what was learned, and the block's input
    with pytest.raises(NetworkError, match=r"'tanh1'.*tanh"):
        modules(build("lenet-1998", initialise=None).graph)


def test_parameters_are_in_pytorchs_order():
    graph = build("lenet").graph
    (filters, _), _, (matrix, bias), (plain, _), _ = parameters(graph)
    np.testing.assert_array_equal(filters[3, 0], graph.read("conv1/weights")[:, :, 0, 3])
    volume = np.random.default_rng(0).standard_normal((5, 5, 16)).astype(np.float32)
    dense = {key: each.value for key, each in graph.parameters_of(graph["dense3"]).items()}
    expected = volume.reshape(-1) @ dense["weights"] + dense["bias"]
    np.testing.assert_allclose(matrix @ volume.transpose(2, 0, 1).reshape(-1) + bias, expected, rtol=1e-3)
    np.testing.assert_array_equal(plain.T, graph.read("dense4/weights"))


def test_the_tables_of_layers_hold_every_layer_of_the_networks():
    """What is measured layer by layer is what the networks are made of."""
    found = {}
    for network in BY_LAYER:
        count, graph = BATCHES[network], build(network, initialise=None).graph
        for node in graph.nodes:
            (shape,) = graph.input_shapes(node)
            if node.layer.kind in ("convolution", "max-pool", "average-pool"):
                window = node.layer.window(shape)
                own = (window.kernel, window.stride, window.padding, window.output_size(*shape[:2]))
                found[f"{network} {node.name}"] = (node.layer.kind, (count, *shape), own)
            elif node.layer.kind == "dense":
                found[f"{network} {node.name}"] = ("dense", (count, *shape, node.layer.outputs))
    listed = {name: ("dense", shape) for name, shape in DENSE_LAYERS.items()}
    for kind, layers in (
        ("convolution", CONVOLUTION_LAYERS),
        ("max-pool", POOL_LAYERS),
        ("average-pool", AVERAGE_LAYERS),
    ):
        for name, row in layers.items():
            window = row.layer.window() if kind == "convolution" else row.window
            size = window.output_size(*row.volume[1:3])
            if name.split()[0] in BY_LAYER:
                listed[name] = (kind, row.volume, (window.kernel, window.stride, window.padding, size))
    assert listed == found


@pytest.mark.skipif(sys.platform == "win32", reason="no peak is known on Windows")
def test_the_peak_of_memory_grows_with_what_is_held():
    before = peak_bytes()
    block = np.ones(before // 8 + 2**23)  # more than this process has ever held
    assert peak_bytes() - before > block.nbytes / 2


def test_the_benches_become_tables():
    benches = [
        {
            "group": "training_step",
            "params": {"name": "lenet"},
            "stats": {"median": 0.005},
            "extra_info": {"images": 64},
        },
        {
            "group": "dense.forward",
            "params": {"layer": "lenet dense3"},
            "stats": {"median": 0.0001},
            "extra_info": {"gflops": 61.44, "share_of_peak": 0.3072, "peak_gflops": 200.0},
        },
        {
            "group": "softmax.forward",
            "params": {"layer": "lenet"},
            "stats": {"median": 1e-5},
            "extra_info": {},
        },
    ]
    assert tables({"benchmarks": benches}).splitlines() == [
        "| network | pass | batch | ms | images/s |",
        "|---|---|--:|--:|--:|",
        "| lenet | training step | 64 | 5 | 12,800 |",
        "",
        "Peak: 200 GFLOP/s.",
        "",
        "| op | layer | ms | GFLOP/s | share of peak |",
        "|---|---|--:|--:|--:|",
        "| dense.forward | lenet dense3 | 0.1 | 61 | 31 % |",
        "| softmax.forward | lenet | 0.01 |  |  |",
    ]
    assert tables(RESULT) == report(RESULT)
