from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from numbacnn.data import Dataset
from numbacnn.errors import UsageError
from numbacnn.ops.augmentation import augment, distort
from numbacnn.training import Settings
from numbacnn.training.augmentation import Augmentation, colour_axes

RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 256, (12, 9, 7, 3), dtype=np.uint8)
DATASET = Dataset.from_arrays("few", train=(PICTURES, np.arange(12) % 3))


def augmented(
    settings: Settings, indices: object, shape: tuple[int, int, int] = (9, 7, 3), epoch: int = 0
) -> np.ndarray:
    target = np.full((len(indices), *shape), np.nan, np.float32)  # type: ignore[arg-type]
    changes = Augmentation(DATASET, shape, settings)
    augment(target, PICTURES[indices], *changes.drawn(epoch, indices), changes.fill)  # type: ignore[index]
    return target


def test_nothing_asked_for_leaves_pictures_alone() -> None:
    np.testing.assert_array_equal(augmented(Settings(), np.arange(12)), PICTURES)


def test_flip_mirrors_about_half_from_left_to_right() -> None:
    changed = augmented(Settings(flip=True), np.arange(12))
    mirrored = [np.array_equal(changed[n], PICTURES[n, :, ::-1]) for n in range(12)]
    kept = [np.array_equal(changed[n], PICTURES[n]) for n in range(12)]
    assert 0 < sum(mirrored) < 12
    assert all(one or other for one, other in zip(mirrored, kept, strict=True))


def test_crops_of_larger_pictures_are_windows_of_them() -> None:
    changed = augmented(Settings(), np.arange(12), shape=(5, 4, 3))
    windows = np.lib.stride_tricks.sliding_window_view(PICTURES, (5, 4), axis=(1, 2)).transpose(
        0, 1, 2, 4, 5, 3
    )
    places = [np.argwhere((windows[n] == changed[n]).all(axis=(2, 3, 4))) for n in range(12)]
    assert all(len(place) >= 1 for place in places)
    assert len({tuple(place[0]) for place in places}) > 3


def test_a_shift_fills_with_the_mean() -> None:
    changed = augmented(Settings(translate=3, seed=5), np.arange(12))
    mean = np.asarray(DATASET.mean_rgb, np.float32)
    filled = (changed == mean).all(axis=3)
    assert filled.any()
    assert not np.array_equal(changed, PICTURES)
    rows = filled.all(axis=2).sum(axis=1)
    assert rows.max() <= 3


def test_a_picture_is_changed_alike_in_any_batch_and_order() -> None:
    settings = Settings(flip=True, crop_padding=2, translate=1, colour=0.2, seed=3)
    together = augmented(settings, np.arange(12))
    indices = np.array([7, 2, 11])
    np.testing.assert_array_equal(augmented(settings, indices), together[indices])
    assert not np.array_equal(augmented(settings, np.arange(12), epoch=1), together)


def test_colour_axes_are_the_covariance() -> None:
    axes = colour_axes(DATASET.train)
    colours = PICTURES.reshape(-1, 3).astype(float)
    np.testing.assert_allclose(axes @ axes.T, np.cov(colours.T, bias=True), rtol=1e-9)


def test_colour_moves_all_pixels_of_a_picture_together() -> None:
    middle = np.full((12, 9, 7, 3), 128, np.uint8)
    target = np.empty(middle.shape, np.float32)
    changes = Augmentation(DATASET, (9, 7, 3), Settings(colour=0.1))
    augment(target, middle, *changes.drawn(0, np.arange(12)), changes.fill)
    assert (target == target[:, :1, :1]).all()
    assert (target[:, 0, 0] != 128).all()


def distorted(
    settings: Settings, indices: np.ndarray, epoch: int = 0, dataset: Dataset = DATASET
) -> np.ndarray:
    changes = Augmentation(dataset, dataset.image_shape, settings)
    pictures = dataset.train.read(indices)
    target = np.empty_like(pictures)
    fill = np.rint(changes.fill).astype(np.uint8)
    distort(target, pictures, *changes.distortions(epoch, indices), fill)
    return target


BENT = Settings(rotate=20, shear=10, zoom=0.2, elastic=0.5, thickness=0.5, seed=3)


def test_only_what_is_asked_for_is_distorted() -> None:
    assert not Augmentation(DATASET, (9, 7, 3), Settings(translate=2, flip=True)).distorts
    assert Augmentation(DATASET, (9, 7, 3), Settings(thickness=0.1)).distorts
    np.testing.assert_array_equal(distorted(Settings(), np.arange(12)), PICTURES)


def test_a_picture_is_distorted_alike_in_any_batch_and_order() -> None:
    together = distorted(BENT, np.arange(12))
    indices = np.array([7, 2, 11])
    np.testing.assert_array_equal(distorted(BENT, indices), together[indices])
    assert not np.array_equal(distorted(BENT, np.arange(12), epoch=1), together)
    other = replace(BENT, seed=4)
    assert not np.array_equal(distorted(other, np.arange(12)), together)


def test_distortions_leave_the_other_changes_as_they_were() -> None:
    settings = Settings(flip=True, crop_padding=2, colour=0.2, seed=3)
    bent = replace(settings, rotate=5, elastic=1)
    for one, other in zip(
        *(Augmentation(DATASET, (9, 7, 3), each).drawn(2, np.arange(12)) for each in (settings, bent)),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


BAR = np.zeros((400, 15, 15, 1), np.uint8)
BAR[:, 3:12, 6:9] = 255
BARS = Dataset.from_arrays("bars", train=(BAR, np.arange(400) % 2))


def angles(pictures: np.ndarray) -> np.ndarray:
    """Of the bars' long axis, in degrees from upright."""
    found = []
    for picture in pictures[..., 0].astype(float):
        y, x = np.mgrid[-7:8, -7:8]
        total = picture.sum()
        xx, yy, xy = ((picture * product).sum() / total for product in (x * x, y * y, x * y))
        found.append(np.degrees(0.5 * np.arctan2(2 * xy, yy - xx)))
    return np.array(found)


def test_pictures_are_turned_by_up_to_so_many_degrees() -> None:
    turned = angles(distorted(Settings(rotate=30), np.arange(400), dataset=BARS))
    assert 25 < np.abs(turned).max() < 31.5
    assert abs(turned.mean()) < 3
    assert np.ptp(angles(BAR)) == 0


def test_pictures_are_slanted_and_keep_their_height() -> None:
    slanted = distorted(Settings(shear=30), np.arange(400), dataset=BARS)
    assert 20 < np.abs(angles(slanted)).max() < 34
    np.testing.assert_array_equal((slanted > 60).any(axis=(2, 3)), (BAR > 60).any(axis=(2, 3)))


def test_pictures_become_larger_and_smaller() -> None:
    changed = distorted(Settings(zoom=0.3), np.arange(400), dataset=BARS)
    heights, widths = (line.reshape(400, -1).sum(axis=1) / 255 for line in (changed[:, :, 7], changed[:, 7]))
    for extents, whole in ((heights, 9), (widths, 3)):
        assert extents.min() == pytest.approx(0.7 * whole, rel=0.06)
        assert extents.max() == pytest.approx(1.3 * whole, rel=0.06)


def test_lines_become_thicker_and_thinner() -> None:
    ink = (
        distorted(Settings(thickness=0.5), np.arange(400), dataset=BARS).astype(float).sum(axis=(1, 2, 3))
        / 255
    )
    assert ink.min() == pytest.approx(27 - 0.5 * 20, abs=1)
    assert ink.max() == pytest.approx(27 + 0.5 * 24, abs=1)
    assert ink.mean() == pytest.approx(27, abs=2)


def test_pictures_are_bent_and_stay_where_they_are() -> None:
    bent = distorted(Settings(elastic=1), np.arange(400), dataset=BARS)
    assert len(np.unique(bent, axis=0)) == 400
    assert np.corrcoef(bent.mean(axis=0).ravel(), BAR[0].ravel())[0, 1] > 0.9


def test_beside_drawings_lies_their_ground_and_not_the_mean() -> None:
    digits = Dataset.open("digits")
    assert digits.framing is not None
    assert Augmentation(digits, (8, 8, 1), Settings()).fill.tolist() == [digits.framing.ground]
    assert Augmentation(DATASET, (9, 7, 3), Settings()).fill == pytest.approx(DATASET.mean_rgb)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rotate": 181}, "--rotate 181: 0 to 180"),
        ({"shear": -1}, "--shear -1"),
        ({"zoom": 1}, "--zoom 1: 0 to 0.9"),
        ({"thickness": 2}, "--thickness 2: 0 to 1"),
        ({"elastic": float("nan")}, "--elastic nan"),
    ],
)
def test_distortions_out_of_all_reason_are_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Settings(**change)
