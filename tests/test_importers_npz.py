"""Arrays of NumPy, read and refused; pixels on another scale, splits and classes that do not fit."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from sources import GREY, LABELS, TRACE, Evil, written

from numbacnn.data.importers import read_source
from numbacnn.errors import DataError, UsageError


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
