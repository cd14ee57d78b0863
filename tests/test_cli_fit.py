"""Pictures of another size than the network's, from a user's side: trained on, measured, looked into, attacked."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbacnn.data import Dataset
from numbacnn.data.contents import Contents
from numbacnn.data.pictures import save
from numbacnn.storage import load_model, write_dataset
from numbacnn_cli.__main__ import main

NETWORK = """
input = [8, 8, 3]
[layers]
conv = { type = "convolution", filters = 4, kernel = 3, padding = 1 }
relu = { type = "relu" }
flat = { type = "flatten" }
scores = { type = "dense", outputs = 2 }
softmax = { type = "softmax" }
"""


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.toml").write_text(NETWORK)


def run(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> dict[str, Any]:
    assert main([*map(str, arguments), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def write_stripes(height: int, width: int, channels: int = 3) -> None:
    """stripes.h5: two classes that differ by the width of their stripes, which scaling would change."""
    generator = np.random.default_rng(0)
    labels = np.arange(120) % 2
    images = np.empty((120, height, width, channels), np.uint8)
    for image, label in zip(images, labels, strict=True):
        period = (4, 6)[label]
        places = (np.arange(width) + generator.integers(period)) % period
        image[...] = np.where(places < period // 2, 200, 20)[:, None]
    images += generator.integers(0, 40, images.shape, np.uint8)
    data = Dataset.from_arrays(
        "stripes",
        train=(images[:60], labels[:60]),
        validation=(images[60:80], labels[60:80]),
        test=(images[80:], labels[80:]),
        class_names=("narrow", "wide"),
    )
    write_dataset("stripes.h5", Contents("stripes", data.splits, data.class_names))


@pytest.mark.parametrize(
    ("size", "given", "method", "side"),
    [
        ((10, 10), [], "crop", 10),
        pytest.param((24, 24), [], "resize", 0, marks=pytest.mark.slow),
        pytest.param((24, 20), ["--fit", "crop"], "crop", 20, marks=pytest.mark.slow),
    ],
)
def test_the_same_picture_has_the_same_answer_in_every_command(
    capsys: pytest.CaptureFixture[str], size: tuple[int, int], given: list[str], method: str, side: int
) -> None:
    write_stripes(*size)
    trained = run(capsys, "train", "--data", "stripes.h5", "--network", "net.toml", "--epochs", 4, *given)
    assert trained["fit"]["method"] == method
    assert (trained["fit"]["pictures"], trained["fit"]["input"]) == ([*size], [8, 8])
    assert tomllib.loads(Path(trained["run"], "config.toml").read_text())["fit"] == method
    network, _ = load_model(trained["model"])
    assert network.graph.pixels.shorter_side == side
    assert run(capsys, "eval")["top1_error"] == trained["test"]["top1_error"]

    pictures = Dataset.open("stripes.h5").test
    for index, picture in enumerate(pictures.read(slice(0, 40))):
        save(f"{index:02d}.png", picture)
    files = [f"{index:02d}.png" for index in range(40)]
    predicted = [found["top"][0]["index"] for found in run(capsys, "predict", *files)["predictions"]]
    assert np.mean(np.array(predicted) != pictures.labels) == trained["test"]["top1_error"]
    maps = run(capsys, "viz", "saliency", "--index", "0-3")["pictures"]
    of_files = run(capsys, "viz", "saliency", *files[:4])["pictures"]
    assert [shown["probability"] for shown in maps] == [shown["probability"] for shown in of_files]
    assert run(capsys, "viz", "layers")["images"] == 40
    attacked = run(capsys, "attack", "fgsm", "--index", "0-39", "--save-dir", "changed")
    assert attacked["clean_accuracy"] == pytest.approx(1 - trained["test"]["top1_error"])
    again = run(capsys, "attack", "fgsm", *files[:4])
    assert [shown["before"] for shown in again["pictures"]] == [
        shown["before"] for shown in attacked["pictures"][:4]
    ]


def test_it_is_said_what_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    write_stripes(24, 24)
    assert main(["train", "--data", "stripes.h5", "--network", "net.toml", "--epochs", "1"]) == 0
    assert "pictures of 24x24 are scaled to 8x8\n" in capsys.readouterr().out
    assert main(["eval"]) == 0
    assert "pictures of 24x24 are scaled to 8x8, as the model takes them" in capsys.readouterr().out
    write_stripes(30, 24, channels=1)
    assert main(["eval", "--data", "stripes.h5"]) == 0
    said = "pictures of 30x24 are scaled to 10x8, cut to the middle 8x8, given three equal channels, as the model takes them"
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("size", "arguments", "code", "words"),
    [
        ((256, 256, 3), [], 2, ["256x256 in RGB", "--network: alexnet, squeezenet-1.1 (windows of 227x227)", "lenet", "scaled to 28x28"]),
        ((64, 64, 3), [], 2, ["cifar-quick", "Others take larger pictures: alexnet (227)", "--size 227", "--fit resize"]),
        ((64, 64, 3), ["--network", "alexnet"], 1, ["alexnet does not fit", "--fit resize", "--size 227", "networks that fit: "]),
        ((6, 6, 3), ["--network", "net.toml"], 1, ["6x6 are smaller than the network's 8x8", "--fit resize"]),
        ((10, 10, 1), ["--network", "net.toml"], 1, ["are grey (1 channel)", "input = [8, 8, 1]"]),
    ],
)  # fmt: skip
def test_what_fits_is_said_where_something_does_not(
    capsys: pytest.CaptureFixture[str],
    size: tuple[int, int, int],
    arguments: list[str],
    code: int,
    words: list[str],
) -> None:
    write_stripes(*size)
    message = run(capsys, "train", "--data", "stripes.h5", *arguments, code=code)["error"]["message"]
    assert all(word in message for word in words), message


def test_small_pictures_are_enlarged_if_asked(capsys: pytest.CaptureFixture[str]) -> None:
    write_stripes(6, 6)
    arguments = ["train", "--data", "stripes.h5", "--network", "net.toml", "--epochs", "1", "--fit", "resize"]
    assert run(capsys, *arguments)["fit"]["scaled"] == [8, 8]
    assert run(capsys, "eval")["images"] == 40
