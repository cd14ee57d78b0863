"""Networks by name and from TOML files."""

from __future__ import annotations

import math

import pytest

from numbacnn.architectures import ARCHITECTURES, build, read_definition
from numbacnn.errors import NetworkError, ShapeError, UsageError
from numbacnn.graph import Graph
from numbacnn.layers import Convolution, Pixels

ALEXNET = {
    "conv1": (55, 55, 96),
    "pool1": (27, 27, 96),
    "conv2": (27, 27, 256),
    "pool2": (13, 13, 256),
    "conv3": (13, 13, 384),
    "conv4": (13, 13, 384),
    "conv5": (13, 13, 256),
    "pool5": (6, 6, 256),
    "dense6": (4096,),
    "dense7": (4096,),
    "dense8": (1000,),
    "softmax": (1000,),
}
ALEXNET_WEIGHTS = {
    "conv1": 34_848,
    "conv2": 614_400,
    "conv3": 884_736,
    "conv4": 1_327_104,
    "conv5": 884_736,
    "dense6": 37_748_736,
    "dense7": 16_777_216,
    "dense8": 4_096_000,
}


def graph_of(name):
    """The graph of a named network, without weights."""
    architecture = ARCHITECTURES[name]
    return Graph(
        architecture.layers(architecture.input_shape, architecture.classes), architecture.input_shape
    )


def test_alexnet_is_the_lectures():
    graph = graph_of("alexnet")
    assert graph.input_shape == (227, 227, 3)
    assert {name: graph.shapes[name] for name in ALEXNET} == ALEXNET
    weights = {each.node: each.shape for each in graph.parameters.values() if each.key == "weights"}
    assert {name: math.prod(shape) for name, shape in weights.items()} == ALEXNET_WEIGHTS
    parameters = sum(each.size for each in graph.parameters.values())
    assert parameters == 62_378_344


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("lenet", {"conv1": (28, 28, 6), "pool1": (14, 14, 6), "conv2": (10, 10, 16), "pool2": (5, 5, 16)}),
        ("lenet-1998", {"conv1": (28, 28, 6), "tanh1": (28, 28, 6), "pool2": (5, 5, 16), "dense3": (120,)}),
        (
            "cifar-quick",
            {"pool1": (16, 16, 32), "pool2": (8, 8, 32), "pool3": (4, 4, 64), "flatten": (1024,)},
        ),
        (
            "vgg-small",
            {"relu2": (32, 32, 64), "pool2": (8, 8, 128), "conv6": (8, 8, 256), "flatten": (4096,)},
        ),
        ("digits", {"conv1": (8, 8, 16), "pool3": (2, 2, 64), "dense4": (10,)}),
    ],
)
def test_sizes_of_the_small_networks(name, sizes):
    graph = graph_of(name)
    assert {layer: graph.shapes[layer] for layer in sizes} == sizes
    assert graph.shapes["softmax"] == (10,)


def test_lenet_pads_digits_and_takes_larger_pictures_as_they_are():
    assert build("lenet", input_shape=(32, 32, 3), classes=4).graph.shapes["conv1"] == (28, 28, 6)


def test_build_takes_names_pixels_and_a_seed():
    pixels = Pixels(mean=33.0, scale=0.01)
    network = build("digits", class_names=("zero", "one", "two"), pixels=pixels, seed=4)
    assert network.class_names == ("zero", "one", "two")
    assert network.classes == 3
    assert network.graph.pixels is pixels
    again = build("digits", class_names=("zero", "one", "two"), seed=4)
    for one, other in zip(network.graph.parameters.values(), again.graph.parameters.values(), strict=True):
        assert (one.value == other.value).all()


def test_an_unknown_name_is_refused():
    with pytest.raises(
        UsageError, match=r"unknown network 'alexnett'; did you mean 'alexnet'\?; or give a .toml"
    ):
        build("alexnett")


GOOD = """\
input = [8, 8, 3]

[layers]
conv1 = { type = "convolution", filters = 4, kernel = 3, padding = [1, 1] }
relu1 = { type = "relu" }
conv2 = { type = "convolution", filters = 4, kernel = [3, 1], padding = [1, 1, 0, 0], inputs = ["conv1"] }
sum = { type = "add", inputs = ["relu1", "conv2"] }
pool = { type = "max-pool", kernel = 3, stride = 2, rounding = "ceil" }
flat = { type = "flatten" }
scores = { type = "dense", outputs = 5 }
softmax = { type = "softmax" }
"""


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "net.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_definition_is_built(write):
    path = write(GOOD)
    definition = read_definition(path)
    assert (definition.input_shape, definition.classes) == ((8, 8, 3), 5)
    network = build(path, seed=2)
    assert network.graph.shapes["pool"] == (4, 4, 4)
    assert network.graph["sum"].inputs == ("relu1", "conv2")
    assert network.graph["conv2"].layer == Convolution(4, (3, 1), padding=(1, 1, 0, 0))
    with pytest.raises(UsageError, match="ends in 5 classes, and 7 are needed"):
        build(str(path), classes=7)


def test_an_option_that_is_true_or_false(write):
    network = build(write(GOOD.replace("filters = 4, kernel = 3,", "filters = 4, kernel = 3, bias = false,")))
    assert network.graph["conv1"].layer.bias is False
    assert set(network.graph.parameters_of(network.graph["conv1"])) == {"weights"}


@pytest.mark.parametrize(
    ("old", "new", "line", "error", "message"),
    [
        (
            "filters = 4, kernel = 3,",
            "filters = 4, kernel = 3, bias = 0,",
            4,
            NetworkError,
            "bias = 0 of convolution: true or false is expected",
        ),
        ('"relu"', '"relux"', 5, NetworkError, "layer 'relu1': unknown layer 'relux'; did you mean 'relu'?"),
        ("filters = 4, kernel = 3,", "filter = 4, kernel = 3,", 4, NetworkError, "did you mean 'filters'?"),
        (
            "filters = 4, kernel = 3,",
            "kernel = 3,",
            4,
            NetworkError,
            "convolution needs 'filters': a whole number",
        ),
        (
            "filters = 4, kernel = 3,",
            'filters = "4", kernel = 3,',
            4,
            NetworkError,
            "a whole number is expected",
        ),
        ("filters = 4, kernel = 3,", "filters = 0, kernel = 3,", 4, NetworkError, "at least 1 is expected"),
        (
            "padding = [1, 1] ",
            "padding = [1, 1, 1] ",
            4,
            NetworkError,
            "[top, bottom, left, right] is expected",
        ),
        ('"relu" }', '"relu", slope = 1 }', 5, NetworkError, "relu has no option 'slope'; it has none"),
        ("kernel = 3, padding", "kernel = 3, stride = 3, padding", 4, ShapeError, "does not fit a 8x8 input"),
        ('["relu1", "conv2"]', '["relu1", "conv3"]', 7, NetworkError, "it reads 'conv3'"),
        ('["relu1", "conv2"]', '"relu1"', 7, NetworkError, "inputs = "),
        ('rounding = "ceil"', 'rounding = "up"', 8, NetworkError, '"exact", "floor" or "ceil" is expected'),
        ('{ type = "flatten" }', '"flatten"', 9, NetworkError, "layer 'flat': flat = { type = "),
        ('flat = { type = "flatten" }', "", 10, ShapeError, "layer 'scores': dense takes a flat input"),
        (
            "input = [8, 8, 3]",
            "input = [8, 8]",
            1,
            NetworkError,
            "input = [height, width, channels] is expected",
        ),
        ("input = [8", "classes = 5\ninput = [8", 1, NetworkError, "unknown key 'classes'"),
    ],
)
def test_errors_name_the_file_and_the_line(write, old, new, line, error, message):
    assert GOOD.count(old) == 1
    path = write(GOOD.replace(old, new))
    with pytest.raises(error) as caught:
        read_definition(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert message in str(caught.value)


def test_a_layer_in_a_table_of_its_own_has_its_line_too(write):
    path = write('input = [8, 8, 3]\n\n[layers.conv1]\ntype = "convolution"\nfilters = 4\nkernel = 9\n')
    with pytest.raises(ShapeError) as caught:
        read_definition(path)
    assert str(caught.value).startswith(f"{path}:3: layer 'conv1': 9x9 filter")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("input = [8, 8, 3]\n", "a table [layers] with one line a layer is expected"),
        ("input = [8, 8\n[layers]\n", ":2: not TOML"),
        (
            GOOD.replace('inputs = ["relu1", "conv2"]', 'inputs = ["relu1", "relu1"]'),
            "nothing reads layer 'conv2'",
        ),
        (GOOD.replace('softmax = { type = "softmax" }\n', ""), "a network ends in softmax"),
    ],
)
def test_errors_of_the_whole_name_the_file(write, text, message):
    path = write(text)
    with pytest.raises(NetworkError) as caught:
        build(path)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"absent\.toml: no such file"):
        build(tmp_path / "absent.toml")
