"""Pictures of any size come to a network's, as files, in data sets and as arrays."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from numbacnn.architectures import build
from numbacnn.data import Split
from numbacnn.data.pictures import load, save
from numbacnn.errors import DataError, ShapeError
from numbacnn.fitting import fit, fit_all, seen, window
from numbacnn.layers import Pixels
from numbacnn.network import Network
from numbacnn.storage import load_model, save_model
from numbacnn.training import evaluate

GENERATOR = np.random.default_rng(0)
RGB = GENERATOR.integers(0, 256, (6, 9, 3), np.uint8)


@given(
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    wanted=st.tuples(st.integers(1, 40), st.integers(1, 40), st.sampled_from((1, 3))),
    channels=st.sampled_from((1, 3)),
    shorter_side=st.integers(0, 50),
    is_float=st.booleans(),
)
def test_a_picture_of_any_size_fits(
    size: tuple[int, int], wanted: tuple[int, int, int], channels: int, shorter_side: int, is_float: bool
) -> None:
    value = np.float32(0.3) if is_float else np.uint8(77)
    fitted = fit(np.full((*size, channels), value), wanted, shorter_side)
    assert fitted.shape == wanted
    assert fitted.dtype == value.dtype
    np.testing.assert_allclose(fitted, value, rtol=1e-6)


def test_a_picture_of_the_right_size_is_not_touched() -> None:
    np.testing.assert_array_equal(fit(RGB, RGB.shape), RGB)
    many = RGB[None]
    assert fit_all(many, RGB.shape) is many


def test_the_shorter_side_is_scaled_and_the_centre_cut_out() -> None:
    picture = np.zeros((10, 30, 1), np.uint8)
    picture[:, 10:20] = 200
    assert (fit(picture, (10, 10, 1), 10) == 200).all()
    assert (fit(picture, (3, 3, 1), 5) == 200).all()


@pytest.mark.parametrize(
    ("size", "wanted", "shorter_side", "expected"),
    [
        ((40, 40), (32, 32), 40, (40, 40, 4, 4)),  # nothing to scale: the middle
        ((80, 120), (32, 32), 40, (40, 60, 4, 14)),  # a photograph of what the data set has at 40
        ((256, 256), (227, 227), 0, (227, 227, 0, 0)),
        ((40, 60), (32, 50), 40, (40, 60, 4, 5)),
        ((60, 40), (32, 50), 40, (75, 50, 21, 0)),  # at 40 it would be too narrow
        ((5, 7), (10, 10), 0, (10, 14, 0, 2)),
    ],
)
def test_where_the_network_looks(
    size: tuple[int, int], wanted: tuple[int, int], shorter_side: int, expected: tuple[int, ...]
) -> None:
    assert window(*size, wanted, shorter_side) == expected


@pytest.mark.parametrize(("size", "wanted", "side"), [((50, 83), (20, 31), 0), ((97, 60), (20, 31), 40)])
def test_a_part_is_scaled_as_the_whole_would_be(
    size: tuple[int, int], wanted: tuple[int, int], side: int
) -> None:
    picture = GENERATOR.integers(0, 256, (*size, 3), np.uint8)
    tall, wide, top, left = window(*size, wanted, side)
    whole = np.asarray(Image.fromarray(picture).resize((wide, tall), Image.Resampling.BILINEAR), int)
    cut = whole[top : top + wanted[0], left : left + wanted[1]]
    assert np.abs(cut - fit(picture, (*wanted, 3), side)).max() <= 1


@pytest.mark.parametrize("size", [(20000, 2), (2, 20000), (60000, 1)])
def test_a_thin_picture_takes_no_more_memory_than_it_has(size: tuple[int, int]) -> None:
    picture = np.full((*size, 3), 9, np.uint8)
    tracemalloc.start()
    assert (fit(picture, (256, 256, 3)) == 9).all()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 << 20


def test_grey_and_colour_become_each_other() -> None:
    grey = RGB[..., :1]
    np.testing.assert_array_equal(fit(grey, (6, 9, 3)), np.repeat(grey, 3, 2))
    np.testing.assert_array_equal(fit(np.repeat(grey, 3, 2), (6, 9, 1)), grey)
    of_floats = fit((RGB / 255).astype(np.float32), (6, 9, 1)) * 255
    assert np.abs(of_floats - fit(RGB, (6, 9, 1))).max() <= 0.51


def stored_network(tmp_path: Path, shorter_side: int) -> Network:
    """A network for 8x8x3 with that preprocessing, written and read."""
    network = build("digits", input_shape=(8, 8, 3), pixels=Pixels(shorter_side=shorter_side), seed=3)
    save_model(tmp_path / "model.h5", network, record={})
    return load_model(tmp_path / "model.h5")[0]


@pytest.mark.parametrize("shorter_side", [0, 11])
@pytest.mark.parametrize("size", [(11, 11), (11, 16), (30, 22), (5, 6)])
def test_a_picture_has_one_answer_as_a_file_in_a_data_set_and_as_an_array(
    tmp_path: Path, shorter_side: int, size: tuple[int, int]
) -> None:
    network = stored_network(tmp_path, shorter_side)
    pictures = GENERATOR.integers(0, 256, (12, *size, 3), np.uint8)
    save(tmp_path / "one.png", pictures[0])
    seen = network.as_images(pictures)
    np.testing.assert_array_equal(network.as_images([load(tmp_path / "one.png"), RGB])[0], seen[0])
    if shorter_side == 11 and size == (11, 11):
        np.testing.assert_array_equal(seen, pictures[:, 1:9, 1:9])
    answers = network.predict(pictures)
    labels = answers.argmax(axis=1)
    assert evaluate(network, Split(pictures, labels)).top1_error == 0
    np.testing.assert_allclose(network.predict(seen), answers)
    np.testing.assert_allclose(network.predict(pictures / 255), answers, rtol=0.05, atol=0.01)


def test_a_shorter_side_that_does_not_fill_the_input_is_refused() -> None:
    with pytest.raises(ShapeError, match="shorter_side is 7, and the input is 8x8: 0, or at least 8"):
        build("digits", pixels=Pixels(shorter_side=7))


@pytest.mark.parametrize(
    ("shape", "channels"),
    [((2, 3, 8, 8), 3), ((8, 8, 1), 1), ((9, 9, 3), 1), ((8, 8, 3), 3), ((2, 8, 0, 1), 1), ((2, 8, 8, 2), 3)],
)
def test_what_is_rather_something_else_is_not_scaled(shape: tuple[int, ...], channels: int) -> None:
    network = build("digits", input_shape=(8, 8, channels))
    with pytest.raises(ShapeError, match="is expected, or pictures of another size"):
        network.as_images(np.zeros(shape, np.uint8))


def test_a_list_of_several_types_is_refused() -> None:
    network = build("digits")
    with pytest.raises(DataError, match="pictures of several types"):
        network.as_images([np.zeros((9, 9, 1), np.uint8), np.zeros((8, 8, 1))])


@pytest.mark.parametrize(("rows", "columns"), [(8, 8), (40, 30), (30, 40), (9, 100), (3, 5)])
def test_the_part_that_is_seen_is_the_part_that_is_fitted(rows: int, columns: int) -> None:
    top, left, bottom, right = seen(rows, columns, (8, 8, 1))
    assert 0 <= top < bottom <= 1
    assert 0 <= left < right <= 1
    ramp = np.broadcast_to(np.arange(columns, dtype=np.float32)[None, :, None] / columns, (rows, columns, 1))
    middle = fit(np.array(ramp), (8, 8, 1)).mean()
    assert middle == pytest.approx((left + right) / 2 - 0.5 / columns, abs=0.02)
