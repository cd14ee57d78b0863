"""Pictures that networks make: gradients of what they are made with, and that they come nearer to what is wanted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.random import Generator, Philox, default_rng
from test_cli_viz import _in_an_empty_folder, description, model, run  # noqa: F401 - fixtures
from test_saliency import small_network

from numbacnn.analysis import strongest
from numbacnn.analysis.baselines import mean_colour
from numbacnn.analysis.making import (
    Ascent,
    Dream,
    FourierCanvas,
    Likeness,
    PixelCanvas,
    Units,
    Whatever,
    class_pictures,
    inversions,
    unit_pictures,
)
from numbacnn.analysis.making.ascent import total_variation
from numbacnn.analysis.making.views import view
from numbacnn.data.pictures import load, save
from numbacnn.errors import DataError, UsageError
from numbacnn.network import Network
from numbacnn_cli.signals import Stopped
from numbacnn_cli.viz import dream as dream_module
from numbacnn_cli.viz.making import columns_of

QUICK = Ascent(steps=12, rate=0.05, seed=3)


@pytest.fixture(scope="module")
def network() -> Network:
    return small_network()


def directional(function: Any, values: np.ndarray, gradient: np.ndarray, step: float = 1e-3) -> None:
    """The derivative along a random direction, by differences."""
    direction = default_rng(0).standard_normal(values.shape).astype(values.dtype)
    change = (function(values + step * direction) - function(values - step * direction)) / (2 * step)
    assert change == pytest.approx(float((gradient * direction).sum()), rel=2e-2, abs=1e-4)


@pytest.mark.parametrize("size", [(6, 7), (5, 8)])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_fourier_canvas_pulls_gradients_back(size: tuple[int, int], channels: int) -> None:
    canvas = FourierCanvas((2, *size, channels), seed=1, spread=0.1)
    assert canvas.pictures().shape == (2, *size, channels)
    wanted = default_rng(1).standard_normal((2, *size, channels)).astype(np.float32)
    gradient = canvas.pull(wanted)
    before = canvas.values.copy()

    def value(values: np.ndarray) -> float:
        canvas.values = values
        return float((canvas.pictures() * wanted).sum(dtype=np.float64))

    directional(value, before, gradient)


def test_a_view_takes_gradients_back_where_it_looked() -> None:
    generator = Generator(Philox(key=0))
    looked = view((6, 6), (10, 9), 0.3, generator)
    pictures, weights = generator.random((1, 10, 9, 2)), generator.random((1, 6, 6, 2))
    seen = looked.see(pictures)
    assert seen.shape == (1, 6, 6, 2)
    assert (seen * weights).sum() == pytest.approx((pictures * looked.back(weights)).sum())
    np.testing.assert_allclose(looked.see(np.ones((1, 10, 9, 1))), 1, rtol=1e-5)
    still = view((6, 6), (6, 6), 0.0, generator)
    np.testing.assert_array_equal(still.see(pictures[:, :6, :6]), pictures[:, :6, :6])
    moved = view((6, 6), (10, 9), 0.0, generator).see(pictures)  # whole pixels: a part, as it is
    parts = [pictures[:, top : top + 6, left : left + 6] for top in range(5) for left in range(4)]
    assert any(np.allclose(moved, part) for part in parts)


def test_objectives_have_their_gradients(network: Network) -> None:
    output = default_rng(0).standard_normal((2, 4, 4, 6)).astype(np.float32)
    features = default_rng(1).standard_normal(output.shape).astype(np.float32)
    for objective in (
        Units(network, "conv2", [3, 0]),
        Units(network, "conv2", [3, 0], (1, 2)),
        Likeness("conv2", features),
    ):
        _, gradient = objective(output)
        directional(lambda values, of=objective: float(of(values)[0].sum()), output, gradient)
    for whatever in (Whatever(network, "conv2"), Whatever(network, "conv2", [1, 4])):
        _, gradient = whatever(output)
        directional(lambda values, of=whatever: float(of(values)[0].sum()), output, gradient)
    pictures = default_rng(2).random((1, 5, 6, 3)).astype(np.float32)
    directional(
        lambda values: float(sum((np.diff(values, axis=axis) ** 2).sum() for axis in (1, 2))),
        pictures,
        total_variation(pictures),
    )


@pytest.mark.parametrize("canvas", ["fourier", "pixels"])
def test_class_pictures_score_more_and_more_and_are_the_same_for_a_seed(
    network: Network, canvas: str
) -> None:
    before = {key: array.tobytes() for key, array in network.graph.snapshot().items()}
    steps = list(class_pictures(network, [2, 0], QUICK, canvas=canvas))
    assert [step.number for step in steps] == list(range(1, 13))
    assert steps[-1].pictures.shape == (2, 8, 8, 3)
    assert 0 <= steps[-1].pictures.min() <= steps[-1].pictures.max() <= 1
    assert (steps[-1].values > steps[0].values).all()
    again = list(class_pictures(network, [2, 0], QUICK, canvas=canvas))[-1]
    assert again.pictures.tobytes() == steps[-1].pictures.tobytes()
    other = list(class_pictures(network, [2, 0], replace(QUICK, seed=4), canvas=canvas))[-1]
    assert other.pictures.tobytes() != again.pictures.tobytes()
    assert {key: array.tobytes() for key, array in network.graph.snapshot().items()} == before


def test_regularisers_make_pictures_greyer_and_smoother(network: Network) -> None:
    def made(**options: float) -> np.ndarray:
        return list(class_pictures(network, 1, replace(QUICK, **options), canvas="pixels"))[-1].pictures

    plain, mean = made(), np.asarray(network.graph.pixels.mean) / 255
    assert np.abs(made(l2=5.0) - mean).mean() < np.abs(plain - mean).mean()
    roughness = np.abs(np.diff(plain, axis=2)).mean()
    assert np.abs(np.diff(made(variation=5.0), axis=2)).mean() < roughness
    assert np.abs(np.diff(made(blur=1.0), axis=2)).mean() < roughness


def test_the_mean_is_that_of_a_mean_image_where_there_is_one() -> None:
    graph = small_network().graph.astype(np.float32)
    assert mean_colour(graph) == pytest.approx(np.array([120, 110, 100]) / 255)
    graph.pixels.constants["mean_image"] = np.full((8, 8, 3), 51.0)
    try:
        assert mean_colour(graph) == pytest.approx(np.full(3, 0.2))
    finally:
        del graph.pixels.constants["mean_image"]


def test_pictures_of_units_excite_them(network: Network) -> None:
    steps = list(unit_pictures(network, "conv1", [0, 3], QUICK, place=(4, 4), margin=0))
    assert (steps[-1].values > steps[0].values).all()
    flat = list(unit_pictures(network, "dense", [1], QUICK))
    assert flat[-1].values > flat[0].values
    found = strongest(network, [(steps[-1].pictures * 255).astype(np.uint8)], "conv1", [0, 3], count=1)
    assert (found.values > 0).all()


def test_inversions_come_nearer(network: Network) -> None:
    images = default_rng(5).integers(0, 256, (2, 8, 8, 3), np.uint8)
    steps = list(inversions(network, images, "conv1", Ascent(steps=40, rate=0.1)))
    assert (steps[-1].values > 0.5 * steps[0].values).all()
    itself = Likeness("relu1", network.activations(images, "relu1"))
    np.testing.assert_allclose(itself(network.activations(images, "relu1"))[0], 0)


def test_a_dream_is_as_large_as_the_photograph_and_stronger(network: Network) -> None:
    photograph = default_rng(6).integers(0, 256, (21, 30, 3), np.uint8)
    dreaming = Dream("conv1", octaves=2, steps=4, scale=1.5, jitter=3)
    steps = list(dreaming(network, photograph))
    assert dreaming.sizes((21, 30)) == [(14, 20), (21, 30)]
    assert [step.pictures.shape for step in steps[3:5]] == [(1, 14, 20, 3), (1, 21, 30, 3)]
    assert steps[-1].values > steps[4].values
    assert list(dreaming(network, photograph))[-1].pictures.tobytes() == steps[-1].pictures.tobytes()
    tiny = list(Dream("conv1", octaves=9, steps=1, scale=2.0)(network, photograph))
    assert tiny[0].pictures.shape == (1, 1, 1, 3)


def test_what_cannot_be_made(network: Network) -> None:
    with pytest.raises(DataError, match="label 4"):
        list(class_pictures(network, 4, QUICK))
    with pytest.raises(UsageError, match="canvas 'oil'"):
        list(class_pictures(network, 0, QUICK, canvas="oil"))
    with pytest.raises(UsageError, match="is flat"):
        Dream("dense")(network, np.zeros((9, 9, 3), np.uint8)).__next__()
    with pytest.raises(UsageError, match="unit 5"):
        list(unit_pictures(network, "conv1", [5], QUICK))
    for wrong in ({"steps": 0}, {"rate": 0}, {"l2": -1}, {"zoom": float("nan")}, {"seed": -1}):
        with pytest.raises(UsageError, match=next(iter(wrong))):
            Ascent(**wrong)  # type: ignore[arg-type]
    assert PixelCanvas(np.full((1, 2, 2, 1), 0.5)).pictures().dtype == np.float32


def test_commands(capsys: pytest.CaptureFixture[str], model: Any) -> None:  # noqa: F811
    common = ("--model", model, "--seed", "1")
    result = run(capsys, "viz", "class", "7", "2", *common, "--steps", "2")
    assert [each["index"] for each in result["classes"]] == [7, 2]
    assert result["figure"] == "class.png"
    assert "2 steps of Adam" in description(result["figure"])
    result = run(capsys, "viz", "unit", *common, "--layer", "conv2", "--units", "1-2", "--steps", "2")
    assert [each["unit"] for each in result["units"]] == [1, 2]
    result = run(capsys, "viz", "invert", *common, "--data", "digits", "--index", "4", "--steps", "2")
    assert [each["layer"] for each in result["layers"]] == ["relu1", "relu2", "relu3"]
    save("photo.png", default_rng(0).integers(0, 256, (40, 60, 3), np.uint8))
    options = ("--layer", "conv1", "--octaves", "2", "--steps", "2", "--longest", "30")
    result = run(capsys, "viz", "dream", "photo.png", *common, *options)
    assert result["size"] == [20, 30]
    assert load(result["picture"]).shape[:2] == (20, 30)
    for line in (
        "class nine",
        "class --blur 1",
        "class --steps 0",
        "unit --layer conv9",
        "dream photo.png --rate 2",
    ):
        assert "message" in run(capsys, "viz", *line.split(), "--model", model, code=2)["error"]


def test_what_there_is_is_kept_when_a_command_is_stopped(
    capsys: pytest.CaptureFixture[str],
    model: Any,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    save("photo.png", default_rng(0).integers(0, 256, (20, 30, 3), np.uint8))

    def stopped_after_three(steps: Any, total: int, what: str, out: Any) -> Any:
        for _ in range(3):
            last = next(steps)
        return last, Stopped(2)

    monkeypatch.setattr(dream_module, "followed", stopped_after_three)
    options = ("--model", model, "--layer", "conv1", "--octaves", "2", "--steps", "5")
    assert run(capsys, "viz", "dream", "photo.png", *options, code=130)["error"]["type"] == "Interrupted"
    assert load("photo-dream.png").shape[:2] == (20, 30)
    assert (load("photo-dream.png") != load("photo.png")[..., :1]).any()


@pytest.mark.parametrize(
    ("count", "columns"), [(1, 1), (5, 5), (6, 3), (7, 4), (8, 4), (9, 3), (10, 5), (13, 5)]
)
def test_as_few_places_of_a_row_as_can_be_stay_empty(count: int, columns: int) -> None:
    assert columns_of(count) == columns
