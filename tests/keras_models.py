"""Small files as Keras writes them: a model's layers as JSON, its arrays by name or numbered by class."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import naive
import numpy as np

from numbacnn.ops.geometry import Padding, Window

RANDOM = np.random.default_rng(3)


def _array(*shape: int) -> np.ndarray[Any, Any]:
    return RANDOM.normal(0, 0.3, shape).astype(np.float32)


def _layer(kind: str, name: str, reads: tuple[str, ...] = (), **config: Any) -> dict[str, Any]:
    """As Keras 3 writes it; `old` turns it into what Keras 2 wrote."""
    tensors = [
        {"class_name": "__keras_tensor__", "config": {"keras_history": [each, 0, 0]}} for each in reads
    ]
    nodes = [{"args": [tensors if len(tensors) > 1 else tensors[0]], "kwargs": {}}] if reads else []
    return {"class_name": kind, "name": name, "config": {"name": name, **config}, "inbound_nodes": nodes}


CONVOLUTION = {"kernel_size": [3, 3], "padding": "same", "use_bias": True}
LAYERS = [
    _layer("InputLayer", "in", batch_shape=[None, 7, 8, 3]),
    _layer("Rescaling", "to_one", ("in",), scale=1 / 127.5, offset=-1),
    _layer("Conv2D", "first", ("to_one",), filters=4, strides=[2, 2], activation="linear", **CONVOLUTION),
    _layer("BatchNormalization", "norm", ("first",), axis=[-1], epsilon=1e-3, scale=True, center=True),
    _layer("ReLU", "clip", ("norm",), max_value=6.0),
    _layer(
        "DepthwiseConv2D",
        "each",
        ("clip",),
        strides=[1, 1],
        depth_multiplier=1,
        activation="tanh",
        **CONVOLUTION,
    ),
    _layer("Add", "sum", ("clip", "each")),
    _layer("MaxPooling2D", "pool", ("sum",), pool_size=[2, 2], strides=[2, 2], padding="valid"),
    _layer("Flatten", "flat", ("pool",)),
    _layer("Dropout", "drop", ("flat",), rate=0.5),
    _layer("Dense", "scores", ("drop",), units=3, activation="softmax", use_bias=True),
]
ARRAYS: dict[str, dict[str, Any]] = {
    "first": {"kernel": _array(3, 3, 3, 4), "bias": _array(4)},
    "norm": {
        "gamma": 1 + _array(4),
        "beta": _array(4),
        "moving_mean": _array(4),
        "moving_variance": 1 + _array(4) ** 2,
    },
    "each": {"depthwise_kernel": _array(3, 3, 4, 1), "bias": _array(4)},
    "scores": {"kernel": _array(2 * 2 * 4, 3), "bias": _array(3)},
}
NUMBERED = {"first": "conv2d", "norm": "batch_normalization", "each": "depthwise_conv2d", "scores": "dense"}


def functional(layers: list[dict[str, Any]] = LAYERS) -> dict[str, Any]:
    """The description of a model of these layers, which ends in the last."""
    ends = {"input_layers": [["in", 0, 0]], "output_layers": [[layers[-1]["name"], 0, 0]]}
    return {"class_name": "Functional", "config": {"name": "small", "layers": layers, **ends}}


def sequential(layers: list[dict[str, Any]], shape: list[int | None]) -> dict[str, Any]:
    """The same of layers each of which reads the one before, as Keras 2 wrote it."""
    plain = [{key: each[key] for key in ("class_name", "config")} for each in layers]
    plain[0]["config"]["batch_input_shape"] = shape
    return {"class_name": "Sequential", "config": {"name": "chain", "layers": plain}}


def old(described: dict[str, Any]) -> dict[str, Any]:
    """A functional model as Keras 2 described it."""
    text = json.dumps(described)
    config = json.loads(text)["config"]
    for layer in config["layers"]:
        reads = json.dumps(layer["inbound_nodes"])
        found = [entry["config"]["keras_history"] for entry in _tensors(json.loads(reads))]
        layer["inbound_nodes"] = [[[*each, {}] for each in found]] if found else []
    return {"class_name": "Functional", "config": config}


def _tensors(value: Any) -> list[Any]:
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [each for part in inner for each in _tensors(part)]


def write_legacy(
    path: Path, described: dict[str, Any] | None, arrays: dict[str, dict[str, Any]] = ARRAYS
) -> Path:
    """A whole model of Keras 2, or, without a description, its weights."""
    with h5py.File(path, "w") as file:
        if described is not None:
            file.attrs["model_config"] = json.dumps(described)
        group = file if described is None else file.create_group("model_weights")
        group.attrs["layer_names"] = [name.encode() for name in arrays]
        for layer, own in arrays.items():
            group.create_group(layer).attrs["weight_names"] = [f"{layer}/{name}:0".encode() for name in own]
            for name, array in own.items():
                group[f"{layer}/{layer}/{name}:0"] = array
    return path


def write_numbered(path: Path, arrays: dict[str, dict[str, Any]] = ARRAYS) -> Path:
    """Weights alone, as Keras 3 writes them."""
    with h5py.File(path, "w") as file:
        file.create_group("vars")
        for layer, own in arrays.items():
            for number, array in enumerate(own.values()):
                file[f"layers/{NUMBERED.get(layer, layer)}/vars/{number}"] = array
    return path


def write_keras(path: Path, described: dict[str, Any], weights: str = "model.weights.h5") -> Path:
    """A .keras file."""
    inner = write_numbered(path.with_name("inner.h5"))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", json.dumps(described))
        archive.write(inner, weights)
    inner.unlink()
    return path


def probabilities(images: Any) -> Any:
    """What these layers make of pictures, float64."""
    x = images.astype(np.float64) / 127.5 - 1
    first, norm, each, scores = (ARRAYS[name] for name in ("first", "norm", "each", "scores"))
    # 7 rows and 8 columns by 3x3 filters of stride 2: 4 rows need one row of zeros on each side, 4 columns one after them.
    window = Window((3, 3), (2, 2), Padding(1, 1, 0, 1), rounding="floor")
    x = naive.convolution(x, first["kernel"], first["bias"], window, 1)
    x = (x - norm["moving_mean"]) / np.sqrt(norm["moving_variance"] + 1e-3) * norm["gamma"] + norm["beta"]
    x = np.clip(x, 0, 6)
    kernel = each["depthwise_kernel"].transpose(0, 1, 3, 2)
    window = Window((3, 3), (1, 1), Padding(1, 1, 1, 1), rounding="floor")
    x = x + np.tanh(naive.convolution(x, kernel, each["bias"], window, 4))
    x = x.reshape(len(x), 2, 2, 2, 2, 4).max(axis=(2, 4))
    return naive.softmax(x.reshape(len(x), -1) @ scores["kernel"] + scores["bias"])
