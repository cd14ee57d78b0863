"""ONNX and safetensors out and in: every kind of layer computes the same afterwards, here and, where it is installed, in ONNX
Runtime.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbacnn.formats import Asked, Preparation, read_network, write_network
from numbacnn.graph import Graph, LayerLine
from numbacnn.layers import (
    ELU,
    GELU,
    Add,
    AveragePool,
    BatchNorm,
    Clip,
    Concatenate,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Layer,
    LeakyReLU,
    LocalResponseNorm,
    MaxPool,
    Multiply,
    Pixels,
    PReLU,
    Ramp,
    ReLU,
    ReLU6,
    Scale,
    Sigmoid,
    SiLU,
    Softmax,
    Subsample,
    SumPool,
    Tanh,
)
from numbacnn.network import Network

SHAPE = (9, 7, 3)
IMAGES = np.random.default_rng(0).integers(0, 256, (2, *SHAPE), np.uint8)

ALONE: dict[str, Layer] = {
    "convolution": Convolution(6, (3, 2), stride=2, padding=(1, 0, 2, 1), groups=3, rounding="floor"),
    "convolution over the border": Convolution(
        4, 4, stride=3, dilation=2, padding=1, rounding="ceil", bias=False
    ),
    "max pool": MaxPool(3, stride=2, padding=1, rounding="floor"),
    "max pool over the border": MaxPool((2, 3), stride=2, rounding="ceil"),
    "average": AveragePool(3, stride=2, padding=1, rounding="floor"),
    "average over the border": AveragePool(2, stride=2, rounding="ceil"),
    "average over border and padding": AveragePool(4, stride=2, padding=(1, 0, 2, 0), rounding="ceil"),
    "average of the picture alone": AveragePool(3, stride=2, padding=1, rounding="ceil", count_padding=False),
    "sum": SumPool(3, stride=2, rounding="ceil"),
    "batch norm": BatchNorm(eps=0.1),
    "batch norm without scale": BatchNorm(learn_scale=False, learn_shift=False),
    "scale": Scale(),
    "scale without bias": Scale(bias=False),
    "local response": LocalResponseNorm(3, alpha=2.0, beta=0.6, k=1.5),
    "prelu": PReLU(),
    "leaky": LeakyReLU(0.2),
    "elu": ELU(0.7),
    "clip": Clip(-0.3, 0.4),
    "subsample": Subsample(6),
    **{
        layer.kind: layer
        for layer in (ReLU(), ReLU6(), Ramp(), SiLU(), Sigmoid(), Tanh(), GELU(), GELU(approximate=True))
    },
}
UNREAD = ("gelu", "sum", "average over border and padding")
"""What is written with operators that are not put together again when they are read."""


def network(lines: list[LayerLine], pixels: Pixels, *, names: tuple[str, ...] = ()) -> Network:
    """With numbers everywhere."""
    made = Network(Graph([("pixels", pixels), *lines], SHAPE), names)
    random = np.random.default_rng(1)
    for name in (*made.graph.parameters, *made.graph.buffers):
        shape = (
            made.graph.read(name).shape if name in made.graph.buffers else made.graph.parameters[name].shape
        )
        spread = random.random(shape) + 0.5 if name.endswith("variance") else random.normal(size=shape) / 3
        made.graph.write(name, spread.astype(np.float32))
    return made


def classified(layer: Layer, *, volume: bool = True) -> list[LayerLine]:
    """A layer over a map, or over the row of it, and what makes two classes of it."""
    middle: list[LayerLine] = (
        [("layer", layer), ("flat", Flatten())] if volume else [("flat", Flatten()), ("layer", layer)]
    )
    return [*middle, ("scores", Dense(2)), ("softmax", Softmax())]


def runtime(path: Path) -> Any:
    """What ONNX Runtime computes of the pictures, None where it is not installed."""
    try:
        import onnxruntime
    except ImportError:
        return None
    session = onnxruntime.InferenceSession(path)
    return session.run(None, {"pixels": IMAGES.transpose(0, 3, 1, 2).astype(np.float32)})


def compare(made: Network, path: Path, *, read: bool = True) -> Network | None:
    """Writes the network, and compares what others and we make of it."""
    write_network(path, made, "made")
    wanted = made.activations(IMAGES, made.graph.scores)
    tolerance = 1e-4 * np.abs(wanted).max()
    found = runtime(path) if path.suffix == ".onnx" else None
    if found is not None:
        np.testing.assert_allclose(found[1], wanted, atol=tolerance)
        np.testing.assert_allclose(found[0], made.predict(IMAGES), atol=1e-4)
    if not read:
        return None
    again = read_network(path, Asked(), Preparation()).network
    np.testing.assert_allclose(again.activations(IMAGES, again.graph.scores), wanted, atol=tolerance)
    return again


@pytest.mark.parametrize("name", ALONE)
def test_every_layer_computes_the_same_as_onnx(tmp_path: Path, name: str) -> None:
    pixels = Pixels(mean=(100.0, 110.0, 120.0), scale=0.02)
    compare(network(classified(ALONE[name]), pixels), tmp_path / "a.onnx", read=name not in UNREAD)


JOINED: list[LayerLine] = [
    ("a", Convolution(4, 3, padding=1)),
    ("b", Convolution(4, 3, padding=1), ("pixels",)),
    ("sum", Add(), ("a", "b")),
    ("product", Multiply(), ("sum", "b")),
    ("joined", Concatenate(), ("product", "a")),
    ("mean", GlobalAveragePool()),
    ("gate", Sigmoid()),
    ("gated", Multiply(), ("joined", "gate")),
    ("flat", Flatten()),
    ("norm", BatchNorm()),
    ("prelu", PReLU()),
    ("factors", Scale()),
    ("drop", Dropout(0.5)),
    ("hidden", Dense(5, bias=False)),
    ("rows", Concatenate(), ("hidden", "drop")),
    ("scores", Dense(3)),
    ("softmax", Softmax()),
]


@pytest.mark.parametrize("suffix", [".onnx", ".safetensors"])
def test_a_network_of_branches_and_rows(tmp_path: Path, suffix: str) -> None:
    pixels = Pixels(mean=(100.0, 110.0, 120.0), scale=(0.01, 0.02, 0.03), channel_order="BGR")
    again = compare(network(JOINED, pixels, names=("cat", "dog", "cow")), tmp_path / f"a{suffix}")
    assert again is not None
    assert again.class_names == ("cat", "dog", "cow")
    found = again.graph.pixels
    assert found.channel_order == "BGR"
    assert found.mean == pytest.approx(pixels.mean)
    assert found.scale == pytest.approx(pixels.scale)


@pytest.mark.parametrize("suffix", [".onnx", ".safetensors"])
@pytest.mark.parametrize("order", ["RGB", "BGR"])
def test_a_mean_image_and_a_network_that_ends_in_a_map(tmp_path: Path, suffix: str, order: str) -> None:
    """Its classes are places of a map: their order is ours on both sides."""
    pixels = Pixels(scale=0.01, channel_order=order)
    pixels.constants["mean_image"] = np.random.default_rng(2).random(SHAPE).astype(np.float32) * 100
    lines: list[LayerLine] = [("conv", Convolution(3, 5)), ("softmax", Softmax())]
    lines.insert(1, ("flat", Flatten()))
    made = network(lines, pixels)
    write_network(tmp_path / f"a{suffix}", made, "made")
    found = runtime(tmp_path / "a.onnx") if suffix == ".onnx" else None
    if found is not None:
        np.testing.assert_allclose(found[0], made.predict(IMAGES), atol=1e-4)
    compare(network(classified(ReLU()), pixels), tmp_path / f"b{suffix}")
