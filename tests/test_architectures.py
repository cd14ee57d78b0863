"""Networks by name and from TOML files."""

from __future__ import annotations

import math

import pytest

from numbacnn.architectures import ARCHITECTURES, OFFERED, build, read_definition
from numbacnn.errors import NetworkError, ShapeError, UsageError
from numbacnn.layers import Convolution, Pixels
from numbacnn.published import FACTS
from numbacnn.summary import summarise

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


PARAMETERS = {
    "alexnet-2012": 60_965_224,
    "caffenet": 60_965_224,
    "zfnet": 62_357_608,
    "nin": 7_595_176,
    "vgg-11": 132_863_336,
    "vgg-11-bn": 132_868_840,
    "vgg-13": 133_047_848,
    "vgg-13-bn": 133_053_736,
    "vgg-16": 138_357_544,
    "vgg-16-bn": 138_365_992,
    "vgg-19": 143_667_240,
    "vgg-19-bn": 143_678_248,
    "googlenet": 13_378_280,
    "resnet-18": 11_689_512,
    "resnet-34": 21_797_672,
    "resnet-50": 25_557_032,
    "resnet-101": 44_549_160,
    "resnet-152": 60_192_808,
    "resnet-20": 269_722,
    "resnet-32": 464_154,
    "resnet-44": 658_586,
    "resnet-56": 853_018,
    "resnet-110": 1_727_962,
    "squeezenet-1.0": 1_248_424,
    "squeezenet-1.1": 1_235_496,
    "mobilenet-v1": 4_231_976,
    "efficientnet-lite0": 4_652_008,
}
"""As published, or counted in their authors' or in torchvision's and timm's weights. GoogLeNet's are those with both heads."""
NO_PHOTOGRAPHS = {"airbench94", "digits", "lenet", "lenet-1998", "cifar-quick", "vgg-small", "alexnet"}


def graph_of(name):
    """The graph of a named network, without weights."""
    return ARCHITECTURES[name].graph()


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_are_those_of_the_papers(name):
    assert sum(each.size for each in graph_of(name).parameters.values()) == PARAMETERS[name]


def test_every_network_of_the_papers_is_counted():
    assert set(PARAMETERS) | NO_PHOTOGRAPHS == set(ARCHITECTURES) == set(FACTS)
    assert set(OFFERED) <= set(ARCHITECTURES)


def test_multiply_adds_are_those_of_the_papers():
    """In millions; SqueezeNet's and EfficientNet-Lite's are their authors' too."""
    papers = {"resnet-50": 4089, "resnet-152": 11514, "vgg-16": 15470, "mobilenet-v1": 569, "resnet-20": 41}
    assert {name: round(summarise(graph_of(name)).multiply_adds / 1e6) for name in papers} == papers


@pytest.mark.parametrize("name", sorted(set(PARAMETERS) - {"alexnet-2012", "caffenet", "zfnet"}))
def test_networks_for_photographs_take_small_pictures_too(name):
    shapes = ARCHITECTURES[name].graph((32, 32, 3), 10).shapes
    assert shapes["softmax"] == (10,)
    volumes = [shape for shape in shapes.values() if len(shape) == 3 and shape[0] > 1]
    assert volumes[-1][0] in (2, 4, 6, 8), volumes[-1]


SIZES = {
    "zfnet": {"conv1": (110, 110, 96), "norm1": (55, 55, 96), "conv2": (26, 26, 256), "pool5": (6, 6, 256)},
    "caffenet": {"pool1": (27, 27, 96), "norm2": (13, 13, 256), "pool5": (6, 6, 256)},
    "googlenet": {"pool2": (28, 28, 192), "inception_4a.output": (14, 14, 512), "loss1.pool": (4, 4, 512)},
    "resnet-50": {"maxpool": (56, 56, 64), "layer1.0.add": (56, 56, 256), "layer4.2.add": (7, 7, 2048)},
    "squeezenet-1.0": {"conv1": (111, 111, 96), "pool1": (55, 55, 96), "fire9.concat": (13, 13, 512)},
    "mobilenet-v1": {"conv1": (112, 112, 32), "conv14.pw": (7, 7, 1024)},
    "efficientnet-lite0": {"conv_stem": (112, 112, 32), "blocks.6.0.conv_pwl": (7, 7, 320)},
}
"""From the tables of the papers."""


@pytest.mark.parametrize("name", SIZES)
def test_sizes_of_the_networks_for_photographs(name):
    shapes = graph_of(name).shapes
    assert {layer: shapes[layer] for layer in SIZES[name]} == SIZES[name]


def test_strides_pad_below_and_on_the_right_where_tensorflow_does():
    graph = graph_of("efficientnet-lite0")
    assert graph["conv_stem"].layer.padding == (0, 1, 0, 1)
    assert graph["blocks.2.0.conv_dw"].layer.padding == (1, 2, 1, 2)
    assert graph["blocks.2.1.conv_dw"].layer.padding == (2, 2, 2, 2)


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
