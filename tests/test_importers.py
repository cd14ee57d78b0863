"""Other formats, read and refused."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import pickle
import struct
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numbacnn.data import pictures
from numbacnn.data.importers import read_source
from numbacnn.data.importers.pickles import load_pickle
from numbacnn.errors import DataError, UsageError

GENERATOR = np.random.default_rng(0)
GREY = GENERATOR.integers(0, 256, (20, 4, 5), np.uint8)
LABELS = (np.arange(20) % 4).astype(np.uint8)


def write_idx(
    folder: Path, part: str, images: np.ndarray, labels: np.ndarray, *, packed: bool = False
) -> None:
    for array, kind in ((images, "images-idx3"), (labels, "labels-idx1")):
        data = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
        path = folder / f"{part}-{kind}-ubyte{'.gz' if packed else ''}"
        path.write_bytes(gzip.compress(data) if packed else data)


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


COLOUR = GENERATOR.integers(0, 256, (8, 3072), np.uint8)
TEN = list(range(8))


def planes(row: np.ndarray) -> np.ndarray:
    return row.reshape(3, 32, 32).transpose(1, 2, 0)


def test_cifar_10_binary(tmp_path: Path) -> None:
    records = np.concatenate([np.array(TEN, np.uint8)[:, None], COLOUR], 1)
    for name, part in (("data_batch_1", records[:5]), ("data_batch_2", records[5:]), ("test_batch", records)):
        (tmp_path / f"{name}.bin").write_bytes(part.tobytes())
    (tmp_path / "batches.meta.txt").write_text("\n".join("abcdefgh") + "\n\n")
    contents = read_source(tmp_path, validation=0)
    assert contents.name == "CIFAR-10"
    assert contents.class_names == tuple("abcdefgh")
    assert contents.splits["train"].labels.tolist() == TEN
    np.testing.assert_array_equal(contents.splits["train"].images[6], planes(COLOUR[6]))


def test_cifar_100_binary_takes_the_fine_label(tmp_path: Path) -> None:
    fine = np.arange(92, 100, dtype=np.uint8)
    records = np.concatenate([np.zeros((8, 1), np.uint8), fine[:, None], COLOUR], 1)
    for name in ("train.bin", "test.bin"):
        (tmp_path / name).write_bytes(records.tobytes())
    contents = read_source(tmp_path, validation=0)
    assert contents.name == "CIFAR-100"
    assert len(contents.class_names) == 100
    assert contents.splits["test"].labels.tolist() == fine.tolist()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_cifar_10_pickled(tmp_path: Path, protocol: int) -> None:
    for name in ("data_batch_1", "test_batch"):
        batch = {b"batch_label": b"one", b"data": COLOUR, b"labels": TEN, b"filenames": [b"a.png"] * 8}
        (tmp_path / name).write_bytes(pickle.dumps(batch, protocol))
    (tmp_path / "batches.meta").write_bytes(pickle.dumps({"label_names": list("abcdefgh")}, protocol))
    contents = read_source(tmp_path, validation=0)
    assert contents.class_names == tuple("abcdefgh")
    np.testing.assert_array_equal(contents.splits["test"].images[3], planes(COLOUR[3]))


PYTHON_2 = (
    b"\x80\x02}q\x01(U\x04dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85U\x01b\x87Rq\x05"
    b"(K\x01K\x01M\x00\x0c\x86cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01\x87Rq\x07(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff"
    b"K\x00tb\x89T\x00\x0c\x00\x00" + bytes(range(256)) * 12 + b"tbU\x06labelsq\x08]q\x09K\x02au."
)
"""What Python 2's cPickle makes of {"data": (1, 3072), "labels": [2]}: the form of the published files."""


def test_pickles_of_python_2() -> None:
    batch = load_pickle(PYTHON_2, Path("data_batch_1"))
    assert batch["labels"] == [2]
    assert batch["data"].tobytes() == bytes(range(256)) * 12


TRACE = Path(tempfile.gettempdir()) / f"numbacnn-test-{os.getpid()}"


class Evil:
    def __reduce__(self) -> Any:
        return os.system, (f"touch {TRACE}",)


@pytest.mark.parametrize(
    "data",
    [
        *(pickle.dumps(Evil(), protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)),
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"(S'1'\nibuiltins\neval\n.",
        b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R.",
        b"cnumpy\nndarray.__class__\n.",
        b"\x82\x01.",
        b"Pname\n.",
        b"\x80\x02Nr\xff\xff\xff\x7f.",
        PYTHON_2.replace(b"u1", b"O8"),
        PYTHON_2.replace(b"M\x00\x0c\x86", b"M\xff\xff\x86"),
        PYTHON_2[:-100],
        b"",
    ],
)
def test_pickles_that_are_programs_are_refused(data: bytes) -> None:
    with pytest.raises(DataError, match="batch: "):
        load_pickle(data, Path("batch"))
    assert not TRACE.exists()


@given(st.binary(max_size=60), st.integers(0, len(PYTHON_2) - 1), st.integers(0, 255))
def test_a_damaged_pickle_never_does_anything_else(noise: bytes, place: int, byte: int) -> None:
    for data in (noise, PYTHON_2[:place] + bytes((byte,)) + PYTHON_2[place + 1 :]):
        with contextlib.suppress(DataError):
            load_pickle(data, Path("batch"))


def test_cifar_batches_that_do_not_fit(tmp_path: Path) -> None:
    (tmp_path / "data_batch_1.bin").write_bytes(b"x" * 3000)
    (tmp_path / "test_batch.bin").write_bytes(b"x" * 3073)
    with pytest.raises(DataError, match=r"data_batch_1.bin: 3000 bytes; a multiple of 3073"):
        read_source(tmp_path)
    (tmp_path / "data_batch_1.bin").unlink()
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps({"data": COLOUR, "labels": TEN[:5]}))
    with pytest.raises(DataError, match="data_batch_1: 5 labels for 8 pictures"):
        read_source(tmp_path)


@pytest.mark.parametrize(
    "keys",
    [
        ("x_train", "y_train", "x_test", "y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
        ("X_train", "Y_train", "X_test", "Y_test"),
        ("trainImages", "trainLabels", "testImages", "testLabels"),
    ],
)
def test_npz_by_the_usual_names(tmp_path: Path, keys: tuple[str, ...]) -> None:
    arrays = dict(zip(keys, (GREY, LABELS[:, None], GREY[:8], LABELS[:8, None]), strict=True))
    np.savez_compressed(tmp_path / "some.npz", **arrays, class_names=np.array(list("abcd")))
    contents = read_source(tmp_path / "some.npz", validation=0)
    assert contents.name == "some"
    assert contents.class_names == tuple("abcd")
    np.testing.assert_array_equal(contents.splits["test"].read(slice(None))[..., 0], GREY[:8])
    assert contents.splits["train"].labels.tolist() == LABELS.tolist()


def test_npz_with_a_validation_split_of_its_own_keeps_it(tmp_path: Path) -> None:
    parts = {
        f"{part}_{role}": array
        for part in ("train", "val", "test")
        for role, array in (("images", GREY), ("labels", LABELS))
    }
    np.savez(tmp_path / "some.npz", **parts)
    contents = read_source(tmp_path / "some.npz")
    assert {name: len(split) for name, split in contents.splits.items()} == {
        "train": 20,
        "validation": 20,
        "test": 20,
    }


def test_npz_without_a_test_split_gets_one(tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", images=GREY, labels=LABELS)
    contents = read_source(tmp_path / "some.npz", test=0.2, validation=0.25)
    assert {name: len(split) for name, split in contents.splits.items()} == {
        "train": 12,
        "test": 4,
        "validation": 4,
    }


def test_npz_without_pictures_tells_its_keys(tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", weights=GREY, bias=LABELS)
    with pytest.raises(DataError, match=r"some.npz: no training pictures and labels.*it has: weights, bias"):
        read_source(tmp_path / "some.npz")


def test_npz_with_a_nan_tells_where(tmp_path: Path) -> None:
    images = GREY / 255
    images[3, 2, 1] = np.nan
    np.savez(tmp_path / "some.npz", x_train=images, y_train=LABELS)
    with pytest.raises(DataError, match=r"some.npz: x_train\[3, 2, 1, 0\] is nan"):
        read_source(tmp_path / "some.npz")


def test_npz_with_more_labels_than_pictures(tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", x_train=GREY[:5], y_train=LABELS)
    with pytest.raises(DataError, match="y_train: 20 labels for 5 pictures"):
        read_source(tmp_path / "some.npz")


def test_npz_with_objects_is_not_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", x_train=np.array([Evil()], object), y_train=LABELS)
    with pytest.raises(DataError, match="x_train holds Python objects"):
        read_source(tmp_path / "some.npz")
    assert not TRACE.exists()


def test_npz_that_declares_what_it_does_not_hold(tmp_path: Path) -> None:
    file = io.BytesIO()
    np.save(file, GREY)
    with zipfile.ZipFile(tmp_path / "some.npz", "w") as archive:
        archive.writestr(
            "x_train.npy", file.getvalue().replace(b"(20, 4, 5), }" + 7 * b" ", b"(2000000, 4, 500), }")
        )
        archive.writestr("y_train.npy", file.getvalue())
    with pytest.raises(
        DataError, match=r"x_train declares 4000000000 bytes \(2000000, 4, 500\) and holds 40\d"
    ):
        read_source(tmp_path / "some.npz")


def test_npz_that_is_damaged(tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", x_train=GREY, y_train=LABELS)
    data = (tmp_path / "some.npz").read_bytes()
    for damaged in (data[:-30], data.replace(GREY[1].tobytes(), GREY[2].tobytes())):
        (tmp_path / "some.npz").write_bytes(damaged)
        with pytest.raises(DataError, match=r"some.npz: .*(Bad CRC-32|not a zip file)"):
            read_source(tmp_path / "some.npz")


def test_npz_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "some.npz").write_bytes(b"no archive")
    with pytest.raises(DataError, match=r"cannot be read as .npz"):
        read_source(tmp_path / "some.npz")


def write_folder(
    root: Path, classes: Iterable[str] = "ab", count: int = 5, shape: tuple[int, ...] = (6, 8, 3)
) -> None:
    for name in classes:
        (root / name).mkdir(parents=True)
        for index in range(count):
            picture = np.full(shape, ord(name[0]) + index, np.uint8)
            pictures.save(root / name / f"{index}.png", picture)
        (root / name / "Thumbs.db").write_bytes(b"")


def test_a_folder_of_pictures_a_class(tmp_path: Path) -> None:
    write_folder(tmp_path)
    contents = read_source(tmp_path, size=4, test=0.2, validation=0)
    assert contents.class_names == ("a", "b")
    assert {name: len(split) for name, split in contents.splits.items()} == {"train": 8, "test": 2}
    train = contents.splits["train"]
    assert train.images.shape == (8, 4, 4, 3)
    values = train.read(np.array([7, 0]))[:, 0, 0, 0]
    assert train.labels[[7, 0]].tolist() == [1, 0]
    assert ord("b") <= values[0] < ord("b") + 5
    assert contents.notes == ()


def test_a_folder_with_its_splits(tmp_path: Path) -> None:
    for part, count in (("train", 4), ("val", 2), ("test", 3)):
        write_folder(tmp_path / part, count=count)
    contents = read_source(tmp_path, size=9)
    assert {name: len(split) for name, split in contents.splits.items()} == {
        "train": 8,
        "validation": 4,
        "test": 6,
    }
    assert "is 8x6, smaller than 9x9" in contents.notes[0]


def test_folders_of_splits_by_other_names(tmp_path: Path) -> None:
    for part in ("Training", "Test"):
        write_folder(tmp_path / part)
    assert list(read_source(tmp_path, size=6, validation=0).splits) == ["test", "train"]
    write_folder(tmp_path / "test2")
    (tmp_path / "test2").rename(tmp_path / "testing")
    with pytest.raises(DataError, match="Test and testing are both for test"):
        read_source(tmp_path)


def test_a_class_of_trains_is_no_split(tmp_path: Path) -> None:
    write_folder(tmp_path, ["train", "plane"])
    assert read_source(tmp_path, size=6).class_names == ("plane", "train")


def test_a_folder_of_grey_pictures_stays_grey(tmp_path: Path) -> None:
    write_folder(tmp_path, shape=(6, 6, 1))
    assert read_source(tmp_path, size=6).splits["train"].images.shape[1:] == (6, 6, 1)
    pictures.save(tmp_path / "b" / "9.png", np.zeros((6, 6, 3), np.uint8))
    assert read_source(tmp_path, size=6).splits["train"].images.shape[1:] == (6, 6, 3)


def test_folders_that_are_no_classes(tmp_path: Path) -> None:
    write_folder(tmp_path / "train")
    write_folder(tmp_path / "test", "abc")
    with pytest.raises(DataError, match="no class of that name is in"):
        read_source(tmp_path)
    (tmp_path / "train" / "d").mkdir()
    with pytest.raises(DataError, match="d: no picture in it"):
        read_source(tmp_path)


def test_a_picture_that_is_damaged_is_named(tmp_path: Path) -> None:
    write_folder(tmp_path)
    for path in (tmp_path / "b").glob("*.png"):
        path.write_bytes(path.read_bytes()[:45])
    split = read_source(tmp_path, size=4, test=0.1, validation=0).splits["train"]
    with pytest.raises(DataError, match=r"b/\d\.png: damaged"):
        split.read(slice(None))


def test_sources_of_no_known_format(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(b"")
    with pytest.raises(DataError, match=r"unpack it first.*known: a folder with IDX"):
        read_source(tmp_path / "a.tar.gz")
    with pytest.raises(DataError, match="no such file or folder"):
        read_source(tmp_path / "none")
    with pytest.raises(UsageError, match="size 0"):
        read_source(tmp_path, size=0)
