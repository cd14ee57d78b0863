"""CIFAR's binary and pickled files, read and refused; pickles that are programs."""

from __future__ import annotations

import contextlib
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sources import COLOUR, TRACE, Evil

from numbacnn.data.importers import read_source
from numbacnn.data.importers.pickles import load_pickle
from numbacnn.errors import DataError

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


def test_cifar_with_a_mark_windows_lines_spaces_and_a_batch_missing(tmp_path: Path) -> None:
    records = np.concatenate([np.array(TEN, np.uint8)[:, None], COLOUR], 1)
    for name in ("data_batch_1", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"):
        (tmp_path / f"{name}.bin").write_bytes(records.tobytes())
    names = ["an air plane", *"bcdefgh"]
    (tmp_path / "batches.meta.txt").write_bytes(b"\xef\xbb\xbf" + "\r\n".join([*names, "", ""]).encode())
    contents = read_source(tmp_path, validation=0)
    assert contents.class_names == tuple(names)
    assert contents.notes == ("of CIFAR-10's five training batches are missing: data_batch_2",)
