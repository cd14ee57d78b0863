from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from numbacnn.architectures import build
from numbacnn.data import Dataset
from numbacnn.layers import Pixels
from numbacnn.storage import save_model
from numbacnn_cli.__main__ import main


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> dict[str, Any]:
    assert main(["diagnose", *map(str, arguments), "--json"]) == code
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def test_findings(capsys: pytest.CaptureFixture[str]) -> None:
    network = build(
        "digits", class_names=Dataset.open("digits").class_names, pixels=Pixels(mean=76.0, scale=1 / 64)
    )
    network.graph.write("conv2/bias", np.full(network.parameter("conv2", "bias").shape, -1e4))
    record = {"settings": {"learning_rate": 0.5, "batch_size": 16, "momentum": 0.0}}
    save_model(Path("model.h5"), network, record=record)
    result = run(capsys, "--model", "model.h5", "--data", "digits", "--count", "32", "--save-data", "d.h5")
    found = {(each["layer"], each["kind"]) for each in result["findings"]}
    assert ("relu2", "dead-units") in found
    assert all(each["advice"] and each["message"] for each in result["findings"])
    assert (result["learning_rate"], result["images"], result["figure"]) == (0.5, 32, "diagnosis.png")
    assert Path("diagnosis.png").exists()
    with h5py.File("d.h5") as file:
        assert [name.decode() for name in file["layers"]] == [each["layer"] for each in result["layers"]]
        assert file["dead"][3] == len(result["layers"][3]["dead"]) == result["layers"][3]["units"]


def test_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose", "--count", "32"]) == 0
    said = capsys.readouterr().out
    assert "nothing is wrong that this looks for" in said
    assert "conv1" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--batch-size", "0"), "--batch-size 0"),
        (("--learning-rate", "-1"), "--learning-rate -1: a number above 0"),
        (("--count", "0"), "--count 0: at least 1 picture"),
    ],
)
def test_bad_usage(capsys: pytest.CaptureFixture[str], arguments: tuple[str, str], message: str) -> None:
    assert message in run(capsys, *arguments, code=2)["error"]["message"]


def test_a_record_that_makes_no_sense_is_passed_over(capsys: pytest.CaptureFixture[str]) -> None:
    network = build("digits", class_names=Dataset.open("digits").class_names)
    save_model(Path("model.h5"), network, record={"settings": {"batch_size": -3, "momentum": "much"}})
    result = run(capsys, "--model", "model.h5", "--data", "digits", "--count", "8")
    assert result["learning_rate"] == 0.01
