"""Other formats, read and refused."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import pickle
import struct
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from numbacnn.data import pictures
from numbacnn.data.importers import read_source
from numbacnn.data.importers.pickles import load_pickle
from numbacnn.errors import DataError, UsageError
from numbacnn.storage import write_dataset

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


TRACE = Path("trace-of-a-pickle")
"""Where a pickle that is carried out would leave something, in the current folder."""


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
def test_pickles_that_are_programs_are_refused(
    data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
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
    assert contents.notes == (
        "18 of 18 pictures are smaller than 9x9 and are enlarged, 0.png for instance; a smaller --size would not",
    )


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
    for size in (0, 1_000_000):
        with pytest.raises(UsageError, match=f"size {size}: 1 to 8192"):
            read_source(tmp_path, size=size)


def written(tmp_path: Path, **options: Any) -> list[str]:
    """What is said of a source when it is imported."""
    contents = read_source(tmp_path, **options)
    return [*contents.notes, *write_dataset(tmp_path.parent / "out.h5", contents)]


@pytest.mark.parametrize("suffix", [".jfif", ".JPE", ".JPeG", ".dib", ".pbm", ".pnm", ".apng", ".TIF"])
def test_every_ending_of_the_formats_that_are_read_is_imported(tmp_path: Path, suffix: str) -> None:
    kinds = {".jfif": "JPEG", ".jpe": "JPEG", ".jpeg": "JPEG", ".dib": "BMP", ".apng": "PNG", ".tif": "TIFF"}
    for name in "ab":
        (tmp_path / name).mkdir()
        for index in range(4):
            image = Image.new("L", (6, 6), 9)
            image.save(tmp_path / name / f"{index}{suffix}", kinds.get(suffix.lower(), "PPM"))
    contents = read_source(tmp_path, size=6, test=0.25, validation=0)
    assert sum(len(split) for split in contents.splits.values()) == 8
    assert contents.splits["train"].read(slice(None)).shape == (6, 6, 6, 1)
    assert contents.notes == ()


def test_pictures_further_down_are_taken_and_what_is_left_out_is_counted(tmp_path: Path) -> None:
    source = tmp_path / "set"
    write_folder(source)
    write_folder(source / "a" / "more", ["x", "y"])
    for path in (
        "a/list.csv",
        "a/scan.heic",
        "b/x.heic",
        "b/deep.er/notes",
        "b/.DS_Store",
        "a/._0.png",
        "top.png",
    ):
        (source / path).parent.mkdir(exist_ok=True)
        (source / path).write_bytes(b"x")
    (source / "b" / "loop").symlink_to(source / "b")
    contents = read_source(source, size=6, validation=0)
    assert sum(len(split) for split in contents.splits.values()) == 20
    left_out, below = contents.notes
    assert left_out.startswith("6 files are left out: 2 (.heic is no format of pictures that is read)")
    for reason in ("1 (.csv is no", "1 (names without", "1 (hidden,", "1 (in no class's folder)"):
        assert reason in left_out
    assert below == "10 pictures lie in folders within the classes' and count as of the class"


def test_folders_beside_the_splits_are_told(tmp_path: Path) -> None:
    source = tmp_path / "set"
    for part in ("train", "test", "extra"):
        write_folder(source / part)
    assert "10 (in extra, which is beside train)" in read_source(source, size=6, validation=0).notes[0]


def break_some(folder: Path) -> None:
    """One file that is no picture, one that is cut off, one that only its pixels show to be damaged."""
    (folder / "a" / "1.png").write_bytes(b"no picture")
    (folder / "a" / "3.png").write_bytes((folder / "a" / "3.png").read_bytes()[:45])
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (80, 80, 3), np.uint8))
    image.save(folder / "b" / "4.jpg")
    (folder / "b" / "4.jpg").write_bytes((folder / "b" / "4.jpg").read_bytes()[:3000])


def test_all_broken_pictures_are_listed(tmp_path: Path) -> None:
    source = tmp_path / "set"
    write_folder(source)
    break_some(source)
    with pytest.raises(DataError, match="3 of 11 pictures cannot be read") as caught:
        written(source, size=6, validation=0)
    for name in ("1.png: no picture", "3.png: damaged", "4.jpg: damaged", "--skip-broken"):
        assert name in str(caught.value)
    (source / "a" / "1.png").unlink()  # now every header can be read, and the pixels tell
    with pytest.raises(DataError, match="2 of 10 pictures cannot be read"):
        written(source, size=6, validation=0)


def test_broken_pictures_can_be_left_out(tmp_path: Path) -> None:
    source = tmp_path / "set"
    write_folder(source)
    break_some(source)
    contents = read_source(source, size=6, validation=0, skip_broken=True)
    assert sum(len(split) for split in contents.splits.values()) == 8
    assert contents.notes[0].startswith("3 of 11 pictures cannot be read and are left out: ")
    write_dataset(tmp_path / "out.h5", contents)
    for path in (source / "b").iterdir():
        path.write_bytes(b"x")
    with pytest.raises(DataError, match="b, train: none of its pictures can be read"):
        read_source(source, size=6, skip_broken=True)


def test_more_pictures_in_a_file_are_told(tmp_path: Path) -> None:
    source = tmp_path / "set"
    write_folder(source)
    first, second = (Image.new("L", (6, 6), value) for value in (1, 200))
    first.save(source / "a" / "pages.tiff", save_all=True, append_images=[second])
    assert "of 1 files with several pictures in them" in read_source(source, size=6).notes[0]


@pytest.mark.parametrize(
    ("values", "said", "white"),
    [
        (np.linspace(0, 16, 320), "pixels reach only 16 of 255; if 16 is white in this set", 16),
        (np.arange(320) % 16, "pixels reach only 15 of 255", 15),
        (np.linspace(0, 100, 320), "pixels reach only 100 of 255", 100),
        ((np.arange(320) % 2).astype(np.uint8), "pixels reach only 1 of 255", 1),
        (np.linspace(0, 1 / 255, 320), "if 0.003922 is white", 1 / 255),
        (np.linspace(0, 1, 320), None, 1),
        (np.linspace(0, 255, 320), None, 255),
        (np.arange(320) % 2 == 0, None, 1),
    ],
)
def test_pixels_of_another_scale_are_told_and_can_be_rescaled(
    tmp_path: Path, values: np.ndarray, said: str | None, white: float
) -> None:
    images = values.reshape(20, 4, 4)
    np.savez(tmp_path / "some.npz", images=images, labels=LABELS)
    doubts = written(tmp_path / "some.npz")
    assert any(said in doubt for doubt in doubts) if said else not doubts
    contents = read_source(tmp_path / "some.npz", pixel_range=(0, white), test=0.2, validation=0)
    whole = np.concatenate([split.read(slice(None)) for split in contents.splits.values()])
    wanted = np.rint(images.astype(float) / white * 255)
    assert sorted(map(bytes, whole[..., 0])) == sorted(map(bytes, wanted.astype(np.uint8)))


@pytest.mark.parametrize(
    ("values", "said", "pixel_range"),
    [
        (np.linspace(-1, 1, 320), "say --range=-1,1", (-1, 1)),
        ((np.arange(320) * 200).astype(np.uint16), "say --range 0,65535", (0, 65535)),
        ((np.arange(320) * 12).astype(np.uint16), "say --range 0,4095", (0, 4095)),
        (np.linspace(-500, 300, 320), "say which values are black and white: --range=-500,300", (-500, 300)),
    ],
)
def test_a_scale_beyond_bytes_is_refused_with_the_option_for_it(
    tmp_path: Path, values: np.ndarray, said: str, pixel_range: tuple[float, float]
) -> None:
    np.savez(tmp_path / "some.npz", images=values.reshape(20, 4, 4), labels=LABELS)
    with pytest.raises(DataError, match=said):
        read_source(tmp_path / "some.npz")
    black, white = pixel_range
    split = read_source(tmp_path / "some.npz", pixel_range=pixel_range, test=0.1, validation=0).splits[
        "train"
    ]
    first = int(np.rint((float(values[16]) - black) * 255 / (white - black)))
    assert first in split.read(slice(0, 3))[:, 0, 0, 0]


def test_a_range_can_turn_black_and_white_round(tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", images=GREY, labels=LABELS)
    splits = read_source(tmp_path / "some.npz", pixel_range=(255, 0), validation=0).splits
    turned = np.concatenate([split.read(slice(None)) for split in splits.values()])
    assert sorted(map(bytes, turned[..., 0])) == sorted(map(bytes, 255 - GREY))
    with pytest.raises(DataError, match=r"images\[.*the range given is 0 to 16"):
        read_source(tmp_path / "some.npz", pixel_range=(0, 16))
    for wrong in ((3, 3), (0, np.nan), (-np.inf, 1)):
        with pytest.raises(UsageError, match="two different numbers"):
            read_source(tmp_path / "some.npz", pixel_range=wrong)


def test_a_range_is_not_for_files_of_pictures(tmp_path: Path) -> None:
    write_folder(tmp_path)
    with pytest.raises(UsageError, match="--range is for arrays of numbers"):
        read_source(tmp_path, size=6, pixel_range=(0, 16))


def test_a_dark_split_is_on_the_scale_of_the_others(tmp_path: Path) -> None:
    dark = np.zeros((20, 4, 5))
    dark[0, 0, 0] = 1
    np.savez(tmp_path / "some.npz", x_train=GREY.astype(float), y_train=LABELS, x_test=dark, y_test=LABELS)
    contents = read_source(tmp_path / "some.npz", validation=0)
    assert contents.splits["test"].read(slice(None)).max() == 1
    assert any(
        "the test pictures reach only 1 of 255, and others 25" in said
        for said in written(tmp_path / "some.npz")
    )


@pytest.mark.parametrize(
    ("test", "said"),
    [
        (np.zeros_like(GREY), "every pixel of the test pictures is 0: they show nothing"),
        (255 - GREY // 4, "on average, and of the training pictures"),
        (GREY, None),
    ],
)
def test_splits_that_do_not_fit_together_are_told(tmp_path: Path, test: np.ndarray, said: str | None) -> None:
    np.savez(tmp_path / "some.npz", x_train=GREY, y_train=LABELS, x_test=test, y_test=LABELS)
    doubts = written(tmp_path / "some.npz", validation=0)
    assert any(said in doubt for doubt in doubts) if said else not doubts


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (LABELS + 1, "labels begin at 1 and are counted from 0: no training picture is of class '0'"),
        (LABELS * 2, "no training picture is of classes '1', '3', '5'"),
        (LABELS, None),
    ],
)
def test_classes_without_pictures_are_told(tmp_path: Path, labels: np.ndarray, said: str | None) -> None:
    np.savez(tmp_path / "some.npz", images=GREY, labels=labels)
    assert written(tmp_path / "some.npz") == ([said] if said else [])


def test_arrays_that_are_not_read_are_told(tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", images=GREY, labels=LABELS, more=GREY, fine_labels=LABELS)
    assert read_source(tmp_path / "some.npz").notes == ("not read of some.npz: more, fine_labels",)


def test_cifar_with_a_mark_windows_lines_spaces_and_a_batch_missing(tmp_path: Path) -> None:
    records = np.concatenate([np.array(TEN, np.uint8)[:, None], COLOUR], 1)
    for name in ("data_batch_1", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"):
        (tmp_path / f"{name}.bin").write_bytes(records.tobytes())
    names = ["an air plane", *"bcdefgh"]
    (tmp_path / "batches.meta.txt").write_bytes(b"\xef\xbb\xbf" + "\r\n".join([*names, "", ""]).encode())
    contents = read_source(tmp_path, validation=0)
    assert contents.class_names == tuple(names)
    assert contents.notes == ("of CIFAR-10's five training batches are missing: data_batch_2",)
