"""IDX files, read and refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sources import GREY, LABELS, write_idx

from numbacnn.data.importers import read_source
from numbacnn.errors import DataError


@pytest.mark.parametrize("packed", [False, True])
def test_idx(tmp_path: Path, packed: bool) -> None:
    write_idx(tmp_path, "train", GREY, LABELS, packed=packed)
    write_idx(tmp_path, "t10k", GREY[:7], LABELS[:7], packed=packed)
    contents = read_source(tmp_path, validation=0.2)
    assert {name: len(split) for name, split in contents.splits.items()} == {
        "train": 16,
        "test": 7,
        "validation": 4,
    }
    test = contents.splits["test"]
    np.testing.assert_array_equal(test.read(slice(None)), GREY[:7, ..., None])
    assert test.labels.tolist() == LABELS[:7].tolist()
    assert contents.class_names == ("0", "1", "2", "3")
    both = np.concatenate([contents.splits[name].read(slice(None)) for name in ("train", "validation")])
    assert sorted(map(bytes, both)) == sorted(map(bytes, GREY))


def test_validation_can_be_left_out(tmp_path: Path) -> None:
    write_idx(tmp_path, "train", GREY, LABELS)
    write_idx(tmp_path, "t10k", GREY[:7], LABELS[:7])
    assert list(read_source(tmp_path, validation=0).splits) == ["train", "test"]


def test_fashion_is_known_by_the_folder_it_is_in(tmp_path: Path) -> None:
    folder = tmp_path / "fashion-mnist"
    folder.mkdir()
    labels = (np.arange(20) % 10).astype(np.uint8)
    write_idx(folder, "train", GREY, labels)
    write_idx(folder, "t10k", GREY, labels)
    contents = read_source(folder, licence="mine")
    assert contents.name == "Fashion-MNIST"
    assert contents.class_names[9] == "Ankle boot"
    assert contents.licence == "mine"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:-1], r"train-images-idx3-ubyte: it declares 400 values \(20, 4, 5\)"),
        (lambda data: data + b"x", "holds more"),
        (lambda data: data[:10], "ends within its header"),
        (lambda data: b"PK" + data[2:], "not an IDX file"),
        (lambda data: data[:2] + b"\x0d" + data[3:], "type 0x0d"),
        (lambda data: data[:4] + b"\xff" * 12 + data[16:], "does not hold them"),
    ],
)
def test_idx_that_is_damaged(tmp_path: Path, change: Any, message: str) -> None:
    write_idx(tmp_path, "train", GREY, LABELS)
    write_idx(tmp_path, "t10k", GREY, LABELS)
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(DataError, match=message):
        read_source(tmp_path)


def test_idx_packed_and_cut_off(tmp_path: Path) -> None:
    write_idx(tmp_path, "train", GREY, LABELS, packed=True)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="cannot be read"):
        read_source(tmp_path)


def test_idx_with_a_file_missing(tmp_path: Path) -> None:
    write_idx(tmp_path, "train", GREY, LABELS)
    with pytest.raises(DataError, match=r"one file t10k-images-idx3-ubyte.*there: none"):
        read_source(tmp_path)
