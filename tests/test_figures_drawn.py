"""Every figure has the right parts, readable sizes and no overlapping text."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from figure_checks import LONG, check, images, pictures, rows, texts
from numpy.random import default_rng
from PIL import Image

from numbacnn.errors import ShapeError, UsageError
from numbacnn.figures import (
    Part,
    attack_panel,
    confusion_matrix,
    epsilon_sweep,
    filter_mosaic,
    image_grid,
    layer_units,
    mosaic_array,
    predictions,
    saliency_panel,
    save,
    training_curves,
)

# filters


def test_mosaic_array() -> None:
    kernels = np.zeros((2, 3, 1, 4), np.float32)
    kernels[0, 0, 0] = [0.5, -0.25, 0, 1]
    shared = mosaic_array(kernels)
    assert shared.shape == (2 * 2 + 1, 2 * 3 + 1, 3)
    assert [shared[0, 0, 0], shared[0, 4, 0], shared[3, 0, 0], shared[3, 4, 0]] == [191, 96, 128, 255]
    assert (shared[2] == 255).all()
    own = mosaic_array(kernels, "own")
    assert [own[0, 0, 0], own[0, 4, 0], own[3, 0, 0], own[3, 4, 0]] == [255, 0, 128, 255]
    assert own[1, 1, 0] == 128


def test_colour_kernels_keep_their_channels() -> None:
    kernels = np.zeros((1, 1, 3, 1))
    kernels[0, 0] = [[1.0], [0.0], [-1.0]]
    assert mosaic_array(kernels).tolist() == [[[255, 128, 0]]]


def test_kernels_over_many_channels_are_rows_of_channels() -> None:
    kernels = np.zeros((1, 1, 2, 5))
    kernels[0, 0, 1, 3] = 1
    mosaic = mosaic_array(kernels)
    assert mosaic.shape == (2 * 5 - 1, 3, 3)
    assert mosaic[6, 2, 0] == 255
    large = default_rng(0).normal(size=(3, 3, 64, 100))
    assert mosaic_array(large).shape == (32 * 4 - 1, 32 * 4 - 1, 3)
    figure = filter_mosaic(large, title="conv2")
    check(figure)
    assert any("the first 32 of 100" in text and "the first 32 of 64" in text for text in texts(figure))


@pytest.mark.parametrize(
    "shape", [(11, 11, 3, 96), (5, 5, 1, 6), (3, 3, 3, 1), (1, 1, 3, 7), (7, 3, 3, 13), (64, 64, 1, 2)]
)
@pytest.mark.parametrize("scale", ["shared", "own"])
def test_filter_mosaic(shape: tuple[int, ...], scale: Any) -> None:
    figure = filter_mosaic(default_rng(0).normal(size=shape), scale=scale, title="conv1: " + LONG)
    check(figure)
    assert figure.get_figwidth() <= 9


def test_kernels_that_are_none() -> None:
    filter_mosaic(np.zeros((3, 3, 3, 4)))
    with pytest.raises(ShapeError, match=r"kernels of shape \(3, 3\)"):
        filter_mosaic(np.zeros((3, 3)))
    with pytest.raises(UsageError, match="did you mean 'shared'"):
        filter_mosaic(np.zeros((3, 3, 3, 4)), scale="shard")  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(5, 5, 3, 32), (11, 11, 3, 96), (3, 3, 1, 7)])
def test_every_filter_has_its_number(shape: tuple[int, ...]) -> None:
    shown = texts(filter_mosaic(default_rng(0).normal(size=shape)))
    assert [text for text in shown if text.isdigit()] == [str(index) for index in range(shape[3])]


def test_rows_of_channels_have_their_numbers() -> None:
    shown = texts(filter_mosaic(default_rng(0).normal(size=(3, 3, 16, 5))))
    assert [text for text in shown if text.isdigit()] == [*map(str, range(5)), *map(str, range(16))]


# grids


@pytest.mark.parametrize(("count", "columns", "title"), [(1, 10, LONG), (7, 3, ""), (50, 10, "CIFAR-10")])
def test_image_grid(count: int, columns: int, title: str) -> None:
    figure = image_grid(pictures(count), [LONG] * count, columns, title)
    check(figure)
    assert len(images(figure)) == count


def test_small_pictures_stay_sharp(tmp_path: Path) -> None:
    image = pictures(1, 4, 4)
    save(image_grid(image), tmp_path / "f.png")
    drawn = np.asarray(Image.open(tmp_path / "f.png").convert("RGB"))
    colours = {tuple(pixel) for pixel in drawn.reshape(-1, 3).tolist()}
    assert colours == {(255, 255, 255), *map(tuple, image.reshape(-1, 3).tolist())}


# training


def test_training_curves() -> None:
    figure = training_curves(rows(5), title="digits on digits")
    check(figure)
    loss, error, _ = figure.axes
    lines = {line.get_label(): line for line in loss.lines}
    assert lines["train"].get_ydata().tolist() == [2.0, 1.0, 2.0 / 3, 0.5, 0.4]
    assert "20.00 % (epoch 5)" in error.get_title(loc="left")
    assert "1 roll-back" in loss.get_title(loc="left")


@pytest.mark.parametrize(
    "given",
    [
        [],
        rows(1),
        rows(500),
        rows(4, validation_loss="", validation_top1_error=None),
        rows(4, train_loss=float("nan"), validation_loss=float("inf")),
        rows(4, train_top1_error=0.0, validation_top1_error=0.0, learning_rate=0.0),
        [{key: str(value) for key, value in row.items() if key != "rolled_back"} for row in rows(4)],
    ],
)
def test_training_curves_of_odd_runs(given: list[dict[str, Any]], tmp_path: Path) -> None:
    save(training_curves(given), tmp_path / "curves.png", dpi=40)


# confusion


@pytest.mark.parametrize("classes", [1, 10, 45, 1000])
def test_confusion_matrix(classes: int) -> None:
    counts = default_rng(0).poisson(0.05, (classes, classes)) + 50 * np.eye(classes, dtype=int)
    names = [f"{LONG} {index}" for index in range(classes)]
    figure = confusion_matrix(counts, names, "test")
    check(figure)
    assert len(figure.axes[0].texts) == (np.count_nonzero(counts) if classes <= 20 else 0)
    assert max(figure.get_size_inches()) <= 12


def test_confusion_with_an_empty_class() -> None:
    check(confusion_matrix(np.array([[3, 1], [0, 0]]), ["a", "b"]))
    with pytest.raises(ShapeError, match="for 3 classes"):
        confusion_matrix(np.zeros((2, 2)), ["a", "b", "c"])


# predictions


@pytest.mark.parametrize(("count", "classes", "size"), [(1, 2, 8), (1, 1000, 227), (6, 10, 227), (9, 10, 8)])
def test_predictions(count: int, classes: int, size: int) -> None:
    shares = default_rng(0).dirichlet(np.ones(classes), count)
    names = [f"{LONG} {index}" for index in range(classes)]
    figure = predictions(pictures(count, size, size, 1), names, shares, [LONG] * count, [0] * count)
    check(figure)
    assert len(images(figure)) == count
    assert sum(text.endswith(" %") for text in texts(figure)) == count * min(5, classes)


def test_predictions_are_sorted_and_the_true_class_has_its_own_colour() -> None:
    figure = predictions(pictures(1), ["a", "b", "c"], np.array([[0.2, 0.7, 0.1]]), labels=[2], top=2)
    assert texts(figure) == ["c", "b", "70.0 %", "a", "20.0 %", "the true class", "another class"]
    colours = [patch.get_facecolor() for patch in figure.axes[0].patches]
    right = predictions(pictures(1), ["a", "b", "c"], np.array([[0.2, 0.7, 0.1]]), labels=[1], top=2)
    assert colours[1] == colours[3]
    true, other = (patch.get_facecolor() for patch in right.axes[0].patches[-2:])  # the legend's
    assert right.axes[0].patches[1].get_facecolor() == true
    assert colours[1] == other
    unknown = predictions(pictures(1), ["a", "b", "c"], np.array([[0.2, 0.7, 0.1]]), labels=[None], top=2)
    assert "the true class" not in texts(unknown)


def test_predictions_of_pictures_of_several_sizes() -> None:
    photographs = [*pictures(1, 30, 20), *pictures(1, 8, 16), *pictures(1, 8, 8, 1)]
    figure = predictions(photographs, ["a", "b"], np.array([[0.2, 0.8]] * 3))
    check(figure)
    assert [image.get_array().shape[:2] for image in images(figure)] == [(30, 20), (8, 16), (8, 8)]


# saliency


@pytest.mark.parametrize(
    ("count", "height", "width", "channels"), [(1, 8, 8, 1), (3, 32, 20, 3), (4, 8, 8, 1), (16, 32, 20, 3)]
)
def test_saliency_panel(count: int, height: int, width: int, channels: int) -> None:
    maps = default_rng(0).random((count, height, width), np.float32)
    figure = saliency_panel(pictures(count, height, width, channels), maps, [f"{LONG}\n{LONG}"] * count)
    check(figure)
    assert len(images(figure)) == 3 * count


def test_a_saliency_map_of_zeros() -> None:
    check(saliency_panel(pictures(1), np.zeros((1, 8, 8)), [""]))


def test_a_photograph_keeps_its_size_and_has_the_map_where_the_network_looked() -> None:
    photograph = np.full((60, 100, 3), 200, np.uint8)
    values = np.zeros((8, 8), np.float32)
    values[:, :4] = 1
    part = Part(0, 0.2, 1, 0.8)  # the middle 60 of 100 columns
    figure = saliency_panel([photograph], [values], ["photo.jpg"], parts=[part])
    check(figure)
    shown, heat, over = (np.asarray(image.get_array()) for image in images(figure))
    assert shown.shape == heat.shape == over.shape == (60, 100, 3)
    assert (shown == photograph).all()
    assert (heat[:, :20] == 255).all()  # what the network did not see
    assert (heat[:, 80:] == 255).all()
    hot, cold = heat[30, 30].astype(int), heat[30, 70].astype(int)
    assert hot.sum() > cold.sum()
    assert (over[30, 70] == over[10, 75]).all()
    assert not (over[30, 30] == over[30, 70]).all()


# units


@pytest.mark.parametrize(
    ("count", "size", "channels", "found"),
    [(1, (1, 1), 3, 2), (1, (200, 130), 3, 9), (3, (5, 5), 1, 9), (4, (200, 130), 3, 9), (16, (1, 1), 3, 2)],
)
def test_layer_units(count: int, size: tuple[int, int], channels: int, found: int) -> None:
    units = [
        SimpleNamespace(
            unit=unit,
            activations=np.arange(found, 0, -1.0),
            patches=list(pictures(found, *size, channels)),
            reconstructions=list(default_rng(1).normal(size=(found, *size, channels))),
        )
        for unit in range(count)
    ]
    units[0].reconstructions[0] = np.zeros((*size, channels))
    figure = layer_units(units, title=LONG, classes=[[LONG] * found] * count, provenance=LONG)
    check(figure)
    assert len(images(figure)) == 2 * found * count


def test_patches_have_their_class_and_reconstructions_their_activation() -> None:
    unit = SimpleNamespace(
        unit=7,
        activations=[2.5, 1.25],
        patches=pictures(2),
        reconstructions=default_rng(1).normal(size=(2, 8, 8, 3)),
    )
    shown = texts(layer_units([unit], classes=[["cat", "dog"]]))
    assert shown[-5:] == ["unit 7", "2.5", "1.25", "cat", "dog"]
    assert "cat" not in texts(layer_units([unit]))


# attacks


@pytest.mark.parametrize(("count", "size"), [(1, 227), (5, 8), (16, 32)])
def test_attack_panel(count: int, size: int) -> None:
    before = pictures(count, size, size)
    change = np.where(before > 128, -8 / 255, 8 / 255)
    judged = [(LONG, 0.577)] * count
    figure = attack_panel(before, change, before / 255 + change, judged, [("gibbon", 0.993)] * count)
    check(figure)
    assert len(images(figure)) == 3 * count
    assert texts(figure).count("up to 8/255") == count
    assert texts(figure).count("change, drawn × 15.9") == count
    assert texts(figure).count("99.3 %") == count


@pytest.mark.parametrize(("count", "side_by_side"), [(1, 1), (2, 1), (5, 2), (6, 2), (16, 3)])
def test_a_panel_in_landscape(count: int, side_by_side: int) -> None:
    same = [("ship", 0.9)] * count
    arguments = (pictures(count, 32, 32), np.zeros((count, 32, 32, 3)), pictures(count, 32, 32), same, same)
    wide, tall = (attack_panel(*arguments, layout=layout) for layout in ("landscape", "portrait"))  # type: ignore[arg-type]
    check(wide)
    lefts = {round(image.get_extent()[0], 3) for image in images(wide)}
    assert len(lefts) == 3 * side_by_side
    assert wide.get_figwidth() / wide.get_figheight() >= tall.get_figwidth() / tall.get_figheight()


def test_a_panel_names_the_true_class() -> None:
    same = [("ship", 0.9)] * 2
    figure = attack_panel(pictures(2), np.zeros((2, 8, 8, 3)), pictures(2), same, same, truths=["cat", None])
    check(figure)
    assert texts(figure).count("true class: cat") == 1
    assert sum(text.startswith("true class") for text in texts(figure)) == 1


def test_no_change_is_grey() -> None:
    figure = attack_panel(pictures(1), np.zeros((1, 8, 8, 3)), pictures(1), [("a", 1.0)], [("a", 1.0)])
    assert np.unique(images(figure)[1].get_array()).tolist() == [128]


def test_epsilon_sweep() -> None:
    figure = epsilon_sweep([8 / 255, 0, 2 / 255], 0.9, [0.1, 0.9, 0.4], [0.12, 0.9, 0.45], title="FGSM")
    check(figure)
    _, attacked, rounded = figure.axes[0].lines
    assert attacked.get_xdata().tolist() == [0, 2, 8]
    assert attacked.get_ydata().tolist() == [90, 40, 10]
    assert rounded.get_ydata().tolist() == [90, 45, 12]
    check(epsilon_sweep([0.0], 0.9, [0.9], [0.9]))


def test_a_targeted_sweep_shows_the_target() -> None:
    figure = epsilon_sweep(
        [0, 2 / 255], 0.9, [0.9, 0.4], [0.9, 0.45], target="cat", success=[0, 0.5], success_8bit=[0, 0.25]
    )
    check(figure)
    curves = {line.get_label(): line.get_ydata() for line in figure.axes[0].lines}
    assert list(curves["attacked: taken for cat"]) == [0, 50]
    assert list(curves["attacked: taken for cat, rounded to 8 bits"]) == [0, 25]
    assert list(curves["attacked: still right"]) == [90, 40]
