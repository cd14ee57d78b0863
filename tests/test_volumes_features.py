"""The volumes that a picture becomes, and pictures in the plane of their features."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from numbacnn.analysis import layers_of_volumes, neighbour_plane, neighbour_votes, principal_plane, volumes
from numbacnn.data import Dataset
from numbacnn.errors import NumbacnnError, ShapeError, UsageError
from numbacnn.storage import load
from numbacnn_cli.__main__ import main
from numbacnn_cli.runs import PACKAGED_MODEL

TEST = Dataset.open("digits").test
RNG = np.random.default_rng(0)


def test_volumes_are_the_activations() -> None:
    network = load(PACKAGED_MODEL)
    names = layers_of_volumes(network)
    assert names == ["relu1", "relu2", "pool2", "relu3", "pool3", "dense4", "softmax"]
    found = volumes(network, TEST.read(slice(4, 5))[0], names)
    for name, values in found.items():
        np.testing.assert_allclose(
            values, network.activations(TEST.read(slice(4, 5)), name)[0], rtol=1e-5, atol=1e-6
        )
    with pytest.raises(UsageError, match="did you mean 'relu"):
        volumes(network, TEST.read(slice(4, 5))[0], ["relu9"])


def test_the_principal_plane_is_that_of_the_largest_variance() -> None:
    base = RNG.normal(size=(60, 2)) * (3, 1)
    turned = base @ np.linalg.qr(RNG.normal(size=(7, 2)))[0].T + 5
    plane = principal_plane(turned)
    assert sum(plane.shares) == pytest.approx(1)
    distances = np.linalg.norm(plane.points[:, None] - plane.points, axis=-1)
    np.testing.assert_allclose(distances, np.linalg.norm(base[:, None] - base, axis=-1), atol=1e-9)
    assert plane.points[:, 0].std() > plane.points[:, 1].std()
    np.testing.assert_array_equal(principal_plane(turned).points, plane.points)
    assert principal_plane(np.ones((3, 1))).points.shape == (3, 2)
    with pytest.raises(ShapeError, match="two rows or more"):
        principal_plane(np.ones((1, 4)))


def test_near_ones_stay_near(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.concatenate([RNG.normal(size=(20, 60)), 40 + RNG.normal(size=(20, 60))])
    points = neighbour_plane(rows, seed=3, perplexity=5).points
    middles = points[:20].mean(axis=0), points[20:].mean(axis=0)
    assert np.linalg.norm(points[:20] - middles[0], axis=1).max() < np.linalg.norm(middles[0] - middles[1])
    with pytest.raises(ShapeError, match="at least 5"):
        neighbour_plane(rows[:4])
    with pytest.raises(UsageError, match="above 1"):
        neighbour_plane(rows, perplexity=0.5)
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    with pytest.raises(NumbacnnError, match=r"pip install 'numbacnn\[features\]'"):
        neighbour_plane(rows)


def test_neighbours_vote() -> None:
    rows = np.array([[0.0], [1], [2], [10], [11], [12], [1.5]])
    table = neighbour_votes(rows, np.array([0, 0, 0, 1, 1, 1, 1]), 2, neighbours=3)
    assert table.tolist() == [[3, 0], [1, 3]]
    assert table.sum() == len(rows)


def viz(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> dict[str, Any]:
    assert main(["viz", *map(str, arguments), "--model", str(PACKAGED_MODEL), "--json"]) == code
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def test_activations(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = viz(capsys, "activations", "--index", "4", "--save-data", "maps.h5")
    assert [entry["layer"] for entry in result["layers"]][:2] == ["relu1", "relu2"]
    assert result["layers"][0]["shape"] == [8, 8, 16]
    assert result["image"] == "test 4"
    assert sum(entry["probability"] for entry in result["top"]) == pytest.approx(1, abs=0.05)
    assert Path("activations.png").stat().st_size
    with h5py.File("maps.h5") as file:
        assert file["layers/000 relu1"].shape == (8, 8, 16)
    assert [entry["layer"] for entry in viz(capsys, "activations", "--layer", "conv2, pool2")["layers"]] == [
        "relu2",
        "pool2",
    ]
    assert "no layer is named" in viz(capsys, "activations", "--layer", "conv2,x", code=2)["error"]["message"]


def test_features(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = viz(capsys, "features", "--count", "60")
    assert np.shape(result["points"]) == (60, 2)
    assert np.shape(result["neighbours"]) == (60, 6)
    assert all(index not in row for index, row in enumerate(result["neighbours"]))
    table = np.array(result["confusion"])
    assert table.sum() == 60
    assert result["neighbour_error"] == pytest.approx(1 - np.trace(table) / 60)
    assert result["neighbour_error"] < 0.2
    assert Path(result["figure"]).stat().st_size
    assert Path(result["confusion_figure"]).stat().st_size
    assert Path(result["neighbours_figure"]).stat().st_size
    assert "5 to 10000" in viz(capsys, "features", "--count", "2", code=2)["error"]["message"]
