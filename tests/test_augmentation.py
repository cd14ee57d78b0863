from __future__ import annotations

import numpy as np

from numbacnn.data import Dataset
from numbacnn.ops.augmentation import augment
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
