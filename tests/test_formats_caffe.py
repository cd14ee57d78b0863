"""Caffe's networks: all generations of layers, their arrays in our order, and files that are damaged or forged."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from caffe_models import TEXT, blob, expected, weights, write

from numbacnn.data.pictures import load
from numbacnn.errors import ModelError, UsageError
from numbacnn.formats import Asked, Converted, Preparation, read_mean, read_network
from numbacnn.formats.protobuf import Writer

PLAIN = Preparation(mean=(0.0,), order="RGB")
IMAGES = np.random.default_rng(1).random((2, 8, 7, 2), np.float32)


def convert(
    folder: Path, text: str, arrays: dict[str, list[Any]], generation: int = 2, **asked: Any
) -> Converted:
    (folder / "deploy.prototxt").write_text(text)
    return read_network(write(folder / "tiny.caffemodel", arrays, generation), Asked(**asked), PLAIN)


def outputs(converted: Converted) -> Any:
    return converted.network.predict(IMAGES)


def test_a_network_computes_what_it_computed(tmp_path: Path) -> None:
    arrays = weights()
    converted = convert(tmp_path, TEXT, arrays)
    wanted = expected(255 * IMAGES.transpose(0, 3, 1, 2).astype(np.float64), arrays)
    np.testing.assert_allclose(outputs(converted), wanted, rtol=1e-4, atol=1e-6)
    assert converted.name == "tiny"
    nodes = [node.name for node in converted.network.graph.nodes]
    assert nodes == ["pixels", "conv", "relu", "pool", "drop", "drop/flat", "ip", "prob"]


V1 = (
    TEXT.replace("layer {", "layers {")
    .replace('"InnerProduct"', "INNER_PRODUCT")
    .replace('"ReLU"', "RELU")
    .replace('"Softmax"', "18 type: SOFTMAX")
)
for _name in ("Convolution", "Pooling", "Dropout"):
    V1 = V1.replace(f'"{_name}"', _name.upper())
V0 = """
name: "tiny" input: "data" input_dim: 1 input_dim: 2 input_dim: 8 input_dim: 7
layers { layer { name: "pad" type: "padding" pad: 1 } bottom: "data" top: "pad" }
layers { layer { name: "conv" type: "conv" num_output: 4 kernelsize: 3 group: 2 } bottom: "pad" top: "conv" }
layers { layer { name: "relu" type: "relu" } bottom: "conv" top: "conv" }
layers { layer { name: "pool" type: "pool" pool: AVE kernelsize: 3 stride: 2 } bottom: "conv" top: "pool" }
layers { layer { name: "ip" type: "innerproduct" num_output: 3 } bottom: "pool" top: "ip" }
layers { layer { name: "prob" type: "softmax" } bottom: "ip" top: "prob" }
"""


@pytest.mark.parametrize(("generation", "text"), [(1, V1), (0, V0)])
def test_old_generations_are_the_same_network(tmp_path: Path, generation: int, text: str) -> None:
    today = TEXT if generation else TEXT.replace("relu_param { negative_slope: 0.1 }", "")
    wanted = outputs(convert(tmp_path, today, weights()))
    np.testing.assert_array_equal(outputs(convert(tmp_path, text, weights(), generation)), wanted)


def test_a_file_of_weights_describes_its_network_itself(tmp_path: Path) -> None:
    """Weights that were saved in training: a data layer with what is done to pixels, a layer of the other phase, and two
    losses, of which the last is the network's.
    """

    def layer(name: str, kind: str, bottom: str, top: str) -> Writer:
        return Writer().data(1, name).data(2, kind).data(3, bottom).data(4, top)

    random = np.random.default_rng(2)
    filters, bias = (random.normal(size=size).astype(np.float32) / 1000 for size in ((3, 3, 8, 8), 3))
    transform = Writer().real(1, 0.5).integer(3, 8).real(5, 10).real(5, 20).real(5, 30)
    options = Writer().integer(1, 3).integer(4, 8)
    layers = [
        layer("other", "Crop", "data", "data").data(8, Writer().integer(1, 0)),
        Writer()
        .data(1, "data")
        .data(2, "Data")
        .data(4, "data")
        .data(8, Writer().integer(1, 1))
        .data(100, transform),
        layer("conv", "Convolution", "data", "conv")
        .data(106, options)
        .data(7, blob(filters))
        .data(7, blob(bias)),
        layer("side", "ReLU", "data", "side"),
        layer("aux", "SoftmaxWithLoss", "side", "aux"),
        layer("loss", "SoftmaxWithLoss", "conv", "loss"),
    ]
    network = Writer().data(1, "trained")
    for each in layers:
        network.data(100, each)
    path = tmp_path / "trained.caffemodel"
    path.write_bytes(b"".join(network.parts()))
    converted = read_network(path, Asked(), Preparation())
    assert converted.network.input_shape == (8, 8, 3)
    pixels = converted.network.graph.pixels
    assert (pixels.mean, pixels.scale, pixels.channel_order) == ((30, 20, 10), 0.5, "BGR")
    assert any("what ends in side" in warning for warning in converted.warnings)
    picture = random.integers(0, 256, (1, 8, 8, 3), np.uint8)
    turned = (picture[0, :, :, ::-1].transpose(2, 0, 1) - np.array([10, 20, 30]).reshape(3, 1, 1)) * 0.5
    scores = (filters * turned).sum((1, 2, 3)) + bias
    found = np.log(converted.network.predict(picture)[0])
    np.testing.assert_allclose(found - found[0], scores - scores[0], rtol=1e-4, atol=1e-4)


def test_batch_normalisation_and_its_scale_are_one_layer(tmp_path: Path) -> None:
    text = TEXT.split("layer {")[0] + (
        'layer { name: "bn" type: "BatchNorm" bottom: "data" top: "bn" batch_norm_param { eps: 0.5 } }'
        'layer { name: "scale" type: "Scale" bottom: "bn" top: "bn" scale_param { bias_term: true } }'
        'layer { name: "ip" type: "InnerProduct" bottom: "bn" top: "ip" inner_product_param { num_output: 3 } }'
    )
    random = np.random.default_rng(4)
    mean, variance, scale, shift = (random.random(2).astype(np.float32) for _ in range(4))
    dense = [random.normal(size=(3, 112)).astype(np.float32) / 100, np.zeros(3, np.float32)]
    arrays = {"bn": [mean * 4, variance * 4, np.array([4], np.float32)], "scale": [scale, shift], "ip": dense}
    x = 255 * IMAGES.transpose(0, 3, 1, 2)
    columns = [each.reshape(2, 1, 1) for each in (mean, variance, scale, shift)]
    x = (x - columns[0]) / np.sqrt(columns[1] + 0.5) * columns[2] + columns[3]
    scores = x.reshape(2, -1) @ dense[0].T
    wanted = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    np.testing.assert_allclose(outputs(convert(tmp_path, text, arrays)), wanted, rtol=1e-3)


def test_what_is_not_supported_is_listed_at_once(tmp_path: Path) -> None:
    text = TEXT.replace('"Dropout"', '"Crop"').replace('type: "ReLU"', 'type: "BNLL"')
    with pytest.raises(
        ModelError, match=r"2 types of layer: BNLL \(needed by relu\); Crop \(needed by drop\)"
    ):
        convert(tmp_path, text, weights())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("num_output: 4", "num_output: 5000000000", "layer 'conv': filters"),
        ("num_output: 4", "num_output: 2000000000", "weights in the file are 4 x 1 x 3 x 3"),
        (
            "num_output: 4",
            "num_output: 6",
            "layer 'conv': its weights in the file are 4 x 1 x 3 x 3, and 6 x 1 x 3 x 3 are",
        ),
        ("num_output: 4", "num_output: four", "deploy.prototxt:6: num_output = 'four': a number"),
        ("kernel_size: 3 pad", "pad", "layer 'conv': kernel_size has 0 numbers"),
        ("pool: AVE", "pool: AVERAGE", "MAX or AVE or STOCHASTIC is expected"),
        ('bottom: "ip"', 'bottom: "up"', "layer 'prob': it reads 'up', which no layer above writes"),
        ('name: "ip"', 'name: "ip2"', "layer 'ip2': 0 arrays of weights"),
        ('type: "Softmax"', 'type: "Softmax', "deploy.prototxt:11: "),
        ("group: 2 } }", "group: 2 }", "'}' is missing"),
        ("input_dim: 8", "input_dim: 0", "the input is"),
        ("input_dim: 8", "input_dim: 1000000", "layer 'ip'"),
        (TEXT, "layer " * 100_000, "':' or '{' is expected"),
        (TEXT, "a {" * 100_000, "more than 40 deep"),
        (TEXT, "", "there is no field in it"),
    ],
    ids=map(str, range(15)),
)
def test_a_wrong_text_says_what_and_where(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ModelError) as error:
        convert(tmp_path, TEXT.replace(old, new), weights())
    assert message in str(error.value)
    assert str(tmp_path) in str(error.value)


def test_damaged_weights_are_refused_or_read(tmp_path: Path) -> None:
    """Cut off anywhere, and with any byte changed; whatever happens, the error is ours and comes at once."""
    (tmp_path / "deploy.prototxt").write_text(TEXT)
    path = write(tmp_path / "tiny.caffemodel", weights())
    whole = path.read_bytes()
    random = np.random.default_rng(5)
    cut_off = [whole[:length] for length in range(0, len(whole), 37)]
    places = itertools.chain(range(40), random.integers(0, len(whole), 60).tolist())
    changed = [
        whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :] for place in places
    ]
    refused = 0
    for damaged in (*cut_off, *changed, b"\0" * 1000, b"\xff" * 1000, b"PK\3\4" + whole):
        path.write_bytes(damaged)
        try:
            read_network(path, Asked(), PLAIN)
        except ModelError:
            refused += 1
    assert refused > len(cut_off)


def test_what_the_file_does_not_say_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "deploy.prototxt").write_text(TEXT)
    path = write(tmp_path / "tiny.caffemodel", weights())
    with pytest.raises(UsageError, match=r"does not say what is done to pixels.*--mean"):
        read_network(path, Asked(), Preparation())
    (tmp_path / "mean.binaryproto").touch()
    with pytest.raises(UsageError, match=r"mean\.binaryproto, which lies beside it, may be its mean image"):
        read_network(path, Asked(), Preparation())
    (tmp_path / "deploy.prototxt").write_text(TEXT.replace("input_dim", "other"))
    with pytest.raises(UsageError, match="give --input HEIGHTxWIDTHxCHANNELS"):
        read_network(path, Asked(), PLAIN)
    assert read_network(path, Asked(input_shape=(8, 7, 2)), PLAIN).network.input_shape == (8, 7, 2)


def test_a_mean_image_is_cut_and_turned(tmp_path: Path) -> None:
    image = np.random.default_rng(6).random((3, 6, 6)).astype(np.float32)
    path = tmp_path / "mean.binaryproto"
    path.write_bytes(b"".join(blob(image, legacy=True).parts()))
    pixels = read_mean(str(path)).overlaid(Preparation(order="BGR")).pixels((4, 4, 3))
    np.testing.assert_array_equal(pixels.constants["mean_image"], image[::-1, 1:5, 1:5].transpose(1, 2, 0))
    assert (pixels.channel_order, pixels.shorter_side) == ("BGR", 6)
    np.save(tmp_path / "mean.npy", image)
    np.testing.assert_array_equal(read_mean(str(tmp_path / "mean.npy")).mean, image.transpose(1, 2, 0))
    with pytest.raises(ModelError, match="6x6x3, and the network's pictures are 7x7x3"):
        read_mean(str(path)).pixels((7, 7, 3))
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ModelError, match="damaged or cut off"):
        read_mean(str(path))


def test_squeezenet(real_data: Path) -> None:
    path = real_data / "squeezenet" / "squeezenet_v1.1.caffemodel"
    converted = read_network(path, Asked(), Preparation(mean=(104.0, 117.0, 123.0)))
    network = converted.network
    assert sum(each.size for each in network.graph.parameters.values()) == 1_235_496
    photographs = sorted((real_data / "photos").glob("*.JPEG"))
    found = network.predict([load(path) for path in photographs])
    named = {
        path.name[:9]: network.class_names[row.argmax()] for path, row in zip(photographs, found, strict=True)
    }
    for synset in ("n01443537", "n02268443", "n02510455"):
        assert named[synset].startswith(synset)


def test_cifar10_quick(real_data: Path) -> None:
    folder = real_data / "caffe" / "cifar10_quick"
    prepared = read_mean(str(folder / "mean.binaryproto")).overlaid(Preparation(order="RGB"))
    network = read_network(folder / "cifar10_quick_iter_5000.caffemodel", Asked(), prepared).network
    assert sum(each.size for each in network.graph.parameters.values()) == 145_578
    assert network.graph.pixels.constants["mean_image"].shape == (32, 32, 3)
