"""Layers over a run's epochs, and pictures under a sliding square: the numbers and the commands."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbacnn.analysis import (
    Box,
    correspondence,
    correspondences,
    evolution,
    occlusion_study,
    strongest,
    unit_patches,
)
from numbacnn.analysis.occlusion import occluded
from numbacnn.data import Dataset
from numbacnn.data.pictures import save as save_picture
from numbacnn.errors import ShapeError, UsageError
from numbacnn.network import Network
from numbacnn.storage import load, save
from numbacnn_cli.__main__ import main
from numbacnn_cli.runs import PACKAGED_MODEL

TEST = Dataset.open("digits").test


@pytest.fixture(scope="module")
def network() -> Network:
    return load(PACKAGED_MODEL)


def test_a_stage_is_the_strongest_activation_after_its_epoch(network: Network) -> None:
    other = load(PACKAGED_MODEL)
    other.initialise("he", seed=3)
    pictures = TEST.read(slice(0, 50))
    stages = list(
        evolution([(1, other), (7, network)], lambda: [pictures], pictures.__getitem__, "conv2", [4, 9])
    )
    assert [stage.epoch for stage in stages] == [1, 7]
    for stage, of in zip(stages, (other, network), strict=True):
        winners = strongest(of, [pictures], "conv2", [4, 9], count=1)
        for found, expected in zip(stage.units, unit_patches(of, pictures.__getitem__, winners), strict=True):
            np.testing.assert_array_equal(found.images, expected.images)
            np.testing.assert_array_equal(found.reconstructions[0], expected.reconstructions[0])


def test_a_study_is_what_the_network_says_of_each_hidden_part(network: Network) -> None:
    picture = TEST.read(slice(3, 4))[0]
    study = occlusion_study(network, picture, "conv3", window=3, stride=2, value="black")
    assert study.activity.shape == study.probabilities.shape == study.likeliest.shape == (4, 4)
    hidden = occluded(network, picture, study.boxes, "black")
    probabilities = network.predict(hidden)
    np.testing.assert_allclose(study.probabilities.ravel(), probabilities[:, study.class_index], rtol=1e-5)
    np.testing.assert_array_equal(study.likeliest.ravel(), probabilities.argmax(axis=1))
    maps = network.activations(hidden, "relu3")[..., study.unit].sum(axis=(1, 2))
    np.testing.assert_allclose(study.activity.ravel(), maps, rtol=1e-4)
    whole = network.activations(picture[None], "relu3")[0]
    assert whole[(*study.place, study.unit)] == whole.max()
    assert study.class_index == network.predict(picture[None]).argmax()
    assert study.projection.shape == picture.shape
    assert occlusion_study(network, picture, "conv3", 5).class_index == 5
    with pytest.raises(UsageError, match="has no maps"):
        occlusion_study(network, picture, "dense4")


def test_parts_that_correspond_differ_less(network: Network) -> None:
    pictures = np.repeat(TEST.read(slice(0, 1)), 4, axis=0)
    same = [Box(2, 2, 5, 5)] * 4
    assert correspondence(network, pictures, same, "conv3", "black") == 0
    spread = [Box(0, 0, 3, 3), Box(5, 5, 8, 8), Box(0, 5, 3, 8), Box(5, 0, 8, 3)]
    assert 0 < correspondence(network, pictures, spread, "conv3", "black") <= 1
    with pytest.raises(ShapeError, match="3 boxes for 4 pictures"):
        correspondence(network, pictures, same[:3], "conv3")
    with pytest.raises(UsageError, match="two or more"):
        correspondence(network, pictures[:1], same[:1], "conv3")


def viz(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> dict[str, Any]:
    assert main(["viz", *map(str, arguments), "--json"]) == code
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def test_evolution_needs_kept_epochs(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: Network
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    shutil.copy(PACKAGED_MODEL, "run/model.h5")
    arguments = ("evolution", "--model", "run", "--data", "digits", "--layer", "conv2", "--units", "1,3")
    error = viz(capsys, *arguments, code=2)["error"]
    assert "--keep-every" in error["message"]
    Path("run/epochs").mkdir()
    for epoch in (1, 12):
        save(f"run/epochs/epoch-{epoch:03d}.h5", network)
    result = viz(capsys, *arguments, "--count", "40", "--save-data", "numbers.h5")
    assert [entry["epoch"] for entry in result["epochs"]] == [1, 12]
    assert result["epochs"][0]["activations"] == result["epochs"][1]["activations"]
    assert result["images"] == 40
    assert Path(result["figure"]).stat().st_size


def test_occlusion(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: Network
) -> None:
    monkeypatch.chdir(tmp_path)
    result = viz(
        capsys, "occlusion", "--model", PACKAGED_MODEL, "--index", "3", "--window", "3", "--stride", "2"
    )
    study = occlusion_study(network, TEST.read(slice(3, 4))[0], "conv3", window=3, stride=2)
    np.testing.assert_allclose(result["probability"], study.probabilities)
    assert (result["layer"], result["unit"], result["image"]) == ("relu3", study.unit, "test 3")
    assert result["boxes"][5] == list(study.boxes[5])
    assert Path("occlusion.png").stat().st_size
    error = viz(capsys, "occlusion", "--model", PACKAGED_MODEL, "--index", "3,4", code=2)["error"]
    assert "one figure holds 1" in error["message"]


def test_parts_are_compared_with_places_at_random(network: Network) -> None:
    pictures = TEST.read(slice(0, 5))
    parts = {"low": [Box(5, 2, 8, 5)] * 5, "wide": [Box(1, row, 3, row + 4) for row in range(5)]}
    found = list(correspondences(network, pictures, parts, ["conv2", "dense4"], random=3, seed=2))
    assert [each.part for each in found] == ["low", "wide", None, None, None]
    for each in found:
        assert list(each.differences) == ["relu2", "dense4"]
        assert len(each.differences["relu2"]) == 10  # pairs
        alone = correspondence(network, pictures, each.boxes, "conv2")
        assert alone == pytest.approx(each.differences["relu2"].mean())
        assert {(box.bottom - box.top, box.right - box.left) for box in each.boxes} <= {(3, 3), (2, 4)}
    again = list(correspondences(network, pictures, parts, ["conv2"], random=3, seed=2))
    assert [each.boxes for each in again] == [each.boxes for each in found]
    assert found[2].boxes != found[3].boxes


def table(lines: str) -> str:
    Path("parts.csv").write_text(f"image,part,top,left,bottom,right\n{lines}\n", encoding="utf-8")
    return "parts.csv"


def test_correspondence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: Network
) -> None:
    monkeypatch.chdir(tmp_path)
    common = ("correspondence", "--model", PACKAGED_MODEL, "--draws", "4")
    result = viz(
        capsys, *common, "--index", "0-2", "--part", "top=0,2,3,6", "--part", "low=5,2,8,6",
        "--layer", "conv3", "--save-data", "numbers.h5",
    )  # fmt: skip
    expected = correspondence(network, TEST.read(slice(0, 3)), [Box(0, 2, 3, 6)] * 3, "conv3")
    (layer,) = result["layers"]
    assert layer["layer"] == "relu3"
    assert [part["part"] for part in layer["parts"]] == ["top", "low"]
    assert layer["parts"][0]["mean"] == pytest.approx(expected)
    assert result["pairs"] == 3
    assert Path(result["figure"]).stat().st_size

    # A table's places are in pixels of its files: here twice as large as what the network sees, and wider.
    for name, index in (("a.png", 0), ("b.png", 1)):
        digit = TEST.read(slice(index, index + 1))[0]
        wide = np.pad(np.kron(digit[..., 0], np.ones((2, 2), np.uint8)), ((0, 0), (4, 4)))
        save_picture(name, wide[..., None])
    result = viz(
        capsys, *common, "--parts", table("a.png,top,0,8,6,16\nb.png,top,0,8,6,16"), "--layer", "conv3"
    )
    assert result["boxes"] == {"top": [[0, 2, 3, 6]] * 2}
    assert result["images"] == ["a.png", "b.png"]


@pytest.mark.parametrize(
    ("arguments", "lines", "expected"),
    [
        ("", "", "--parts FILE.csv"),
        ("--part eye=1,2,3", "", "write NAME=TOP,LEFT,BOTTOM,RIGHT"),
        ("--part eye=3,2,3,6", "", "holds no pixel"),
        ("--part eye=3,2,9,6", "", "lies outside the 8 rows"),
        ("--part eye=0,0,2,2 --part eye=1,1,3,3", "", "the same name"),
        ("--parts parts.csv --index 3", "a.png,eye,0,0,3,3", "leave one out"),
        ("--parts parts.csv", "a.png,eye,0,0,three,3", "line 2: an image, a part and four whole numbers"),
        ("--parts parts.csv", "a.png,eye,0,0", "line 2: an image, a part and four whole numbers"),
        ("--parts parts.csv", "a.png,eye,0,0,3,3\na.png,eye,0,0,3,3", "is there already"),
        ("--parts parts.csv", "a.png,eye,0,0,3,3\nb.png,nose,0,0,3,3", "a.png has no 'nose'"),
        ("--parts nowhere.csv", "", "no such file"),
        ("--parts parts.csv", "a.png,eye,0,0,3,300\nb.png,eye,0,0,3,3", "outside its 8 rows and 8 columns"),
    ],
)
def test_correspondence_says_what_is_wrong(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: str,
    lines: str, expected: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.png"):
        save_picture(name, TEST.read(slice(0, 1))[0])
    table(lines)
    given = ("viz", "correspondence", "--model", str(PACKAGED_MODEL), *arguments.split(), "--json")
    assert main(list(given)) in (1, 2)
    assert expected in json.loads(capsys.readouterr().out)["error"]["message"]
