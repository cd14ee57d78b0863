"""Keras's formats: one model in all of them, what is refused, and files that are damaged or programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from keras_models import (
    ARRAYS,
    LAYERS,
    _layer,
    functional,
    old,
    probabilities,
    sequential,
    write_keras,
    write_legacy,
    write_numbered,
)

from numbacnn.errors import ModelError, UsageError
from numbacnn.formats import Asked, Converted, Preparation, read_network
from numbacnn.formats.keras_weights import numbered
from numbacnn.storage import save_model

IMAGES = np.random.default_rng(5).integers(0, 256, (2, 7, 8, 3), np.uint8)


def read(path: Path, **asked: Any) -> Converted:
    return read_network(path, Asked(**asked), Preparation(), needs_preparation=False)


def test_one_model_in_all_formats(tmp_path: Path) -> None:
    expected = probabilities(IMAGES)
    (tmp_path / "beside.json").write_text(json.dumps(functional()))
    files = [
        write_legacy(tmp_path / "new.h5", functional()),
        write_legacy(tmp_path / "old.h5", old(functional())),
        write_keras(tmp_path / "zipped.keras", functional()),
        write_numbered(tmp_path / "beside.weights.h5"),
        write_legacy(tmp_path / "beside.h5", None),
    ]
    for path in files:
        converted = read(path)
        network = converted.network
        assert converted.name == "small"
        assert (network.graph.pixels.mean, network.graph.pixels.scale) == (127.5, pytest.approx(1 / 127.5))
        np.testing.assert_allclose(network.predict(IMAGES), expected, rtol=1e-5, err_msg=str(path))


def test_our_own_models_are_told_from_theirs(tmp_path: Path) -> None:
    network = read(write_keras(tmp_path / "a.keras", functional())).network
    save_model(tmp_path / "ours.h5", network, record={"network": "small"})
    assert read(tmp_path / "ours.h5").name == "small"
    (tmp_path / "none.h5").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="not an HDF5 file"):
        read(tmp_path / "none.h5")


def test_a_sequential_model_of_keras_2(tmp_path: Path) -> None:
    layers = [
        _layer("Conv2D", "first", filters=4, strides=[1, 1], activation="relu", **{"kernel_size": 3}),
        _layer("ZeroPadding2D", "around", padding=[[1, 0], [0, 1]]),
        _layer("GlobalAveragePooling2D", "mean"),
        _layer("Dense", "scores", units=3, activation={"class_name": "Softmax", "config": {}}),
    ]
    scores = {"kernel": ARRAYS["scores"]["kernel"][:4], "bias": ARRAYS["scores"]["bias"]}
    arrays = {"first": ARRAYS["first"], "scores": scores}
    path = write_legacy(tmp_path / "chain.h5", sequential(layers, [None, None, None, 3]), arrays)
    with pytest.raises(UsageError, match="--input"):
        read(path)
    network = read(path, input_shape=(7, 8, 3)).network
    x = np.lib.stride_tricks.sliding_window_view(IMAGES.astype(np.float64), (3, 3), (1, 2))
    x = np.einsum("nhwcrs,rsck->nhwk", x, ARRAYS["first"]["kernel"]) + ARRAYS["first"]["bias"]
    mean = np.maximum(x, 0).sum(axis=(1, 2)) / (6 * 7)  # one row and one column of zeros more
    z = mean @ scores["kernel"] + scores["bias"]
    expected = np.exp(z - z.max(1, keepdims=True))
    np.testing.assert_allclose(
        network.predict(IMAGES), expected / expected.sum(1, keepdims=True), rtol=1e-4, atol=1e-7
    )


def test_weights_alone_of_a_network_by_name(tmp_path: Path) -> None:
    sizes = {"conv2d": (5, 5, 3, 32), "conv2d_1": (5, 5, 32, 32), "conv2d_2": (5, 5, 32, 64)}
    sizes |= {"dense": (1024, 64), "dense_1": (64, 10)}
    random = np.random.default_rng(2)
    arrays = {
        name: {
            "kernel": random.normal(0, 0.05, shape).astype(np.float32),
            "bias": np.zeros(shape[-1], np.float32),
        }
        for name, shape in sizes.items()
    }
    path = write_numbered(tmp_path / "quick.weights.h5", arrays)
    with pytest.raises(UsageError, match="--network"):
        read(path)
    network = read(path, network="cifar-quick").network
    for node, name in (("conv2", "conv2d_1"), ("dense4", "dense")):
        np.testing.assert_array_equal(network.parameter(node, "weights"), arrays[name]["kernel"])
    legacy = read(write_legacy(tmp_path / "quick.h5", None, arrays), network="cifar-quick").network
    np.testing.assert_array_equal(legacy.parameter("dense5", "weights"), arrays["dense_1"]["kernel"])
    with pytest.raises(ModelError, match="are 32 x 3 x 5 x 5, and 6 x 1 x 5 x 5"):
        read(path, network="lenet")


@pytest.mark.parametrize("kind", ["Lambda", "LayerNormalization", "os.system", "TFOpLambda"])
def test_all_layers_without_a_counterpart_are_told_at_once(tmp_path: Path, kind: str) -> None:
    layers = [
        *LAYERS[:3],
        _layer(kind, "odd", ("first",)),
        _layer("GRU", "odder", ("odd",)),
        *LAYERS[3:],
    ]
    with pytest.raises(ModelError, match=r"2 layers: GRU .*; |2 layers: .*GRU") as raised:
        read(write_keras(tmp_path / "odd.keras", functional(layers)))
    assert kind in str(raised.value)


def test_pickles_are_not_read(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="pickles are programs"):
        read(write_keras(tmp_path / "a.keras", functional(), weights="model.weights.npz"))


def _without(name: str) -> dict[str, dict[str, Any]]:
    return {layer: arrays for layer, arrays in ARRAYS.items() if layer != name}


def test_damage_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"'norm' has no gamma"):
        read(write_legacy(tmp_path / "a.h5", functional(), _without("norm")))
    wrong = {**ARRAYS, "scores": {"kernel": np.zeros((5, 3), np.float32), "bias": np.zeros(3, np.float32)}}
    with pytest.raises(ModelError, match=r"'scores': its weights in the file are 3 x 5, and 3 x 16"):
        read(write_legacy(tmp_path / "b.h5", functional(), wrong))
    whole = write_keras(tmp_path / "c.keras", functional()).read_bytes()
    (tmp_path / "c.keras").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError):
        read(tmp_path / "c.keras")
    with h5py.File(write_legacy(tmp_path / "d.h5", functional()), "a") as file:
        del file["model_weights/first/first/kernel:0"]
        file["model_weights/first/first/kernel:0"] = h5py.ExternalLink("/etc/passwd", "/")
    with pytest.raises(ModelError, match="link"):
        read(tmp_path / "d.h5")
    for config in ({"class_name": "Functional"}, [], functional([*LAYERS[:2], LAYERS[-1]])):
        with pytest.raises(ModelError):
            read(write_keras(tmp_path / "e.keras", config))


def test_layers_are_numbered_by_class() -> None:
    assert numbered(["InputLayer", "Conv2D", "ReLU", "Conv2D", "SeparableConv2D", "PReLU", "Conv2D"]) == [
        "input_layer",
        "conv2d",
        "re_lu",
        "conv2d_1",
        "separable_conv2d",
        "p_re_lu",
        "conv2d_2",
    ]
