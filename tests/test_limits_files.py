"""Small files that describe gigabytes: refused with the bytes, before any are taken."""

from __future__ import annotations

import gzip
import json
import pickle
import struct
import time
import zlib
from collections.abc import Callable
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from refusals import SOON, pooled, refused, tracemalloc_of_little

from numbacnn.data.importers import read_source
from numbacnn.data.importers.pickles import load_pickle
from numbacnn.errors import (
    DataError,
    ModelError,
    NotEnoughMemory,
    UsageError,
)
from numbacnn.limits import VARIABLE
from numbacnn.storage import load_checkpoint, load_model, open_dataset, save_model


@pytest.fixture
def model(tmp_path: Path) -> Path:
    network = pooled()
    network.initialise()
    save_model(tmp_path / "model.h5", network, record={}, extra={"velocity": np.ones(4)})
    return tmp_path / "model.h5"


def describe_model(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Changes the architecture in a file."""
    with h5py.File(path, "r+") as file:
        description = json.loads(file["architecture"][0])
        change(description)
        del file["architecture"]
        file.create_dataset("architecture", data=np.array([json.dumps(description).encode()]))


def test_a_layer_that_is_joined_with_itself_again_and_again(model: Path) -> None:
    def change(description: dict[str, Any]) -> None:
        pool, tail = description["layers"][:2], description["layers"][3:4]
        names = ["pool", *(f"c{each}" for each in range(27))]
        joins = [
            {"name": name, "type": "concatenate", "inputs": [source] * 2} for source, name in pairwise(names)
        ]
        ends = [{"name": "softmax", "type": "softmax", "inputs": ["flat"]}]
        description.update(class_names=[], layers=[*pool, *joins, {**tail[0], "inputs": ["c26"]}, *ends])

    describe_model(model, change)
    with refused(ModelError, "a network of 402,653,184 classes: at most 100,000"):
        load_model(model)


@pytest.mark.parametrize("channels", [1, 3])
def test_an_input_of_ten_thousand_pixels_squared(model: Path, channels: int) -> None:
    network = pooled((4, 4, channels))
    network.initialise()
    save_model(model, network, record={})
    describe_model(model, lambda description: description.update(input_shape=[20_000, 20_000, channels]))
    with refused(ModelError, r"its network takes for a single picture [\d,]+ MiB .* --max-memory \d+G"):
        load_model(model)


def test_running_statistics_of_billions_of_filters(model: Path) -> None:
    def change(description: dict[str, Any]) -> None:
        lines = [
            {"name": "many", "type": "convolution", "inputs": ["pixels"], "filters": 2**31 - 1, "kernel": 1},
            {"name": "norm", "type": "batch-norm", "inputs": ["many"]},
        ]
        description["layers"][1:1] = lines

    describe_model(model, change)
    with refused(ModelError, r"its running statistics take 16,384 MiB .* --max-memory \d+G"):
        load_model(model)


def test_what_a_file_may_take_is_an_option(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_model(model)
    monkeypatch.setenv(VARIABLE, "1K")
    with pytest.raises(ModelError, match=r"1 MiB are allowed; .* --max-memory 1G"):
        load_model(model)
    monkeypatch.setenv(VARIABLE, "lots")
    with pytest.raises(
        UsageError, match="NUMBACNN_MAX_MEMORY='lots' is no amount of memory; write 4G, or 500M"
    ):
        load_model(model)


def packed_zeros(file: Any, field: str, shape: tuple[int, ...], chunks: tuple[int, ...]) -> None:
    """Bytes of zero that take a thousandth of their size in the file."""
    file.create_dataset(field, shape, "u1", chunks=chunks, compression=9)
    packed = zlib.compress(bytes(int(np.prod(chunks))), 9)
    for start in product(*(range(0, size, chunk) for size, chunk in zip(shape, chunks, strict=True))):
        file[field].id.write_direct_chunk(start, packed)


def test_zeros_beside_a_model(model: Path) -> None:
    with h5py.File(model, "r+") as file:
        for name in "abc":
            packed_zeros(file, f"extra/{name}", (1 << 16, 1 << 13), (1 << 12, 1 << 13))
    assert model.stat().st_size < 4 << 20
    with refused(ModelError, "what is in extra takes 1,537 MiB of memory, and 1,03"):
        load_checkpoint(model)


def test_a_quarter_of_a_billion_pictures_of_one_pixel(tmp_path: Path) -> None:
    path, count = tmp_path / "data.h5", 1 << 28
    _write_dataset(path, (1 << 10, 1, 1, 1))
    with h5py.File(path, "r+") as file:
        for split in ("train", "test"):
            del file[split]
            packed_zeros(file, f"{split}/images", (count, 1, 1, 1), (1 << 24, 1, 1, 1))
            packed_zeros(file, f"{split}/labels", (count,), (1 << 24,))
    assert path.stat().st_size < 4 << 20
    with refused(DataError, "536,870,912 labels take 6,144 MiB of memory, and 1,02"):
        open_dataset(path)


def _write_dataset(path: Path, shape: tuple[int, ...]) -> None:
    from numbacnn.data.contents import Contents
    from numbacnn.data.dataset import Split
    from numbacnn.storage import write_dataset

    labels = np.arange(shape[0]) % 2
    split = Split(np.zeros(shape, np.uint8), labels)
    write_dataset(path, Contents("few", {"train": split, "test": split}, ("a", "b")), compress=True)


def test_pictures_that_are_too_large_or_too_many_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "data.h5"
    _write_dataset(path, (40, 1024, 1024, 3))
    monkeypatch.setattr("numbacnn.storage.datasets.MEMORY_LIMIT", 1 << 20)
    assert open_dataset(path).train.read(slice(0, 2)).shape == (2, 1024, 1024, 3)
    monkeypatch.setenv(VARIABLE, "100M")
    dataset = open_dataset(path)
    with refused(
        DataError, "40 pictures of 1024x1024x3 at once take 120 MiB of memory, and 100 MiB are allowed"
    ):
        dataset.train.read(slice(None))
    with refused(DataError, "40 pictures"):
        dataset.train.read(np.arange(40))


def test_pictures_of_more_pixels_than_are_read(tmp_path: Path) -> None:
    path = tmp_path / "data.h5"
    _write_dataset(path, (4, 2, 2, 1))
    with h5py.File(path, "r+") as file:
        del file["train/images"]
        packed_zeros(file, "train/images", (4, 20_000, 20_000, 1), (1, 2000, 20_000, 1))
    with refused(DataError, "train/images has pictures of 20000x20000 pixels; at most 100,000,000 are read"):
        open_dataset(path)


def test_more_class_names_than_classes_can_be(tmp_path: Path) -> None:
    path = tmp_path / "data.h5"
    _write_dataset(path, (8, 2, 2, 1))
    with h5py.File(path, "r+") as file:
        del file["class_names"]
        file.create_dataset("class_names", data=np.full(1_000_000, b"a"), compression=9)
    with refused(DataError, "class_names has 1,000,000 texts"):
        open_dataset(path)


def test_many_class_names_are_compared_in_time(tmp_path: Path) -> None:
    path = tmp_path / "data.h5"
    _write_dataset(path, (8, 2, 2, 1))
    with h5py.File(path, "r+") as file:
        del file["class_names"]
        names = [*range(99_998), 99_997]
        file.create_dataset("class_names", data=np.array([str(name).encode() for name in names]))
    begun = time.process_time()
    with pytest.raises(DataError, match="two classes are named '99997'"):
        open_dataset(path)
    assert time.process_time() - begun < SOON


def test_packed_idx_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind, shape in (("images-idx3", (1 << 10, 256, 256)), ("labels-idx1", (1 << 10,))):
        header = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)
        content = header + bytes(int(np.prod(shape)))
        (tmp_path / f"train-{kind}-ubyte.gz").write_bytes(gzip.compress(content, 1))
    monkeypatch.setenv(VARIABLE, "40M")
    with refused(DataError, "67,108,864 values take 64 MiB of memory, and 40 MiB are allowed"):
        read_source(tmp_path)


def test_packed_arrays_of_numpy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(
        tmp_path / "a.npz",
        x_train=np.zeros((1 << 10, 128, 256), np.uint8),
        y_train=np.zeros(1 << 10, np.uint8),
    )
    monkeypatch.setenv(VARIABLE, "40M")
    with refused(DataError, "its pictures and labels take 65 MiB of memory, and 40 MiB are allowed"):
        read_source(tmp_path / "a.npz")


def test_files_without_end_are_not_read_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("data_batch_1.bin", "test_batch.bin"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(1 << 40)
    with refused(NotEnoughMemory, r"data_batch_1.bin takes 3,145,728 MiB of memory, and .* are free"):
        read_source(tmp_path)


def test_a_pickle_that_holds_one_list_at_every_place() -> None:
    nested: Any = [1]
    for _ in range(14):
        nested = [nested] * 100
    with tracemalloc_of_little():
        plain = load_pickle(pickle.dumps({"data": nested}), Path("batch"))
    assert plain["data"][99][99][0][0] is plain["data"][0][0][0][0]
