"""Data sets of arrays: what is taken, what is refused, and how they are split."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from numbacnn.data import Dataset, Split
from numbacnn.data.checks import as_labels, as_pixels
from numbacnn.data.contents import Contents
from numbacnn.data.splitting import stratified
from numbacnn.data.statistics import PixelStatistics
from numbacnn.errors import DataError, UsageError
from numbacnn.storage import write_dataset


def pictures(count: int = 6, shape: tuple[int, ...] = (4, 5, 3)) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, *shape), np.uint8)


def test_from_arrays_keeps_what_it_is_given() -> None:
    images, labels = pictures(), np.array([0, 1, 2, 0, 1, 2])
    dataset = Dataset.from_arrays("mine", train=(images, labels), class_names=("a", "b", "c"))
    assert dataset.train.images is images
    assert dataset.image_shape == (4, 5, 3)
    assert dataset.classes == 3
    assert dataset.validation is None
    assert dataset.path is None
    np.testing.assert_allclose(dataset.mean_rgb, images.mean((0, 1, 2)))
    assert dataset.standard_deviation == pytest.approx((images - images.mean((0, 1, 2))).std())


def test_classes_are_counted_over_all_splits() -> None:
    train, test = (pictures(), np.arange(6) % 2), (pictures(), np.arange(6) % 3)
    assert Dataset.from_arrays("mine", train=train, test=test).class_names == ("0", "1", "2")


def test_a_split_that_is_not_there_is_named() -> None:
    dataset = Dataset.from_arrays("mine", train=(pictures(), np.arange(6)))
    with pytest.raises(UsageError, match="mine: no split 'test'; there are: train"):
        _ = dataset.test


def test_batches_are_in_order_and_the_last_is_short() -> None:
    images, labels = pictures(7), np.arange(7)
    batches = list(Dataset.from_arrays("mine", train=(images, labels)).train.batches(3))
    assert [len(batch) for batch, _ in batches] == [3, 3, 1]
    np.testing.assert_array_equal(np.concatenate([batch for batch, _ in batches]), images)
    np.testing.assert_array_equal(np.concatenate([batch for _, batch in batches]), labels)


def test_a_subset_of_a_subset_reads_the_right_pictures() -> None:
    images, labels = pictures(9), np.arange(9)
    part = (
        Dataset.from_arrays("mine", train=(images, labels))
        .train.subset(np.array([8, 2, 4, 6]))
        .subset(np.array([3, 0]))
    )
    np.testing.assert_array_equal(part.read(np.array([1, 0, 1])), images[[8, 6, 8]])
    np.testing.assert_array_equal(part.labels, [6, 8])


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([0, 0.5, 1.0], np.float32), [0, 128, 255]),
        (np.array([0.0, 100.4, 255.0]), [0, 100, 255]),
        (np.array([0, 7, 255], np.int64), [0, 7, 255]),
        (np.array([False, True, True]), [0, 255, 255]),
    ],
)
def test_pixels_of_other_types_become_bytes(array: np.ndarray, expected: list[int]) -> None:
    assert as_pixels(array.reshape(1, 1, 3), "x").ravel().tolist() == expected


def test_planes_before_rows_are_turned_round() -> None:
    images = pictures(2, (4, 5, 3))
    np.testing.assert_array_equal(as_pixels(images.transpose(0, 3, 1, 2), "x"), images)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, r"x.npz: x_train\[1, 2, 3, 0\] is nan"),
        (np.inf, r"\[1, 2, 3, 0\] is inf"),
        (-0.5, r"\[1, 2, 3, 0\] is -0.5"),
        (256.0, r"\[1, 2, 3, 0\] is 256.0; pixels from 0 to 1 or 0 to 255 are expected"),
    ],
)
def test_a_pixel_that_is_none_is_named_with_its_index(value: float, message: str) -> None:
    images = np.zeros((2, 4, 5, 1))
    images[1, 2, 3, 0] = value
    with pytest.raises(DataError, match=message):
        as_pixels(images, "x.npz: x_train")


@pytest.mark.parametrize("shape", [(4, 5), (2, 4, 5, 2), (2, 4, 5, 3, 1), (0, 4, 5, 3), (2, 0, 5, 3)])
def test_shapes_that_are_no_pictures_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"x: (shape|empty)"):
        as_pixels(np.zeros(shape, np.uint8), "x")


def test_text_is_no_picture() -> None:
    with pytest.raises(DataError, match="x: values of type <U1"):
        as_pixels(np.full((1, 2, 2), "a"), "x")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 3, 1], r"y\[1\] is 3; with 3 classes, 0 to 2 is expected"),
        ([0, 1, -1], r"y\[2\] is -1"),
        ([0, 1], "y: 2 labels for 3 pictures"),
        ([0.0, 1.0, 2.0], "y: values of type float64"),
        ([[0, 1], [1, 0], [1, 1]], r"y: shape \(3, 2\)"),
    ],
)
def test_labels_that_are_none_are_named_with_their_index(labels: list[float], message: str) -> None:
    with pytest.raises(DataError, match=message):
        as_labels(np.array(labels), 3, 3, "y")


def test_a_column_of_labels_is_taken() -> None:
    assert as_labels(np.array([[2], [0]], np.uint8), 3, 2, "y").tolist() == [2, 0]


def test_a_label_beyond_any_class_does_not_make_a_million_names() -> None:
    with pytest.raises(DataError, match="a label is 1000000000"):
        Dataset.from_arrays("mine", train=(pictures(2), np.array([0, 10**9])))


@pytest.mark.parametrize("names", [("a", "a"), ("a", " "), ("a", "b\0")])
def test_class_names_that_cannot_be_are_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match="mine: "):
        Dataset.from_arrays("mine", train=(pictures(2), np.array([0, 1])), class_names=names)


def test_splits_of_different_sizes_are_refused() -> None:
    with pytest.raises(DataError, match="pictures of test are 4x4x3 and those of train 4x5x3"):
        Dataset.from_arrays(
            "mine", train=(pictures(2), np.arange(2)), test=(pictures(2, (4, 4, 3)), np.arange(2))
        )


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=4, max_dims=4, max_side=6)))
def test_statistics_do_not_depend_on_the_batches(images: np.ndarray) -> None:
    whole, parts = PixelStatistics(images.shape[3]), PixelStatistics(images.shape[3])
    whole.add(images)
    for image in images:
        parts.add(image[None])
    assert (whole.mean, whole.deviation) == (parts.mean, parts.deviation)
    mean = images.mean((0, 1, 2))
    np.testing.assert_allclose(whole.mean, mean)
    assert whole.deviation == pytest.approx((images - mean).std(), abs=1e-6)


@given(
    labels=st.lists(st.integers(0, 5), min_size=20, max_size=200),
    fraction=st.floats(0.1, 0.9),
    seed=st.integers(0, 2**32),
)
def test_every_class_gives_its_share(labels: list[int], fraction: float, seed: int) -> None:
    array = np.array(labels)
    rest, taken = stratified(array, fraction, seed)
    assert sorted([*rest, *taken]) == list(range(len(array)))
    assert set(array[rest]) == set(array)
    for label in set(labels):
        share = fraction * labels.count(label)
        assert share - 1 <= np.count_nonzero(array[taken] == label) <= share + 1
    again = stratified(array, fraction, seed)
    np.testing.assert_array_equal(taken, again[1])


def test_another_seed_takes_others() -> None:
    labels = np.arange(1000) % 10
    assert not np.array_equal(stratified(labels, 0.1, 0)[1], stratified(labels, 0.1, 1)[1])
    assert len(stratified(labels, 0.1, 0)[1]) == 100


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, float("nan")])
def test_a_fraction_outside_its_range_is_refused(fraction: float) -> None:
    with pytest.raises(UsageError, match="more than 0 and less than 1"):
        stratified(np.arange(10), fraction, 0)


def test_a_fraction_that_takes_nothing_is_refused() -> None:
    with pytest.raises(DataError, match="of 5 pictures takes none"):
        stratified(np.zeros(5, int), 0.05, 0)


PICTURES, LABELS = pictures(30), np.arange(30) % 3


def test_a_data_set_can_be_sent_to_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contents = Contents(
        "some", {part: Split(PICTURES, LABELS) for part in ("train", "test")}, ("a", "b", "c")
    )
    write_dataset(tmp_path / "some.h5", contents)
    monkeypatch.chdir(tmp_path)
    arrays = Dataset.from_arrays("some", train=(PICTURES, LABELS), test=(PICTURES, LABELS))
    for dataset in (Dataset.open("digits"), Dataset.open("some.h5"), arrays):
        expected = dataset.test.read(slice(0, 5))
        data = pickle.dumps(dataset)
        monkeypatch.chdir("/")
        again = pickle.loads(data)
        monkeypatch.chdir(tmp_path)
        assert (again.name, again.class_names, again.mean_rgb) == (
            dataset.name,
            dataset.class_names,
            dataset.mean_rgb,
        )
        np.testing.assert_array_equal(again.test.read(slice(0, 5)), expected)
        np.testing.assert_array_equal(again.train.labels, dataset.train.labels)
        part = pickle.loads(pickle.dumps(dataset.train.subset(np.array([3, 1]))))
        np.testing.assert_array_equal(part.read(slice(None)), dataset.train.read(np.array([3, 1])))
    data = pickle.dumps(Dataset.open("some.h5"))
    write_dataset(
        tmp_path / "some.h5", Contents("b", {"train": Split(PICTURES[:4], LABELS[:4])}, ("a", "b", "c"))
    )
    with pytest.raises(DataError, match="the file is another by now"):
        pickle.loads(data)


def test_arrays_on_another_scale_are_warned_of() -> None:
    with pytest.warns(UserWarning, match="sixteen: pixels reach only 16 of 255"):
        Dataset.from_arrays("sixteen", train=(np.linspace(0, 16, 96).reshape(6, 4, 4), np.arange(6) % 2))
