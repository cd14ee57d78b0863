"""ONNX's operators that choose or exchange channels: what exporters make of ShuffleNet's networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx_models import model, numbers, operator, refused

from numbacnn.errors import ModelError
from numbacnn.formats import Asked, Preparation, read_network
from numbacnn.formats.protobuf import Writer

SHAPE = (1, 6, 4, 5)
PICTURES = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3), np.uint8)
FILTERS = np.random.default_rng(1).normal(size=(6, 3, 1, 1)).astype(np.float32)
MAPS = np.einsum("nhwc,kc->nkhw", PICTURES, FILTERS[:, :, 0, 0])
"""What the first convolution makes of the pictures, (N,6,4,5)."""


def computed(path: Path, *operators: Writer, tensors: tuple[Writer, ...]) -> np.ndarray:
    """Returns the maps before the last mean, (N,C,H,W), of a network whose operators read "m" and write "z"."""
    steps = (operator("Conv", "x", "w", "m"), *operators, operator("GlobalAveragePool", "z", "y"))
    path.write_bytes(model(*steps, shape=(1, 3, 4, 5), tensors=(numbers(FILTERS, "w"), *tensors)))
    made = read_network(path, Asked(), Preparation(mean=(0.0,))).network
    mean = next(node for node in made.graph.nodes if node.layer.kind == "global-average-pool")
    found: np.ndarray = made.activations(PICTURES, mean.inputs[0])
    return found.transpose(0, 3, 1, 2)


def shapes(**named: list[int]) -> tuple[Writer, ...]:
    return tuple(numbers(np.array(lengths), name) for name, lengths in named.items())


@pytest.mark.parametrize(
    ("parted", "axes", "joined"),
    [
        ([1, 3, 2, 4, 5], [0, 2, 1, 3, 4], [1, 6, 4, 5]),
        ([0, 3, -1, 4, 5], [0, 2, 1, 3, 4], [0, -1, 4, 5]),
        ([-1, 3, 2, 20], [0, 2, 1, 3], [-1, 6, 4, 5]),
    ],
    ids=["sizes", "sizes that are left open", "rows and columns in one"],
)
def test_channels_are_shuffled(tmp_path: Path, parted: list[int], axes: list[int], joined: list[int]) -> None:
    found = computed(
        tmp_path / "a.onnx",
        operator("Reshape", "m", "parted", "a"),
        operator("Transpose", "a", "b", perm=axes),
        operator("Reshape", "b", "joined", "z"),
        tensors=shapes(parted=parted, joined=joined),
    )
    wanted = MAPS.reshape(2, 3, 2, 4, 5).transpose(0, 2, 1, 3, 4).reshape(MAPS.shape)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-3)


def test_channels_are_split_and_cut_out(tmp_path: Path) -> None:
    found = computed(
        tmp_path / "a.onnx",
        operator("Split", "m", "sizes", outputs=("a", "b"), axis=1),
        operator("Slice", "b", "first", "last", "axis", "two", "c"),
        operator("Concat", "c", "a", "z", axis=1),
        tensors=shapes(sizes=[2, 4], first=[1], last=[9], axis=[-3], two=[2]),
    )
    np.testing.assert_allclose(found, MAPS[:, [3, 5, 0, 1]], rtol=1e-4, atol=1e-3)


def test_what_is_no_shuffle_is_listed(tmp_path: Path) -> None:
    parted, joined = numbers(np.array([1, 3, 1, 4, 5]), "parted"), numbers(np.array([1, 3, 20]), "joined")
    for steps in (
        [operator("Transpose", "a", "b", perm=[0, 1, 2, 4, 3]), operator("Reshape", "b", "joined", "y")],
        [operator("Transpose", "a", "b", perm=[0, 2, 1, 3, 4]), operator("Reshape", "b", "joined", "y")],
        [operator("Transpose", "a", "b", perm=[0, 2, 1, 3, 4]), operator("Relu", "b", "y")],
    ):
        data = model(
            operator("Reshape", "x", "parted", "a"), *steps, shape=(1, 3, 4, 5), tensors=(parted, joined)
        )
        assert "no counterpart for" in refused(tmp_path / "a.onnx", data)


def test_parts_that_are_not_the_channels_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    data = model(operator("Split", "x", outputs=("y", "b"), axis=2), shape=(1, 3, 4, 5))
    assert "Split along another axis than the channels" in refused(path, data)
    data = model(
        operator("Split", "x", "sizes", outputs=("y", "b"), axis=1),
        shape=(1, 3, 4, 5),
        tensors=shapes(sizes=[2, 2]),
    )
    assert "parts of [2, 2] of 3 channels" in refused(path, data)
    # A small file that says it has a million channels gets no matrix of a million times a million numbers.
    path.write_bytes(model(operator("Split", "x", outputs=("y", "b"), axis=1), shape=(1, 1 << 19, 1, 1)))
    with pytest.raises(ModelError, match="of memory"):
        read_network(path, Asked(), Preparation(mean=(0.0,)))
