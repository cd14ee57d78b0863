"""What other programs put together of several operators, or have an operator for where ours is several layers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx_models import model, numbers, operator
from test_formats_onnx import IMAGES

from numbacnn.errors import ModelError
from numbacnn.formats import Asked, Preparation, read_network
from numbacnn.formats.building import network_of
from numbacnn.formats.description import Description
from numbacnn.formats.protobuf import Writer
from numbacnn.layers import GlobalAveragePool

VOLUME = IMAGES.transpose(0, 3, 1, 2).astype(np.float64) / 64 - 2
"""What the pixels are for the networks below (N,C,H,W)."""


def text(name: str, value: str) -> Writer:
    return Writer().data(1, name).data(4, value).integer(20, 3)


def outputs(path: Path, *steps: Writer, tensors: tuple[Writer, ...] = (), opset: int = 17) -> Any:
    """What the operators make of the volume, from x to v: its means over all places, as (N,C)."""
    steps = (*steps, operator("GlobalAveragePool", "v", "mean"), operator("Flatten", "mean", "y"))
    path.write_bytes(model(*steps, opset=opset, tensors=tensors))
    made = read_network(path, Asked(), Preparation(mean=(128.0,), scale=(1 / 64,))).network
    return made.activations(IMAGES, made.graph.scores).reshape(len(IMAGES), -1)


def gelu(x: Any) -> Any:
    return x / 2 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


ROOT, HALF, ONE, TWO = (
    numbers(np.array(value, np.float32), name)
    for value, name in ((math.sqrt(2), "root"), (0.5, "half"), (1.0, "one"), (2.0, "two"))
)
BEGIN = (
    operator("Relu", "x", "r"),
    operator("Div", "r", "root", "a"),
    operator("Erf", "a", "b"),
    operator("Add", "b", "one", "c"),
)
GELUS = {
    "x (1 + erf) / 2": (operator("Mul", "r", "c", "d"), operator("Mul", "d", "half", "v")),
    "x (1 + erf) over two": (operator("Mul", "r", "c", "d"), operator("Div", "d", "two", "v")),
    "half x first": (operator("Mul", "r", "half", "d"), operator("Mul", "d", "c", "v")),
    "half the bracket first": (operator("Mul", "half", "c", "d"), operator("Mul", "r", "d", "v")),
}


@pytest.mark.parametrize("order", GELUS)
def test_gelu_is_known_by_its_formula(tmp_path: Path, order: str) -> None:
    first = operator(
        "Relu", "x", "x"
    )  # another name for the pixels, which constants would be taken for preprocessing of
    found = outputs(tmp_path / "a.onnx", first, *BEGIN, *GELUS[order], tensors=(ROOT, HALF, ONE, TWO))
    np.testing.assert_allclose(found, gelu(np.maximum(VOLUME, 0)).mean(axis=(2, 3)), rtol=1e-4)


def test_an_error_function_alone_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="Erf other than in a GELU"):
        outputs(tmp_path / "a.onnx", operator("Relu", "x", "a"), operator("Erf", "a", "v"))
    with pytest.raises(ModelError, match="Erf other than in a GELU"):
        outputs(
            tmp_path / "a.onnx",
            *BEGIN[:3],
            operator("Relu", "b", "v"),
            tensors=(ROOT,),
        )


@pytest.mark.parametrize(
    ("kind", "formula"),
    [
        ("HardSwish", lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
        ("HardSigmoid", lambda x: np.clip(x / 5 + 0.5, 0, 1)),
    ],
)
def test_hard_gates(tmp_path: Path, kind: str, formula: Any) -> None:
    found = outputs(tmp_path / "a.onnx", operator(kind, "x", "v"))
    np.testing.assert_allclose(found, formula(VOLUME).mean(axis=(2, 3)), rtol=1e-4, atol=1e-5)


def test_zeros_around_what_a_maximum_reads(tmp_path: Path) -> None:
    pads = numbers(np.array([0, 0, 1, 0, 0, 0, 0, 2]), "pads")
    found = outputs(tmp_path / "a.onnx", operator("Pad", "x", "pads", "v"), tensors=(pads,))
    expected = np.pad(VOLUME, ((0, 0), (0, 0), (1, 0), (0, 2))).mean(axis=(2, 3))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_maps_are_enlarged_by_factors_and_by_sizes(tmp_path: Path) -> None:
    """Of every generation of the operator; what is no repetition of cells is told."""
    scales = numbers(np.array([1, 1, 3, 3], np.float32), "scales")
    sizes = numbers(np.array([1, 3, 18, 14]), "sizes")
    for opset, step, tensor in (
        (9, operator("Upsample", "x", "scales", "v"), scales),
        (10, operator("Resize", "x", "scales", "v"), scales),
        (19, operator("Resize", "x", "", "", "sizes", "v"), sizes),
    ):
        found = outputs(tmp_path / "a.onnx", step, tensors=(tensor,), opset=opset)
        np.testing.assert_allclose(found, VOLUME.mean(axis=(2, 3)), rtol=1e-4, atol=1e-6)
    for option, value in (
        ("coordinate_transformation_mode", "align_corners"),
        ("nearest_mode", "ceil"),
        ("mode", "cubic"),
    ):
        step = operator("Resize", "x", "", "", "sizes", "v").data(5, text(option, value))
        with pytest.raises(ModelError, match="Resize other than by one whole factor"):
            outputs(tmp_path / "a.onnx", step, tensors=(sizes,), opset=19)


def test_response_within_a_channel(tmp_path: Path) -> None:
    """Caffe's other local response normalisation, of square windows."""
    description = Description(tmp_path, "a", (6, 5, 2))
    norm = description.normalised_within("norm", "pixels", 3, 2.0, 0.6)
    description.add("mean", GlobalAveragePool(), (norm,))
    network = network_of(description)
    images = np.random.default_rng(0).integers(0, 8, (2, 6, 5, 2), np.uint8)
    x = images.astype(np.float64)
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(x**2, ((0, 0), (1, 1), (1, 1), (0, 0))), (3, 3), (1, 2)
    )
    expected = x * (1 + 2.0 / 9 * windows.sum(axis=(4, 5))) ** -0.6
    np.testing.assert_allclose(network.activations(images, norm), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("size", "said"), [(0, "odd number"), (4, "odd number"), (301, "of memory")])
def test_a_response_that_no_channel_can_have_is_refused(tmp_path: Path, size: int, said: str) -> None:
    """301 x 301 places a channel would be a matrix of 30 GiB for a file of a few bytes."""
    (tmp_path / "a").write_bytes(b"0")
    with pytest.raises(ModelError, match=said):
        Description(tmp_path / "a", "a", (9, 7, 3)).normalised_within("norm", "pixels", size, 2.0, 0.6)
