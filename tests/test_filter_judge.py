"""The judge of filters, on filters of which it is known what they are."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbacnn.analysis import judge, measure_filters, strongest_components
from numbacnn.errors import ShapeError
from numbacnn.storage import load, save
from numbacnn_cli.__main__ import main
from numbacnn_cli.runs import PACKAGED_MODEL

RNG = np.random.default_rng(0)


def gabors(count: int, side: int = 7) -> Any:
    """Smooth and diverse: waves of any direction and colour under a bell, as well-trained first layers have them."""
    rows, columns = np.mgrid[:side, :side] - (side - 1) / 2
    bell = np.exp(-(rows**2 + columns**2) / (2 * (side / 4) ** 2))
    kernels = np.empty((side, side, 3, count))
    for index in range(count):
        angle, phase = RNG.uniform(0, np.pi), RNG.uniform(0, 2 * np.pi)
        wave = np.cos(
            2 * np.pi * RNG.uniform(0.05, 0.2) * (rows * np.cos(angle) + columns * np.sin(angle)) + phase
        )
        kernels[..., index] = (bell * wave)[..., None] * RNG.normal(size=3)
    return kernels


def noise(count: int, side: int = 7) -> Any:
    return RNG.normal(size=(side, side, 3, count))


@pytest.mark.parametrize("side", [3, 5, 7, 11])
def test_white_noise_has_all_of_its_share(side: int) -> None:
    assert measure_filters(noise(400, side)).roughness.mean() == pytest.approx(1, abs=0.03)


def test_the_share_is_that_of_the_spectrum() -> None:
    columns = np.arange(32)
    slow, fast = (np.cos(2 * np.pi * frequency * columns / 32) for frequency in (4, 14))  # 0.125 and 0.4375
    kernels = np.stack(
        [np.tile(slow, (32, 1)), np.tile(fast, (32, 1)), np.tile(slow + fast, (32, 1))], axis=-1
    )[:, :, None]
    rows = np.fft.fftfreq(32)
    beyond = (np.hypot(*np.meshgrid(rows, rows)) > 0.35).mean()
    np.testing.assert_allclose(measure_filters(kernels).roughness, np.array([0, 1, 0.5]) / beyond, atol=1e-9)


def test_dead_filters_twins_and_diversity() -> None:
    kernels = gabors(12)
    kernels[..., 3] *= 0.001
    kernels[..., 7] = 2 * kernels[..., 2] + 0.001 * noise(1)[..., 0]
    measures = measure_filters(kernels)
    assert np.flatnonzero(measures.dead).tolist() == [3]
    assert {unit: twin for unit, twin in enumerate(measures.twins) if twin >= 0} == {7: 2}
    assert measure_filters(np.repeat(kernels[..., :1], 8, axis=3)).diversity == pytest.approx(1 / 8)
    square = np.eye(147).reshape(7, 7, 3, 147)
    assert measure_filters(square).diversity == pytest.approx(1)


@pytest.mark.parametrize(
    ("kernels", "verdict"),
    [
        (gabors(32), "smooth and diverse"),
        (noise(32), "unconverged"),
        (gabors(32) + 0.4 * noise(32), "noisy"),
        (np.repeat(gabors(4), 8, axis=3), "smooth but alike"),
        (np.concatenate([gabors(8), np.zeros((7, 7, 3, 24))], axis=3), "dead"),
        (np.zeros((5, 5, 3, 8)), "dead"),
        (gabors(16, 3), "not judged"),
        (noise(16, 1), "not judged"),
        (noise(1, 7), "unconverged"),
    ],
)
def test_the_verdict(kernels: Any, verdict: str) -> None:
    found = judge(kernels)
    assert found.verdict == verdict, found.reason
    assert bool(found.causes) == (verdict not in ("smooth and diverse", "not judged"))
    json.dumps(found.summary() | {"high_frequency": found.measures.roughness.tolist()}, default=str)


def test_small_pictures_have_nothing_but_fine_lines() -> None:
    assert judge(noise(8, 5), side=8).verdict == "not judged"
    assert judge(noise(8, 5), side=28).verdict == "unconverged"


def history(*moves: float) -> list[tuple[int, Any]]:
    """A run of smooth filters whose weights move by such shares of their norm."""
    kernels, found = gabors(16), []
    for epoch, move in enumerate((0.0, *moves), 1):
        other = gabors(16)
        norm = np.linalg.norm(kernels)
        kernels = kernels + other * move * norm / np.linalg.norm(other)
        found.append((epoch, kernels * norm / np.linalg.norm(kernels)))
    return found


def test_what_still_moves_is_unconverged_and_the_trend_tells_why() -> None:
    resting = history(0.4, 0.2, 0.02)
    assert judge(resting[-1][1], resting).verdict == "smooth and diverse"
    restless = history(0.4, 0.4, 0.4)
    found = judge(restless[-1][1], restless, {"learning_rate": 0.06, "epochs": 4, "weight_decay": 5e-4})
    assert (found.verdict, found.causes[0].cause) == ("unconverged", "learning rate")
    assert "0.06" in found.causes[0].evidence
    short = history(0.9, 0.3)
    found = judge(short[-1][1], short, {"epochs": 3})
    assert (found.verdict, found.causes[0].cause) == ("unconverged", "not converged")
    assert [moment.epoch for moment in found.trend] == [1, 2, 3]


def test_the_settings_decide_which_cause_comes_first() -> None:
    rough = gabors(32) + 0.4 * noise(32)
    assert (
        judge(rough, settings={"weight_decay": 0.0, "epochs": 40}).causes[0].cause == "weight regularisation"
    )
    assert judge(rough, settings={"weight_decay": 0.0, "epochs": 1}).causes[0].cause == "not converged"


def test_random_filters_that_rest_are_noisy() -> None:
    kernels = noise(16)
    assert judge(kernels).verdict == "unconverged"
    assert judge(kernels, settings={"epochs": 1}).verdict == "unconverged"
    assert judge(kernels, settings={"epochs": 12}).verdict == "noisy"
    at_rest = [(epoch, kernels) for epoch in (1, 2, 3)]
    assert judge(kernels, at_rest, {"weight_decay": 0.0}).causes[0].cause == "weight regularisation"
    assert judge(kernels, at_rest).verdict == "noisy"


def test_components_are_the_strongest_mixtures_of_channels() -> None:
    colours, mixture = gabors(6), np.linalg.qr(RNG.normal(size=(8, 3)))[0]
    kernels = np.einsum("rsck,dc->rsdk", colours, mixture)
    found = strongest_components(kernels)
    assert found.kernels.shape == (7, 7, 3, 6)
    assert found.shares.sum() == pytest.approx(1)
    assert (np.diff(found.shares) <= 0).all()
    np.testing.assert_allclose(
        np.einsum("rsck,cd->rsdk", found.kernels, found.directions), kernels, atol=1e-9
    )
    assert strongest_components(kernels[:, :, :1]).kernels.shape == (7, 7, 3, 6)
    with pytest.raises(ShapeError, match="kernels of shape"):
        strongest_components(kernels[0])


def test_the_command_judges(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run/epochs").mkdir(parents=True)
    shutil.copy(PACKAGED_MODEL, "run/model.h5")
    network = load(PACKAGED_MODEL)
    network.graph.write("conv2/weights", 0.5 * network.parameter("conv2", "weights"))
    save("run/epochs/epoch-001.h5", network)
    shutil.copy(PACKAGED_MODEL, "run/epochs/epoch-002.h5")
    arguments = ("viz", "filters", "--model", "run", "--layer", "conv2", "--view", "components", "--json")
    assert main(list(arguments)) == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert result["judgement"]["verdict"] == "unconverged"
    assert result["judgement"]["trend"][1]["moved"] == pytest.approx(0.5)
    assert len(result["judgement"]["high_frequency"]) == result["filters"] == 32
    assert "verdict: unconverged" in captured.err
    assert "likely cause: " in captured.err
    assert result["view"] == "components"
