from __future__ import annotations

import csv
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from threadpoolctl import threadpool_info

from numbacnn.device import CPU_DEVICE
from numbacnn.errors import DeviceError
from numbacnn.program import Program
from numbacnn.training.settings import TOPICS
from numbacnn_cli import progress
from numbacnn_cli.__main__ import main


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> dict[str, Any]:
    assert main([*map(str, arguments), "--json"]) == code
    return json.loads(capsys.readouterr().out)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one epoch."""
    folder = tmp_path_factory.mktemp("trained") / "mine"
    assert main(["train", "--epochs", "1", "--run", str(folder), "--json"]) == 0
    return folder


@pytest.fixture
def mine(trained: Path) -> Path:
    """The same in the current folder."""
    return Path(shutil.copytree(trained, "mine"))


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
        ".lock", "config.toml", "metrics.csv", "model.h5", "last.h5", "curves.png", "filters.png", "predictions.png"
    }  # fmt: skip
    config = tomllib.loads((folder / "config.toml").read_text())
    assert (config["epochs"], config["translate"], config["network"]) == (2, 0, "digits")
    rows = list(csv.DictReader((folder / "metrics.csv").open()))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert all(0 < float(row["waiting_share"]) < 1 for row in rows)

    with Image.open(folder / "predictions.png") as predictions:
        assert "8 pictures of test at even distances" in predictions.text["Description"]

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


@pytest.mark.usefixtures("mine")
def test_more_epochs_may_be_asked_for_when_a_run_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "train", "--resume", "mine", "--epochs", 2)["epochs"] == 2
    assert tomllib.loads(Path("mine/config.toml").read_text())["epochs"] == 2
    error = run(capsys, "train", "--resume", "mine", "--epochs", 1, code=2)["error"]
    assert "has done 2 epochs; give more to go on" in error["message"]
    assert main(["train", "--resume", "mine"]) == 0
    said = capsys.readouterr().out
    assert "nothing is left to do: all 2 epochs are done" in said
    assert "numbacnn train --resume mine --epochs N, with N above 2" in said
    assert "epoch   3" not in said


@pytest.mark.parametrize(
    "changed",
    [
        ("--momentum", 0.5),
        ("--batch-size", 7),
        ("--network", "vgg-small"),
        ("--data", "other.h5"),
        ("--run", "elsewhere"),
        ("--flip",),
    ],
)
def test_what_cannot_change_when_a_run_is_resumed(
    capsys: pytest.CaptureFixture[str], mine: Path, changed: tuple[object, ...]
) -> None:
    before = {path.name: path.read_bytes() for path in mine.iterdir()}
    error = run(capsys, "train", "--resume", "mine", "--epochs", 3, *changed, code=2)["error"]
    assert error["message"].startswith(str(changed[0]))
    assert "cannot change when a run is resumed" in error["message"]
    assert {path.name: path.read_bytes() for path in Path("mine").iterdir()} == before
    assert not Path("elsewhere").exists()


def test_the_same_values_may_be_given_when_a_run_is_resumed(capsys: pytest.CaptureFixture[str]) -> None:
    contents = {
        "x_train": (np.arange(1280) % 251).astype(np.uint8).reshape(20, 8, 8),
        "y_train": np.arange(20) % 10,
    }
    np.savez("small.npz", **contents)
    run(capsys, "data", "import", "small.npz", "small.h5")
    same = ("--data", "small.h5", "--network", "digits", "--seed", 3)
    run(capsys, "train", "--epochs", 1, "--run", "mine", *same)
    again = run(capsys, "train", "--resume", "mine", "--epochs", 2, "--run", "./mine", *same)
    assert again["epochs"] == 2
    once_more = ("--config", "mine/config.toml", "--data", Path("small.h5").resolve(), "--epochs", 3)
    assert run(capsys, "train", "--resume", "mine", *once_more)["epochs"] == 3


def test_a_run_that_stopped_early_says_that_more_epochs_change_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ("--schedule", "halve", "--learning-rate", "1e-12", "--patience", "1", "--epochs", "30")
    assert main(["train", "--run", "mine", *options]) == 0
    assert re.search(r"ended after epoch \d+: the learning rate was halved", capsys.readouterr().out)
    assert main(["train", "--resume", "mine", "--epochs", "40"]) == 0
    assert "more epochs would change nothing" in capsys.readouterr().out


def test_the_configuration_is_printed_and_nothing_is_trained(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.toml").write_text("seed = 7\nmomentum = 0.8\n")
    given = ("train", "--config", "mine.toml", "--momentum", "0.7", "--loss", "square", "--print-config")
    assert main(list(given)) == 0
    printed = capsys.readouterr().out
    config = tomllib.loads(printed)
    sources = dict(re.findall(r"^(\w+) = .*?  # (.*)$", printed, re.MULTILINE))
    assert (config["data"], sources["data"]) == ("digits", "default")
    assert (config["network"], sources["network"]) == ("digits", "suits the size of the pictures")
    assert (config["momentum"], sources["momentum"]) == (0.7, "command line")
    assert (config["seed"], sources["seed"]) == (7, "--config mine.toml")
    assert (config["epochs"], sources["epochs"]) == (40, "recipe of digits")
    assert (config["weight_decay"], sources["weight_decay"]) == (5e-4, "default")
    assert sources["learning_rate"] == "recipe of digits, times 0.1 for the loss 'square'"
    assert set(config) == set(sources) >= {"device", "precision", "fit"}
    assert run(capsys, *given) == {"config": config, "sources": sources}
    assert not Path("runs").exists()

    Path("whole.toml").write_text(printed)
    again = run(capsys, "train", "--config", "whole.toml", "--print-config")
    assert again["config"] == config
    assert set(again["sources"].values()) == {"--config whole.toml"}
    used = run(capsys, "train", "--config", "whole.toml", "--epochs", 1)
    written = tomllib.loads((Path(used["run"]) / "config.toml").read_text())
    assert written == {
        name: 1 if name == "epochs" else value
        for name, value in config.items()
        if name not in ("device", "precision")
    }
    resumed = run(capsys, "train", "--resume", used["run"], "--epochs", 9, "--print-config")
    assert resumed["config"]["epochs"] == 9
    assert resumed["sources"]["epochs"] == "command line"
    assert resumed["sources"]["seed"] == f"the run in {used['run']}"
    assert tomllib.loads((Path(used["run"]) / "config.toml").read_text()) == written


def test_a_file_of_options_may_name_the_data(capsys: pytest.CaptureFixture[str]) -> None:
    """`data` is the name of a command too."""
    Path("mine.toml").write_text('data = "nowhere.h5"\n')
    assert "nowhere.h5" in run(capsys, "train", "--config", "mine.toml", code=2)["error"]["message"]
    Path("mine.toml").write_text('date = "digits"\n')
    message = run(capsys, "train", "--config", "mine.toml", code=2)["error"]["message"]
    assert "unknown option 'date' in mine.toml; did you mean 'data'?" in message


def test_the_help_shows_the_recipes_and_groups(run_cli: Callable[..., Any]) -> None:
    shown = " ".join(run_cli("train", "--help", COLUMNS="400").stdout.split())
    assert (
        "[default: 12; recipes: 40 for digits, 10 for lenet and lenet-1998 and airbench94, 60 for alexnet"
        in shown
    )
    places = [shown.index(group) for group in ("Data and network", *TOPICS, "This run")]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--network", "lenett"), 2, "did you mean 'lenet'"),
        (("--network", "lenet"), 1, "does not fit"),
        (("--data", "nowhere.h5"), 2, "nowhere.h5"),
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
        (("--batch-size", "5000"), 2, "--batch-size 5000: at most 1197 is expected"),
        (("--epochs", "1000000000"), 2, "--epochs 1000000000: 1 to 100,000"),
        (("--schedule", "hald"), 2, 'Did you mean "halve"'),
        (("--resume", "nowhere"), 2, "nowhere"),
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
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(("name", "code"), [("INT", 130), ("TERM", 143), ("HUP", 129)])
def test_an_interrupted_run_is_saved_and_goes_on_to_the_same_bits(
    command_line: tuple[list[str], dict[str, str]], run_cli: Callable[..., Any], name: str, code: int
) -> None:
    settings = ("--epochs", 12, "--batch-size", 16)
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
        process.send_signal(getattr(signal, f"SIG{name}"))
        shown, _ = process.communicate(timeout=120)
    assert process.returncode == code
    assert "go on with: numbacnn train --resume stopped" in shown
    assert run_cli("train", "--resume", "stopped", "--json").json["epochs"] == 12
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
    def full(self: Program, *others: Program | None) -> None:
        raise DeviceError("no room")

    monkeypatch.setattr(Program, "take", full)
    Path("mine").mkdir()
    assert "no room" in run(capsys, "train", *given, code=1)["error"]["message"]
    assert [path.name for path in Path().rglob("*")] == ["mine"]
