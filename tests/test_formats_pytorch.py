"""State dicts of PyTorch and safetensors: which network they are, and files that are damaged, forged or programs."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch_models import pickled, residual, scores, tensor, write_old, write_safetensors, write_zip

from numbacnn.errors import ModelError, UsageError
from numbacnn.formats import Asked, Preparation, read_mean, read_network

PLAIN = Preparation(mean=(127.5,), scale=(1 / 64,))
IMAGES = np.random.default_rng(1).integers(0, 256, (2, 8, 8, 3), np.uint8)
Write = Callable[[Path, dict[str, Any]], Path]


def wrapped(state: dict[str, Any]) -> dict[str, Any]:
    return {f"module.{name}": each for name, each in state.items()}


@pytest.mark.parametrize(
    ("write", "name"), [(write_zip, "a.pth"), (write_old, "a.th"), (write_safetensors, "a.safetensors")]
)
def test_a_residual_network_computes_what_it_computed(tmp_path: Path, write: Write, name: str) -> None:
    state = residual()
    converted = read_network(write(tmp_path / name, wrapped(state)), Asked(input_shape=(8, 8, 3)), PLAIN)
    assert converted.name == "resnet-8"
    network = converted.network
    found = network.activations(IMAGES, network.graph.scores)
    wanted = scores((IMAGES.transpose(0, 3, 1, 2) - 127.5) / 64, state)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def refused(path: Path, **asked: Any) -> str:
    with pytest.raises((ModelError, UsageError)) as error:
        read_network(path, Asked(**asked), PLAIN)
    return str(error.value)


def test_a_program_is_refused_by_its_name(tmp_path: Path) -> None:
    state = residual()
    command = b"cos\nsystem\n(X\x05\x00\x00\x00touch" + b"tR"
    for made, name in (
        (command, "os.system"),
        (b"c__builtin__\neval\n)R", "__builtin__.eval"),
        (b"ctorchvision.models.resnet\nResNet\n)\x81", "torchvision.models.resnet.ResNet"),
        (b"\x82\x01", "EXT1"),
        (b"(i__main__\nNet\n", "INST"),
    ):
        message = refused(write_zip(tmp_path / "a.pth", state, pickled({"conv1.weight": made})))
        assert name in message


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (tensor("0", 108, (4, 3, 3, 4), (36, 9, 3, 1)), "needs 136 numbers"),
        (tensor("0", 108, (4, 3, 3, 3), (27, 9, 3, 1), offset=1), "needs 109 numbers"),
        (tensor("0", 10**9, (4, 3, 3, 3), (27, 9, 3, 1)), "damaged or cut off"),
        (tensor("99", 108, (4, 3, 3, 3), (27, 9, 3, 1)), "data/99 is missing"),
        (tensor("0", 108, (10**9, 10**9), (0, 0)), "repeats its numbers"),
        (tensor("0", 108, (-4, 3, 3, 3), (27, 9, 3, 1)), "not described as PyTorch does it"),
        (b"h\x05", "cannot be read as a pickle"),
        (b"(" * 50, "cannot be read as a pickle"),
    ],
    ids=map(str, range(8)),
)
def test_forged_tensors_are_refused(tmp_path: Path, made: bytes, message: str) -> None:
    assert message in refused(write_zip(tmp_path / "a.pth", residual(), pickled({"conv1.weight": made})))


@pytest.mark.parametrize(
    ("write", "name"), [(write_zip, "a.pth"), (write_old, "a.th"), (write_safetensors, "a.safetensors")]
)
def test_damaged_files_are_refused_or_read(tmp_path: Path, write: Write, name: str) -> None:
    path = write(tmp_path / name, residual())
    whole = path.read_bytes()
    random = np.random.default_rng(2)
    damaged = [whole[:length] for length in range(0, len(whole), 1997)]
    for place in (*range(0, 60, 5), *random.integers(0, len(whole), 8).tolist()):
        damaged.append(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
    wrong = 0
    for data in damaged:
        path.write_bytes(data)
        try:
            read_network(path, Asked(input_shape=(8, 8, 3)), PLAIN)
        except ModelError:
            wrong += 1
    assert wrong > len(whole) // 1997


def test_what_is_no_state_dict_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    assert "is compressed" in refused(write_zip(path, residual(), compression=zipfile.ZIP_DEFLATED))
    assert "no dict of tensors" in refused(write_zip(path, residual(), pickled({"epoch": b"K\x03"})))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other.txt", "")
    assert "without one data.pkl" in refused(path)
    path.write_bytes(b"\x80\x02K\x03.")
    assert "none of PyTorch's" in refused(path)
    path.write_bytes(b"weights")
    assert "no file of PyTorch" in refused(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"linear.bias": {"dtype": "F32", "shape": [5], "data_offsets": [0, 20]}}, "begins at byte 0"),
        ({"linear.bias": {"dtype": "F32", "shape": [5], "data_offsets": [0, 10**12]}}, "does not fit"),
        ({"linear.bias": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 20]}}, "does not fit"),
        ({"linear.bias": {"dtype": "F7", "shape": [5], "data_offsets": [0, 20]}}, "is of type F7"),
        ({"linear.bias": 5}, "data_offsets are expected"),
        ({"__metadata__": 5}, "no object of texts"),
    ],
)
def test_forged_safetensors_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    assert message in refused(write_safetensors(tmp_path / "a.safetensors", residual(), **changes))


def test_tensors_without_a_place_are_told(tmp_path: Path) -> None:
    state = residual() | {"layer1.0.se.weight": np.zeros(3, np.float32)}
    message = refused(write_zip(tmp_path / "a.pth", state), input_shape=(8, 8, 3))
    assert "named as those of resnet-8" in message
    assert "layer1.0.se.weight" in message
    state = {"what.weight": np.zeros((7, 7), np.float32)}
    assert "--network says which" in refused(write_zip(tmp_path / "a.pth", state))
    assert "did you mean 'lenet'?" in refused(tmp_path / "a.pth", network="lenett")


def test_the_user_says_which_network_it_is(tmp_path: Path) -> None:
    """By the order of its tensors, in a network of the user's own."""
    random = np.random.default_rng(3)
    filters, bias, weights = (
        random.normal(size=size).astype(np.float32) for size in ((4, 3, 3, 3), 4, (2, 4 * 36))
    )
    state = {"0.weight": filters, "0.bias": bias, "3.weight": weights, "3.bias": bias[:2]}
    definition = tmp_path / "mine.toml"
    definition.write_text(
        'input = [8, 8, 3]\n[layers]\na = { type = "convolution", filters = 4, kernel = 3 }\n'
        'b = { type = "relu" }\nc = { type = "flatten" }\nd = { type = "dense", outputs = 2 }\ne = { type = "softmax" }'
    )
    path = write_zip(tmp_path / "a.pt", state)
    network = read_network(path, Asked(network=str(definition)), PLAIN).network
    x = (IMAGES.transpose(0, 3, 1, 2) - 127.5) / 64
    patches = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (2, 3))
    y = np.maximum(np.einsum("nchwrs,kcrs->nkhw", patches, filters) + bias[:, None, None], 0)
    found = network.activations(IMAGES, network.graph.scores)
    np.testing.assert_allclose(found, y.reshape(2, -1) @ weights.T + bias[:2], rtol=1e-4, atol=1e-3)
    assert "it is no vgg-small" in refused(path, network="vgg-small")


def test_timm_says_how_pictures_are_prepared(tmp_path: Path) -> None:
    path = write_safetensors(tmp_path / "model.safetensors", residual())
    said = {
        "input_size": [3, 8, 8],
        "mean": [0.5, 0.25, 0],
        "std": [0.5, 0.25, 1],
        "crop_pct": 0.8,
        "interpolation": "bicubic",
    }
    (tmp_path / "config.json").write_text(
        json.dumps({"architecture": "resnetblur8", "pretrained_cfg": said, "label_names": list("abcde")})
    )
    converted = read_network(path, Asked(), Preparation())
    pixels = converted.network.graph.pixels
    assert pixels.mean == (127.5, 63.75, 0)
    assert pixels.scale == pytest.approx((2 / 255, 4 / 255, 1 / 255))
    assert pixels.shorter_side == 10
    assert converted.network.class_names == tuple("abcde")
    assert "'bicubic'" in converted.warnings[0]
    assert any("resnetblur8; by its tensors it is read as resnet-8" in each for each in converted.warnings)
    (tmp_path / "config.json").write_text('{"pretrained_cfg": {"mean": "white"}}')
    assert "mean = 'white'" in refused(path, input_shape=(8, 8, 3))


def test_resnet_32(real_data: Path) -> None:
    path = real_data / "resnet_cifar10" / "resnet32-d509ac18.th"
    converted = read_network(path, Asked(), read_mean("imagenet"))
    assert (converted.name, converted.network.input_shape) == ("resnet-32", (32, 32, 3))
    assert sum(each.size for each in converted.network.graph.parameters.values()) == 464_154
