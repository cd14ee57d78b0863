from __future__ import annotations

import csv
import importlib.util
import json
import signal
import subprocess
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from threadpoolctl import threadpool_info

from numbacnn.device import CPU_DEVICE
from numbacnn.errors import DeviceError
from numbacnn.execution import Plan
from numbacnn_cli import progress
from numbacnn_cli.__main__ import main


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> dict[str, Any]:
    assert main([*map(str, arguments), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_a_run_leaves_a_folder_that_reproduces_it(capsys: pytest.CaptureFixture[str]) -> None:
    result = run(capsys, "train", "--epochs", 2, "--translate", 0)
    assert result["run"] == "runs/digits-digits-001"
    assert result["epochs"] == 2
    assert result["images_per_second"] > 0
    assert 0 < result["waiting_share"] < 1
    assert 0 <= result["test"]["top1_error"] <= 1
    assert result["test"]["images"] == 300
    folder = Path(result["run"])
    assert {path.name for path in folder.iterdir()} == {
        "config.toml", "metrics.csv", "model.h5", "last.h5", "curves.png", "filters.png", "predictions.png"
    }  # fmt: skip
    config = tomllib.loads((folder / "config.toml").read_text())
    assert (config["epochs"], config["translate"], config["network"]) == (2, 0, "digits")
    rows = list(csv.DictReader((folder / "metrics.csv").open()))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert all(0 < float(row["waiting_share"]) < 1 for row in rows)

    again = run(capsys, "train", "--config", folder / "config.toml")
    assert again["run"] == "runs/digits-digits-002"
    assert (Path(again["run"]) / "model.h5").read_bytes() == (folder / "model.h5").read_bytes()

    measured = run(capsys, "eval")
    assert measured["model"] == "runs/digits-digits-002/model.h5"
    assert measured["top1_error"] == result["test"]["top1_error"]
    assert measured["images"] == 300
    assert len(measured["per_class_error"]) == 10
    assert Path(measured["figure"]).exists()


def test_blas_has_one_thread_while_a_network_trains(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, during = _blas_threads(), []
    monkeypatch.setattr(progress, "_line", lambda *_: during.append(_blas_threads()))
    run(capsys, "train", "--epochs", 1)
    assert before
    assert during
    assert all(set(threads.values()) == {1} for threads in during)
    assert _blas_threads().items() >= before.items()


def _blas_threads() -> dict[str, int]:
    return {
        pool["filepath"]: pool["num_threads"]
        for pool in threadpool_info()
        if pool["user_api"] == "blas" and "numpy" in pool["filepath"]
    }


def test_more_epochs_may_be_asked_for_when_a_run_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "train", "--epochs", 1, "--run", "mine")
    assert run(capsys, "train", "--resume", "mine", "--epochs", 2)["epochs"] == 2
    error = run(capsys, "train", "--resume", "mine", "--momentum", 0.5, code=2)["error"]
    assert "--momentum cannot change when a run is resumed" in error["message"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--network", "lenett"), 1, "did you mean 'lenet'"),
        (("--network", "lenet"), 1, "does not fit"),
        (("--data", "nowhere.h5"), 1, "nowhere.h5"),
        (("--learning-rate", "-1"), 2, "--learning-rate -1.0: 0 to 100 is expected"),
        (("--learning-rate", "1e30"), 2, "--learning-rate 1e+30: 0 to 100 is expected"),
        (("--momentum", "nan"), 2, "--momentum nan: a number is expected"),
        (
            ("--translate", "100"),
            2,
            "--translate 100: at most half of a side fits, which is 4 of the 8x8 pixels",
        ),
        (("--crop-padding", "1000"), 2, "--crop-padding 1,000: at most half of a side fits"),
        (("--seed", "18446744073709551616"), 2, "--seed 18446744073709551616: 0 to"),
        (("--epochs", "1000000000"), 2, "--epochs 1000000000: 1 to 100,000"),
        (("--schedule", "hald"), 2, "did you mean 'halve'"),
        (("--resume", "nowhere"), 1, "nowhere is no run"),
        (("--epoch", "3"), 2, "did you mean '--epochs'"),
    ],
)
def test_what_cannot_be_trained(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, words: str
) -> None:
    assert words in run(capsys, "train", *arguments, code=code)["error"]["message"]
    assert not Path("runs").exists()


def test_where_no_gpu_can_be_used_nothing_is_trained(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("numbacnn.device._found", {"cpu": CPU_DEVICE})
    assert "numba-cuda" in run(capsys, "train", "--device", "cuda", code=1)["error"]["message"]
    assert not Path("runs").exists()


def test_predict_names_the_best_classes(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "train", "--epochs", 1)
    run(capsys, "data", "show", "digits", "--count", 1, "--output", "one.png")
    result = run(capsys, "predict", "one.png", "--top", 3)
    (found,) = result["predictions"]
    assert found["image"] == "one.png"
    probabilities = [best["probability"] for best in found["top"]]
    assert len(probabilities) == 3
    assert probabilities == sorted(probabilities, reverse=True)
    assert found["top"][0]["name"] in map(str, range(10))
    assert Path(result["figure"]).exists()
    assert "requires an argument" in run(capsys, "predict", code=2)["error"]["message"]


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_is_saved_and_goes_on_to_the_same_bits(
    command_line: tuple[list[str], dict[str, str]], run_cli: Callable[..., Any], number: int, code: int
) -> None:
    settings = ("--epochs", 30, "--batch-size", 16)
    command, environment = command_line
    with subprocess.Popen(
        [*command, "train", "--run", "stopped", *map(str, settings)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        while not Path("stopped/last.h5").exists():
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(number)
        shown, _ = process.communicate(timeout=120)
    assert process.returncode == code
    assert "go on with: numbacnn train --resume stopped" in shown
    assert run_cli("train", "--resume", "stopped", "--json").json["epochs"] == 30
    run_cli("train", "--run", "whole", *settings)
    assert Path("stopped/model.h5").read_bytes() == Path("whole/model.h5").read_bytes()


@pytest.mark.slow
def test_the_default_run_learns_the_digits(run_cli: Callable[..., Any]) -> None:
    assert run_cli("train", "--json").json["test"]["top1_error"] <= 0.02


@pytest.mark.slow
def test_lenet_on_fashion_mnist(run_cli: Callable[..., Any], real_data: Path) -> None:
    run_cli("data", "import", real_data / "fashion_mnist", "fashion.h5")
    result = run_cli("train", "--data", "fashion.h5", "--network", "lenet", "--epochs", 10, "--json").json
    assert result["test"]["top1_error"] <= 0.105


@pytest.mark.parametrize("given", [[], ["--run", "some/where"], ["--run", "mine"]])
def test_a_run_that_cannot_start_leaves_nothing(
    given: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Plan, *others: Plan | None) -> None:
        raise DeviceError("no room")

    monkeypatch.setattr(Plan, "take", full)
    Path("mine").mkdir()
    assert "no room" in run(capsys, "train", *given, code=1)["error"]["message"]
    assert [path.name for path in Path().rglob("*")] == ["mine"]
