"""ONNX and safetensors out and in: every kind of layer computes the same afterwards, here and, where it is installed, in ONNX
Runtime.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx_models import model, numbers, operator, refused

from numbacnn.errors import ModelError, UsageError
from numbacnn.formats import Asked, Preparation, read_network, write_network
from numbacnn.formats.protobuf import Writer
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
    TransposedConvolution,
    Upsample,
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
    "upsample": Upsample(2),
    "upsample bilinear": Upsample(3, "bilinear"),
    "transposed convolution": TransposedConvolution(4, (3, 2), stride=2, padding=(1, 0, 0, 1), extra=1),
    **{
        layer.kind: layer
        for layer in (ReLU(), ReLU6(), Ramp(), SiLU(), Sigmoid(), Tanh(), GELU(), GELU(approximate=True))
    },
}
UNREAD = ("sum", "average over border and padding")
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
    said = read_network(tmp_path / f"a{suffix}", Asked(), Preparation()).warnings
    assert not any("BGR" in each for each in said)  # the file says it
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


def test_unsupported_operators_are_listed_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    found = refused(
        path,
        model(operator("Mish", "x", "a"), operator("Einsum", "a", "b"), operator("Einsum", "b", "y")),
    )
    assert "2 operators: Einsum (needed by its Einsum, its Einsum); Mish (needed by its Mish)" in found
    wide = numbers(np.array([0, 2, 3, 63]), "shape")
    found = refused(
        path, model(operator("Reshape", "x", "shape", "a"), operator("Transpose", "a", "y"), tensors=(wide,))
    )
    assert "2 kinds of operator: Reshape other than to a row" in found
    assert "Transpose of what depends on the picture" in found


def test_rows_are_found_in_what_programs_put_together(tmp_path: Path) -> None:
    """The shape is asked for, cut and joined again, as old exporters flatten; a product and a sum are one dense layer."""
    random = np.random.default_rng(3)
    weights, bias = random.normal(size=(189, 4)).astype(np.float32), random.normal(size=4).astype(np.float32)
    tensors = (
        numbers(weights, "w"),
        numbers(bias, "b"),
        numbers(np.array([0]), "zero"),
        numbers(np.array([-1]), "rest"),
    )
    steps = (
        operator("Shape", "x", "shape"),
        operator("Gather", "shape", "zero", "n"),
        operator("Concat", "n", "rest", "wanted", axis=0),
        operator("Reshape", "x", "wanted", "row"),
        operator("MatMul", "row", "w", "product"),
        operator("Add", "product", "b", "y"),
    )
    path = tmp_path / "a.onnx"
    path.write_bytes(model(*steps, tensors=tensors))
    made = read_network(path, Asked(), Preparation(scale=(1 / 255,))).network
    assert [node.layer.kind for node in made.graph.nodes] == ["pixels", "flatten", "dense", "softmax"]
    wanted = IMAGES.transpose(0, 3, 1, 2).reshape(2, -1) / 255 @ weights + bias
    np.testing.assert_allclose(made.activations(IMAGES, made.graph.scores), wanted, rtol=1e-4, atol=1e-4)


def test_padding_that_keeps_the_size_is_computed(tmp_path: Path) -> None:
    filters = numbers(np.random.default_rng(4).normal(size=(2, 3, 4, 4)).astype(np.float32), "w")
    padded = Writer().data(1, "auto_pad").data(4, "SAME_UPPER").integer(20, 3)
    path = tmp_path / "a.onnx"
    steps = operator("Conv", "x", "w", "a").data(5, padded), operator("GlobalAveragePool", "a", "y")
    path.write_bytes(model(*steps, tensors=(filters,)))
    made = read_network(path, Asked(), Preparation(mean=(0.0,))).network
    window = made.graph.nodes[1].layer.window()
    assert window is not None
    assert window.padding == (1, 2, 1, 2)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (model(operator("Relu", "x", "y"), opset=6), "written for opset 6; 7 to"),
        (model(operator("Relu", "x", "y"), shape=(1, 3, 9)), "has 3 axes"),
        (model(operator("Relu", "x", "y"), shape=(1, 3, 0, 0)), "give --input"),
        (model(operator("Relu", "x", "y"), shape=(1, 3, 1 << 30, 9)), "no picture's size"),
        (model(operator("Relu", "z", "y")), "Relu 'its Relu': its input 'z' is of no operator above"),
        (model(operator("Relu", "x", "z")), "none of its outputs depends on the picture"),
        (model(operator("Relu", "x", "y"), tensors=(Writer().integer(1, 9).integer(2, 1).data(8, "w"),)), "holds 0 numbers"),
        (
            model(
                operator("ConstantOfShape", "s", "w", value=numbers(np.ones(1, np.float32), "")),
                operator("Flatten", "x", "r"),
                operator("Gemm", "r", "w", "y", transB=1),
                tensors=(numbers(np.array([1 << 30, 189]), "s"),),
            ),
            "of memory, and",
        ),
        (
            model(
                operator("ConstantOfShape", "s", "a"),
                operator("Add", "a", "a", "w"),
                operator("Flatten", "x", "r"),
                operator("Gemm", "r", "w", "y", transB=1),
                tensors=(numbers(np.array([1 << 20, 189]), "s"),),
            ),
            "numbers are computed with",
        ),
        (
            model(
                operator("Conv", "x", "w", "y"),
                tensors=(
                    Writer().integer(1, 2).integer(2, 1).data(8, "w").integer(14, 1)
                    .data(13, Writer().data(1, "location").data(2, "../../etc/passwd")),
                ),
            ),
            "a file beside it is expected",
        ),
        (b"\x08\x07", "no graph"),
    ],
    ids=map(str, range(11)),
)  # fmt: skip
def test_forged_files_are_refused(tmp_path: Path, data: bytes, message: str) -> None:
    assert message in refused(tmp_path / "a.onnx", data)


def test_numbers_beside_the_file(tmp_path: Path) -> None:
    """As PyTorch writes large networks; a file that is too short is named."""
    filters = np.random.default_rng(5).normal(size=(2, 3, 1, 1)).astype(np.float32)
    tensor = Writer()
    for length in filters.shape:
        tensor.integer(1, length)
    tensor.integer(2, 1).data(8, "w").integer(14, 1)
    for key, value in (("location", "a.data"), ("offset", "8"), ("length", "24")):
        tensor.data(13, Writer().data(1, key).data(2, value))
    data = model(operator("Conv", "x", "w", "a"), operator("GlobalAveragePool", "a", "y"), tensors=(tensor,))
    (tmp_path / "a.data").write_bytes(b"\0" * 8 + filters.tobytes())
    path = tmp_path / "a.onnx"
    path.write_bytes(data)
    made = read_network(path, Asked(), Preparation(mean=(0.0,))).network
    np.testing.assert_array_equal(
        made.parameter(made.graph.nodes[1].name, "weights"), filters.transpose(2, 3, 1, 0)
    )
    (tmp_path / "a.data").write_bytes(b"\0" * 8)
    assert "a.data: 24 bytes of w from byte 8 on are expected, and it has 8" in refused(path, data)


def test_damaged_files_are_refused_or_read(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    write_network(path, network(JOINED, Pixels(scale=0.01)), "made")
    whole = path.read_bytes()
    random = np.random.default_rng(6)
    damaged = [whole[:length] for length in range(0, len(whole), 499)]
    for place in random.integers(0, len(whole), 60).tolist():
        damaged.append(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
    wrong = 0
    for data in damaged:
        path.write_bytes(data)
        try:
            read_network(path, Asked(), Preparation(mean=(0.0,)))
        except (ModelError, UsageError):
            wrong += 1
    assert wrong >= len(whole) // 499
