"""Data sets in HDF5: what is written is read."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stored_sets import SHAPE, contents, everything, path  # noqa: F401 - a fixture

from numbacnn.data import Dataset, Split
from numbacnn.data.contents import Contents
from numbacnn.errors import DataError, UsageError
from numbacnn.storage import datasets, open_dataset, write_dataset


def test_what_is_written_is_read(path: Path) -> None:
    dataset, given = open_dataset(path), contents()
    assert (dataset.name, dataset.source, dataset.licence) == ("tiny", "drawn at random", "none")
    assert dataset.class_names == ("ant", "bée", "猫")
    assert dataset.image_shape == SHAPE
    assert dataset.path == path
    for name, split in given.splits.items():
        np.testing.assert_array_equal(dataset.splits[name].read(slice(None)), split.images)
        np.testing.assert_array_equal(dataset.splits[name].labels, split.labels)
        assert dataset.splits[name].labels.dtype == np.int64
    arrays = Dataset.from_arrays("tiny", train=(given.splits["train"].images, given.splits["train"].labels))
    assert (dataset.mean_rgb, dataset.standard_deviation) == (arrays.mean_rgb, arrays.standard_deviation)


def test_what_is_not_known_is_empty(tmp_path: Path) -> None:
    given = contents()
    write_dataset(tmp_path / "a.h5", Contents("", given.splits, given.class_names))
    dataset = open_dataset(tmp_path / "a.h5")
    assert (dataset.name, dataset.source, dataset.licence) == ("", "", "")


def test_the_same_contents_are_the_same_bytes(tmp_path: Path, path: Path) -> None:
    write_dataset(tmp_path / "again.h5", contents())
    assert (tmp_path / "again.h5").read_bytes() == path.read_bytes()


def test_dataset_open_is_the_same(path: Path) -> None:
    assert everything(Dataset.open(path)) == everything(open_dataset(str(path)))


def test_opening_reads_no_picture(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fields: list[str] = []
    read = datasets.Array.read
    monkeypatch.setattr(datasets.Array, "read", lambda self: fields.append(self.field) or read(self))
    dataset = open_dataset(path)
    assert not any("images" in field for field in fields)
    dataset.train.read(slice(0, 1))
    dataset.train.read(np.array([2, 1]))
    assert [field for field in fields if "images" in field] == ["train/images"]


def test_what_is_in_memory_cannot_be_written(path: Path) -> None:
    with pytest.raises(ValueError, match="read-only"):
        open_dataset(path).train.read(slice(0, 2))[0] = 0


@given(
    key=st.one_of(
        st.integers(-20, 19),
        st.slices(20),
        st.lists(st.integers(-20, 19), max_size=30).map(lambda indices: np.array(indices, np.intp)),
    )
)
def test_pictures_left_in_the_file_are_read_like_an_array(
    tmp_path_factory: pytest.TempPathFactory, key: Any
) -> None:
    path = tmp_path_factory.getbasetemp() / "streamed.h5"
    given = contents(20, shape=(160, 160, 3))  # three pictures a chunk
    if not path.exists():
        write_dataset(path, given)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "MEMORY_LIMIT", 0)
        np.testing.assert_array_equal(open_dataset(path).train.images[key], given.splits["train"].images[key])


def test_pictures_larger_than_a_chunk(tmp_path: Path) -> None:
    given = contents(3, shape=(1500, 1200, 3))
    write_dataset(tmp_path / "a.h5", given)
    assert (tmp_path / "a.h5").stat().st_size < 1.05 * sum(
        split.images.nbytes for split in given.splits.values()
    )
    np.testing.assert_array_equal(
        open_dataset(tmp_path / "a.h5").train.images[2], given.splits["train"].images[2]
    )


def test_an_open_set_stays_what_it_is_when_another_takes_its_place(path: Path) -> None:
    dataset = open_dataset(path)
    write_dataset(path, contents(seed=1))
    np.testing.assert_array_equal(dataset.train.images[:], contents().splits["train"].images)


def test_digits_are_scikit_learns() -> None:
    load_digits = pytest.importorskip("sklearn.datasets").load_digits
    dataset = open_dataset("digits")
    assert {name: len(split) for name, split in dataset.splits.items()} == {
        "train": 1197,
        "validation": 300,
        "test": 300,
    }
    assert dataset.path is None
    ours = np.concatenate([split.read(slice(None))[..., 0] for split in dataset.splits.values()])
    labels = np.concatenate([split.labels for split in dataset.splits.values()])
    original = load_digits()
    theirs = np.rint(original.images / 16 * 255).astype(np.uint8)
    assert sorted(zip(map(bytes, ours), labels, strict=True)) == sorted(
        zip(map(bytes, theirs), original.target, strict=True)
    )
    for split in dataset.splits.values():
        counts = np.bincount(split.labels) / len(split)
        np.testing.assert_allclose(counts, np.bincount(original.target) / 1797, atol=0.005)


def test_digits_open_at_once() -> None:
    open_dataset("digits")
    begun = time.process_time()
    open_dataset("digits")
    assert time.process_time() - begun < 0.05


def test_names_that_are_no_data_set(tmp_path: Path) -> None:
    (tmp_path / "some.npz").write_bytes(b"")
    (tmp_path / "some.h5").write_bytes(b"no HDF5")
    for name, message, problem in (
        (
            "digit",
            r"unknown data set 'digit'; did you mean 'digits'\?; or give a .h5 file, which 'numbacnn data import",
            UsageError,
        ),
        (tmp_path / "some.npz", "not a data set yet; 'numbacnn data import .*some.npz OUT.h5'", UsageError),
        (tmp_path, "not a data set yet", UsageError),
        (tmp_path / "some.h5", "not an HDF5 file; a numbacnn data set is expected", DataError),
        (tmp_path / "none.h5", "none.h5: no such file", UsageError),
    ):
        with pytest.raises(problem, match=message):
            open_dataset(name)


def test_writing_where_there_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none is no folder"):
        write_dataset(tmp_path / "none" / "a.h5", contents())


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(path: Path) -> None:
    class Broken:
        shape = (9, *SHAPE)

        def __len__(self) -> int:
            return 9

        def __getitem__(self, key: Any) -> Any:
            raise DataError("a picture is damaged")

    before = path.read_bytes()
    broken = contents()
    broken.splits["test"] = Split(Broken(), np.zeros(9, np.int64))
    with pytest.raises(DataError, match="a picture is damaged"):
        write_dataset(path, broken)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
