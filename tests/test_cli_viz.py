from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from numbacnn import figures
from numbacnn.analysis import receptive_field, strongest
from numbacnn.architectures import build
from numbacnn.data import Dataset
from numbacnn.data.pictures import save
from numbacnn.layers import Pixels
from numbacnn.storage import load_model, save_model
from numbacnn_cli.__main__ import main
from numbacnn_cli.output import Output
from numbacnn_cli.pictures import from_files


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that was not trained: what the commands show of it is checked, not whether it is pretty."""
    path = tmp_path_factory.mktemp("model") / "model.h5"
    names = Dataset.open("digits").class_names
    save_model(path, build("digits", class_names=names, pixels=Pixels(mean=76.0, scale=1 / 64)), record={})
    return path


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> dict[str, Any]:
    assert main([*map(str, arguments), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def size_of(path: str) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


def test_filters(capsys: pytest.CaptureFixture[str], model: Path) -> None:
    result = run(capsys, "viz", "filters", "--model", model)
    assert result["layer"] == "conv1"
    assert result["filters"] == 16
    assert result["kernel"] == [5, 5, 1]
    assert result["figure"] == "filters-conv1.png"
    assert min(size_of(result["figure"])) > 100


@pytest.mark.parametrize(("name", "start"), [("f.svg", b"<?xml"), ("f.pdf", b"%PDF")])
def test_filters_as_other_formats(
    capsys: pytest.CaptureFixture[str], model: Path, name: str, start: bytes
) -> None:
    arguments = ("--model", model, "--layer", "conv2", "--scale", "own", "--output", name)
    assert run(capsys, "viz", "filters", *arguments)["kernel"] == [3, 3, 16]
    assert Path(name).read_bytes().startswith(start)


def test_filters_of_what_has_none(capsys: pytest.CaptureFixture[str], model: Path) -> None:
    error = run(capsys, "viz", "filters", "--model", model, "--layer", "dense4", code=2)["error"]
    assert error["message"] == "layer 'dense4' is dense and has no kernels; convolutions: conv1, conv2, conv3"
    error = run(capsys, "viz", "filters", "--model", model, "--layer", "conv4", code=2)["error"]
    assert "did you mean 'conv" in error["message"]


def test_saliency_of_a_data_set(capsys: pytest.CaptureFixture[str], model: Path) -> None:
    result = run(capsys, "viz", "saliency", "--model", model, "--data", "digits", "--index", "3,0-1")
    network, _ = load_model(model)
    test = Dataset.open("digits").test
    assert [entry["image"] for entry in result["pictures"]] == ["test 3", "test 0", "test 1"]
    assert [entry["label"] for entry in result["pictures"]] == [
        str(test.labels[index]) for index in (3, 0, 1)
    ]
    predicted = network.predict(test.read(np.array([3, 0, 1])))
    assert [entry["index"] for entry in result["pictures"]] == predicted.argmax(axis=1).tolist()
    np.testing.assert_allclose([entry["probability"] for entry in result["pictures"]], predicted.max(axis=1))
    assert size_of(result["figure"])


def test_saliency_of_files(capsys: pytest.CaptureFixture[str], model: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    save("a picture.png", picture)
    arguments = ("a picture.png", "--model", model, "--class", "7", "--of", "loss", "--output", "out.png")
    result = run(capsys, "viz", "saliency", *arguments)
    assert [(entry["image"], entry["name"], entry["label"]) for entry in result["pictures"]] == [
        ("a picture.png", "7", None)
    ]
    assert result["figure"] == "out.png"


def description(path: str) -> str:
    with Image.open(path) as picture:
        return str(picture.text["Description"])


def test_figures_say_what_made_them(capsys: pytest.CaptureFixture[str], model: Path) -> None:
    made = description(run(capsys, "viz", "filters", "--model", model)["figure"])
    assert made == f"model {model} · weights of conv1"
    common = ("--model", model, "--data", "digits")
    made = description(run(capsys, "viz", "saliency", *common, "--rule", "guided")["figure"])
    for fact in (f"model {model}", "data digits, test", "the first 4", "|d score / d pixel|", "rule guided"):
        assert fact in made
    assert "what the network says" in made
    made = description(run(capsys, "viz", "saliency", *common, "--index", "7,2", "--class", "3")["figure"])
    assert "pictures 7, 2, as asked for" in made
    assert "class 3, as asked for" in made
    made = description(run(capsys, "viz", "layers", *common, "--units", "0,1")["figure"])
    for fact in (f"model {model}", "data digits, test", "rule deconvnet", "units as asked for"):
        assert fact in made


def test_a_photograph_is_shown_at_its_own_size(
    capsys: pytest.CaptureFixture[str], model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photograph = np.random.default_rng(0).integers(0, 256, (90, 160, 3), np.uint8)
    save("photo.png", photograph)
    drawn: dict[str, Any] = {}

    def panel(images: Any, maps: Any, captions: Any, **options: Any) -> Any:
        drawn.update(images=images, maps=maps, **options)
        return figures.image_grid(images[:1])

    monkeypatch.setattr(figures, "saliency_panel", panel)
    run(capsys, "viz", "saliency", "photo.png", "--model", model, "--as-is")
    assert (drawn["images"][0] == photograph).all()
    assert drawn["maps"].shape == (1, 8, 8)
    assert drawn["parts"] == [pytest.approx((0, 35 / 160, 1, 125 / 160), abs=0.05)]
    assert "the network saw 8x8 pixels of the picture" in drawn["provenance"]


def test_a_huge_photograph_is_shown_smaller(capsys: pytest.CaptureFixture[str], model: Path) -> None:
    network, _ = load_model(model)
    save("photo.png", np.zeros((700, 1400, 3), np.uint8))
    pictures, made = from_files(network, [Path("photo.png")], Output(), as_is=True)
    assert pictures.shown()[0].shape == (320, 640, 3)
    assert "8x8" in made


def test_saliency_of_what_is_not_there(capsys: pytest.CaptureFixture[str], model: Path) -> None:
    arguments = ("viz", "saliency", "--model", model, "--data", "digits")
    message = run(capsys, *arguments, "--class", "cat", code=2)["error"]["message"]
    assert message.startswith("the model has no class 'cat'")
    message = run(capsys, *arguments, "--index", "100000", code=2)["error"]["message"]
    assert "the test split of" in message
    message = run(capsys, "viz", "saliency", "nowhere.png", "--model", model, code=1)["error"]["message"]
    assert "nowhere.png" in message


def test_layers(capsys: pytest.CaptureFixture[str], model: Path) -> None:
    result = run(
        capsys, "viz", "layers", "--model", model, "--data", "digits", "--layer", "conv2", "--units", "0-2,9"
    )
    network, _ = load_model(model)
    test = Dataset.open("digits").test
    expected = strongest(network, test.batches(64), "conv2", [0, 1, 2, 9])
    assert result["layer"] == "relu2"
    assert result["images"] == len(test)
    assert [entry["unit"] for entry in result["units"]] == [0, 1, 2, 9]
    assert [entry["images"] for entry in result["units"]] == expected.images.tolist()
    first = result["units"][0]
    assert first["boxes"][0] == list(receptive_field(network, "relu2", first["rows"][0], first["columns"][0]))
    assert first["labels"] == [str(test.labels[index]) for index in first["images"]]
    assert size_of(result["figure"])


def test_layers_by_default(capsys: pytest.CaptureFixture[str], model: Path) -> None:
    result = run(capsys, "viz", "layers", "--model", model, "--data", "digits", "--output", "layers.svg")
    assert result["layer"] == "relu3"
    assert len(result["units"]) == 16
    assert all(entry["activations"][0] > 0 for entry in result["units"])
    assert Path("layers.svg").exists()
