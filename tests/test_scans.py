"""Strongest activations in a file: what is stored, what is refused, and when they are looked for again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from numbacnn.analysis import scan
from numbacnn.data import Dataset
from numbacnn.data.pictures import save
from numbacnn.errors import DataError
from numbacnn.storage import digest_of_data, digest_of_network, load, read_scan, write_scan
from numbacnn_cli.__main__ import main
from numbacnn_cli.runs import PACKAGED_MODEL
from numbacnn_cli.viz import scans


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scans, "cache", lambda what: tmp_path / "cache" / what)
    monkeypatch.chdir(tmp_path)


def test_a_scan_is_stored_and_checked(tmp_path: Path) -> None:
    network = load(PACKAGED_MODEL)
    found = scan(network, [Dataset.open("digits").test.read(slice(0, 30))], ["conv1", "dense4"])
    write_scan(tmp_path / "s.h5", {name: vars(each) for name, each in found.items()}, {"images": 30})
    layers, record = read_scan(tmp_path / "s.h5")
    assert (list(layers), record) == (["conv1", "dense4"], {"images": 30})
    for name, fields in layers.items():
        for field, array in fields.items():
            np.testing.assert_array_equal(array, vars(found[name])[field])
    with h5py.File(tmp_path / "s.h5", "r+") as file:
        del file["layers/1/rows"]
        file["layers/1/rows"] = np.zeros((2, 2), np.int64)
    with pytest.raises(DataError, match="layer 1 do not belong together"):
        read_scan(tmp_path / "s.h5")


def test_digests_follow_weights_preprocessing_and_pictures() -> None:
    network, dataset = load(PACKAGED_MODEL), Dataset.open("digits")
    first = digest_of_network(network)
    assert digest_of_network(load(PACKAGED_MODEL)) == first
    weights = network.parameter("conv1", "weights").copy()
    weights[0, 0, 0, 0] += 1
    network.graph.write("conv1/weights", weights)
    assert digest_of_network(network) != first
    other = load(PACKAGED_MODEL)
    other.graph.pixels.shorter_side = 11
    assert digest_of_network(other) != first
    assert (
        digest_of_data(dataset, "test") == digest_of_data(dataset, "test") != digest_of_data(dataset, "train")
    )


def viz(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> tuple[dict[str, Any], str]:
    assert main(["viz", "layers", "--model", str(PACKAGED_MODEL), *map(str, arguments), "--json"]) == code
    captured = capsys.readouterr()
    return json.loads(captured.out), captured.err


def test_a_data_set_is_looked_at_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    several, _ = viz(
        capsys, "--data", "digits", "--layer", "conv1,conv2", "--units", "0,5", "--output", "a.png"
    )
    assert several["scan_used_again"] is False
    assert several["figures"] == ["a.png", "a-conv1.png", "a-conv2.png"]
    assert all(Path(name).stat().st_size for name in several["figures"])
    assert [entry["layer"] for entry in several["layers"]] == ["relu1", "relu2"]
    assert set(several["layers"][1]["way_back"]) == {"relu", "convolution", "pixels"}
    assert several["units"] == several["layers"][1]["units"]
    again, said = viz(
        capsys, "--data", "digits", "--layer", "conv2", "--units", "0,5", "--choose", "selective"
    )
    assert again["scan_used_again"] is True
    assert again["scan"] == several["scan"]
    assert "those of an earlier scan" in said
    assert again["units"] == several["units"]
    more, _ = viz(capsys, "--data", "digits", "--layer", "all", "--units", "0")
    assert more["scan_used_again"] is False  # some layers were not looked at yet
    assert [entry["layer"] for entry in more["layers"]] == ["relu1", "relu2", "relu3", "dense4"]
    rescanned, _ = viz(capsys, "--data", "digits", "--layer", "conv2", "--units", "5", "--rescan")
    assert rescanned["scan_used_again"] is False
    Path(several["scan"]).write_bytes(b"damaged")
    mended, said = viz(capsys, "--data", "digits", "--layer", "conv2", "--units", "0,5")
    assert "looked for again" in said
    assert mended["units"] == several["units"]


def test_a_folder_of_any_pictures_will_do(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for index in range(3):
        picture = np.random.default_rng(index).integers(0, 256, (20, 30, 3), np.uint8)
        save(str(tmp_path / "photos" / f"{index}.png"), picture)
    result, _ = viz(capsys, "--data", "photos", "--units", "0-3")
    assert result["images"] == 3
    assert result["units"][0]["labels"] is None
    (tmp_path / "empty").mkdir()
    error = viz(capsys, "--data", "empty", code=1)[0]["error"]
    assert "no picture in this folder" in error["message"]
    error = viz(capsys, "--layer", "conv1,cnv2", "--data", "photos", code=2)[0]["error"]
    assert "did you mean 'conv2'" in error["message"]
