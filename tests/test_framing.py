"""Drawings framed like a data set's pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawings import all_drawn, drawn
from PIL import Image

from numbacnn import strokes
from numbacnn.architectures import build
from numbacnn.data import Dataset, Split
from numbacnn.data.contents import Contents
from numbacnn.errors import DataError, ModelError
from numbacnn.framing import Framing, frame, measure
from numbacnn.layers import Pixels
from numbacnn.storage import load_model, open_dataset, save_model, write_dataset

DIGITS = Dataset.open("digits")
FRAMING = DIGITS.framing
assert FRAMING is not None


def like_mnist(picture: np.ndarray, light_on_dark: bool = True) -> np.ndarray:
    """A digit (8,8,1) as MNIST has them: in a box of 20x20, its centre of mass in the middle of 28x28."""
    large = np.asarray(Image.fromarray(picture[..., 0]).resize((20, 20), Image.Resampling.BICUBIC), float)
    rows, columns = (round(np.average(np.arange(20), weights=large.sum(axis=axis))) for axis in (1, 0))
    canvas = np.zeros((40, 40))
    canvas[20 - rows : 40 - rows, 20 - columns : 40 - columns] = large
    found = np.rint(canvas[6:34, 6:34]).astype(np.uint8)[..., None]
    return found if light_on_dark else 255 - found


def test_the_embedded_digits_say_how_they_lie() -> None:
    assert (FRAMING.ground, FRAMING.ink, FRAMING.size) == (0, 255, (8, 8))
    assert FRAMING.height == (1, 1)
    assert 0.3 < FRAMING.width[0] < FRAMING.width[1] < 0.9
    assert 0.1 < FRAMING.stroke < 0.3
    assert measure(DIGITS.train.read(slice(None))) is not None


@pytest.mark.parametrize("light", [True, False])
def test_framing_is_measured_whatever_the_polarity(light: bool) -> None:
    pictures = np.stack([like_mnist(picture, light) for picture in DIGITS.train.read(slice(0, 200))])
    found = measure(pictures)
    assert found is not None
    assert (found.ground, found.ink) == ((0, 255) if light else (255, 0))
    assert found.centre == "mass"
    assert found.row == pytest.approx(0.5, abs=0.03)
    assert found.column == pytest.approx(0.5, abs=0.03)
    assert found.height[1] == pytest.approx(20 / 28, abs=0.06)


def test_photographs_and_noise_have_no_framing() -> None:
    random = np.random.default_rng(0)
    assert measure(random.integers(0, 256, (50, 28, 28, 1), np.uint8)) is None
    assert measure(np.full((50, 28, 28, 1), 9, np.uint8)) is None
    filled = np.zeros((50, 28, 28, 1), np.uint8)
    filled[:, 4:24, 4:24] = 200  # things with an outline, and no strokes
    assert measure(filled) is None
    assert measure(np.zeros((3, 256, 256, 3), np.uint8)) is None


def test_pictures_of_the_data_set_are_left_alone() -> None:
    for split in DIGITS.splits.values():
        for picture in split.read(slice(None)):
            framed = frame(FRAMING, picture)
            assert framed.done == "as it was"
            np.testing.assert_array_equal(framed.picture, picture)


def test_a_framed_picture_is_framed() -> None:
    for digit in range(10):
        once = frame(FRAMING, np.asarray(drawn(digit, 0, 3))[..., None])
        assert once.done == "framed"
        again = frame(FRAMING, once.picture)
        assert again.done == "as it was"
        np.testing.assert_array_equal(again.picture, once.picture)


def canvas(
    thickness: int,
    size: int,
    left: int,
    top: int,
    height: int,
    *,
    dark: bool,
    ink: int = 255,
    ground: int = 0,
) -> np.ndarray:
    """A seven-like angle of straight strokes."""
    image = np.full((size, size), ground, np.uint8)
    image[top : top + thickness, left : left + height // 2] = ink
    image[top : top + height, left + height // 2 - thickness : left + height // 2] = ink
    return (255 - image if dark else image)[..., None]


def test_place_size_thickness_and_polarity_do_not_matter() -> None:
    pictures = [
        frame(FRAMING, canvas(*how, dark=dark)).picture.astype(int)
        for dark in (True, False)
        for how in ((20, 280, 60, 40, 200), (6, 280, 10, 70, 200), (36, 300, 140, 80, 200), (3, 64, 5, 6, 50))
    ]
    for picture in pictures:
        assert np.abs(picture - pictures[0]).mean() < 16
        assert picture.shape == (8, 8, 1)


def test_grey_ink_on_grey_paper_in_colour_is_a_drawing() -> None:
    plain = canvas(20, 280, 60, 40, 200, dark=False)
    faint = np.repeat(canvas(20, 280, 60, 40, 200, dark=False, ink=90, ground=190), 3, axis=2)
    noise = np.random.default_rng(0).integers(-8, 9, faint.shape)
    framed = frame(FRAMING, np.clip(faint + noise, 0, 255).astype(np.uint8))
    assert framed.done == "framed"
    assert np.abs(framed.picture.astype(int) - frame(FRAMING, plain).picture).mean() < 12


def test_a_hairline_in_a_large_picture_is_found() -> None:
    image = np.full((3000, 2000, 1), 255, np.uint8)
    image[500:2000, 900:902] = 0
    framed = frame(FRAMING, image)
    assert framed.done == "framed"
    assert (framed.picture[:, 3:5].max(axis=1) > 100).all()


@pytest.mark.parametrize(
    "picture",
    [
        np.full((50, 60, 3), 200, np.uint8),
        np.random.default_rng(0).integers(0, 256, (50, 60, 3), np.uint8),
        np.zeros((1, 1, 1), np.uint8),
        np.linspace(0, 255, 3000).reshape(50, 60, 1).astype(np.uint8),
        np.pad(np.full((40, 40, 1), 255, np.uint8), ((20, 20), (20, 20), (0, 0))),
    ],
    ids=["plain", "noise", "one pixel", "ramp", "blob"],
)
def test_what_is_no_drawing_is_left_alone(picture: np.ndarray) -> None:
    framed = frame(FRAMING, picture)
    assert framed.done == "no drawing"
    assert framed.picture is picture


def test_a_drawing_of_mnist_lies_as_mnist_does() -> None:
    pictures = np.stack([like_mnist(picture) for picture in DIGITS.train.read(slice(0, 300))])
    framing = measure(pictures)
    assert framing is not None
    for _, image in all_drawn(1):
        framed = frame(framing, np.asarray(image)[..., None])
        grey = framed.picture[..., 0].astype(float)
        assert grey.shape == (28, 28)
        rows, columns = np.nonzero(grey > 100)
        assert max(np.ptp(rows), np.ptp(columns)) + 1 <= 28 * max(framing.height[1], framing.width[1]) + 1
        middle = [np.average(np.arange(28) + 0.5, weights=grey.sum(axis=axis)) for axis in (1, 0)]
        assert middle == pytest.approx([28 * framing.row, 28 * framing.column], abs=0.6 + 28 * framing.spread)


@pytest.mark.parametrize("width", [1, 3, 8, 15])
@pytest.mark.parametrize("wanted", [3, 8, 15])
def test_strokes_become_as_wide_as_wanted(width: int, wanted: int) -> None:
    mask = np.zeros((60, 40), bool)
    mask[5:55, 20 : 20 + width] = True
    changed = strokes.with_width(mask, wanted)
    assert strokes.width(changed) == pytest.approx(wanted, abs=2)
    assert changed.any(axis=1).sum() >= 35


def test_thinning_never_breaks_a_line() -> None:
    mask = np.zeros((40, 60), bool)
    mask[10:30, 5:20] = True  # thick, and thin further on
    mask[19:21, 20:55] = True
    thin = strokes.with_width(mask, 2)
    assert thin[:, 22:52].any(axis=0).all()


def test_a_model_keeps_the_framing_of_its_data_set(tmp_path: Path) -> None:
    network = build("digits", pixels=Pixels(mean=3.0, framing=FRAMING))
    save_model(tmp_path / "m.h5", network, record={})
    assert load_model(tmp_path / "m.h5")[0].graph.pixels.framing == FRAMING
    save_model(tmp_path / "m.h5", build("digits"), record={})
    assert load_model(tmp_path / "m.h5")[0].graph.pixels.framing is None


def test_a_data_set_keeps_its_framing(tmp_path: Path) -> None:
    images, labels = DIGITS.train.read(slice(0, 200)), DIGITS.train.labels[:200]
    splits = {part: Split(images, labels) for part in ("train", "test")}
    write_dataset(tmp_path / "d.h5", Contents("d", splits, DIGITS.class_names))
    assert open_dataset(tmp_path / "d.h5").framing == measure(images)
    assert Dataset.from_arrays("d", train=(images, labels)).framing == measure(images)
    photographs = np.random.default_rng(0).integers(0, 256, images.shape, np.uint8)
    splits = {part: Split(photographs, labels) for part in ("train", "test")}
    write_dataset(tmp_path / "d.h5", Contents("d", splits, DIGITS.class_names))
    assert open_dataset(tmp_path / "d.h5").framing is None


@pytest.mark.parametrize(
    "change",
    [
        {"ground": -1},
        {"ink": 0},
        {"ink": "255"},
        {"height": [0.5]},
        {"height": [0.9, 0.5]},
        {"width": [0.1, 2]},
        {"size": [8, 10**9]},
        {"size": [8.5, 8]},
        {"centre": "left"},
        {"row": True},
        {"stroke": float("nan")},
        {"more": 1},
    ],
)
def test_what_is_no_framing_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    assert FRAMING is not None
    values = {**FRAMING.as_dict(), **change}
    with pytest.raises(DataError, match="framing: "):
        Framing.from_dict(values)
    network = build("digits", pixels=Pixels(framing=replace(FRAMING)))
    if "stroke" in change:
        return  # JSON has no NaN
    network.graph.pixels.config = lambda: {"framing": values}  # type: ignore[method-assign]
    save_model(tmp_path / "m.h5", network, record={})
    with pytest.raises(ModelError, match="framing: "):
        load_model(tmp_path / "m.h5")
