"""numbacnn predict: drawings framed, folders, many files, broken ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawings import drawn
from PIL import Image

from numbacnn.architectures import build
from numbacnn.data import Dataset
from numbacnn.data.pictures import save
from numbacnn.layers import Pixels
from numbacnn.storage import load_model, save_model
from numbacnn_cli import evaluate, pictures
from numbacnn_cli.__main__ import main

DIGITS = Dataset.open("digits")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that was not trained, but knows how drawings are framed."""
    path = tmp_path_factory.mktemp("model") / "model.h5"
    pixels = Pixels(mean=76.0, scale=1 / 64, framing=DIGITS.framing)
    save_model(path, build("digits", class_names=DIGITS.class_names, pixels=pixels), record={})
    return path


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> tuple[dict[str, Any], str]:
    """The JSON, and what was said beside it."""
    assert main([*map(str, arguments), "--json"]) == code
    captured = capsys.readouterr()
    return json.loads(captured.out), captured.err


def probabilities(result: dict[str, Any]) -> np.ndarray:
    rows = np.zeros((len(result["predictions"]), 10))
    for row, prediction in zip(rows, result["predictions"], strict=True):
        for entry in prediction["top"]:
            row[entry["index"]] = entry["probability"]
    return rows


def test_a_drawing_is_framed_and_it_is_said(capsys: pytest.CaptureFixture[str], model: Path) -> None:
    image = drawn(4, 0, 1)
    image.save("four.png")
    Image.fromarray(255 - np.asarray(image)).convert("RGB").save("turned.png")
    result, said = run(capsys, "predict", "four.png", "turned.png", "--model", model, "--top", 10)
    assert "2 of 2 pictures are framed as the training pictures are" in said
    first, second = probabilities(result)
    np.testing.assert_allclose(first, second, atol=1e-6)
    as_is, said = run(capsys, "predict", "four.png", "--model", model, "--top", 10, "--as-is")
    assert "framed" not in said
    assert not np.allclose(probabilities(as_is)[0], first, atol=1e-3)


def test_every_command_frames_a_drawing_alike(capsys: pytest.CaptureFixture[str], model: Path) -> None:
    drawn(7, 1, 2).save("seven.png")
    predicted, _ = run(capsys, "predict", "seven.png", "--model", model)
    best = predicted["predictions"][0]["top"][0]
    seen, said = run(capsys, "viz", "saliency", "seven.png", "--model", model)
    assert "the picture is framed" in said
    assert seen["pictures"][0]["name"] == best["name"]
    assert seen["pictures"][0]["probability"] == pytest.approx(best["probability"], abs=1e-6)
    attacked, said = run(capsys, "attack", "fgsm", "seven.png", "--model", model)
    assert "the picture is framed" in said
    assert attacked["pictures"][0]["before"]["probability"] == pytest.approx(best["probability"], abs=1e-6)
    for command in (("viz", "saliency"), ("attack", "fgsm")):
        assert "framed" not in run(capsys, *command, "seven.png", "--model", model, "--as-is")[1]


def test_pictures_of_the_data_set_as_files_have_its_answers(
    capsys: pytest.CaptureFixture[str], model: Path
) -> None:
    images = DIGITS.test.read(slice(0, 30))
    for index, image in enumerate(images):
        save(f"{index:02}.png", image)
    result, said = run(capsys, "predict", ".", "--model", model, "--top", 10)
    assert "framed" not in said
    np.testing.assert_allclose(probabilities(result), load_model(model)[0].predict(images), atol=1e-6)


def test_what_is_no_drawing_is_said(capsys: pytest.CaptureFixture[str], model: Path) -> None:
    save("noise.png", np.random.default_rng(0).integers(0, 256, (30, 30, 3), np.uint8))
    _, said = run(capsys, "predict", "noise.png", "--model", model)
    assert "not framed, as no drawing on a plain ground is seen: noise.png" in said


def test_a_folder_is_predicted_in_order_and_in_batches(
    capsys: pytest.CaptureFixture[str], model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "FILES_AT_A_TIME", 4)
    monkeypatch.setattr(evaluate, "SHOWN", 6)
    Path("set", "more").mkdir(parents=True)
    images = DIGITS.test.read(slice(0, 11))
    for index, image in enumerate(images):
        save(f"set/{'more/' if index > 8 else ''}{10 + index}.png", image)
    Path("set/notes.txt").write_text("no picture")
    Path("set/.hidden.png").write_bytes(b"")
    result, said = run(capsys, "predict", "set", "--model", model, "--top", 10)
    names = [Path(prediction["image"]).name for prediction in result["predictions"]]
    assert names == [f"{10 + index}.png" for index in range(11)]
    np.testing.assert_allclose(probabilities(result), load_model(model)[0].predict(images), atol=1e-6)
    assert "2 files are left out: " in said
    assert "1 (.txt is no format" in said
    assert "the first 6 of 11 pictures" in said
    Path("empty").mkdir()
    result, _ = run(capsys, "predict", "empty", "--model", model, code=1)
    assert "no picture in this folder" in result["error"]["message"]


def test_all_broken_files_are_listed_or_left_out(capsys: pytest.CaptureFixture[str], model: Path) -> None:
    Path("set").mkdir()
    for index, image in enumerate(DIGITS.test.read(slice(0, 8))):
        save(f"set/{index}.png", image)
    for index in (2, 5):
        Path(f"set/{index}.png").write_bytes(b"no picture")
    for command in (("predict",), ("viz", "saliency"), ("attack", "fgsm")):
        result, _ = run(capsys, *command, "set", "--model", model, code=1)
        message = result["error"]["message"]
        assert "2 of 8 pictures cannot be read: " in message
        assert "2.png" in message
        assert "5.png" in message
        assert ("--skip-broken" in message) == (command == ("predict",))
    result, said = run(capsys, "predict", "set", "--model", model, "--skip-broken")
    assert len(result["predictions"]) == 6
    assert len(result["left_out"]) == 2
    assert "warning: 2 pictures cannot be read and are left out" in said
    result, _ = run(capsys, "predict", "set/2.png", "set/5.png", "--model", model, "--skip-broken", code=1)
    assert "none of the 2 pictures can be read" in result["error"]["message"]


def test_a_wildcard_that_the_shell_left_and_ten_crops(
    capsys: pytest.CaptureFixture[str], model: Path
) -> None:
    for name in ("b.png", "a.png", "c.gif"):
        Image.fromarray(np.random.default_rng(len(name)).integers(0, 256, (20, 30), np.uint8)).save(name)
    shown = [
        run(capsys, "predict", *given, "--as-is", "--crops", crops, "--model", model)[0]
        for crops in (1, 10)
        for given in (("[ab].png",), ("a.png", "b.png"))
    ]
    assert [[Path(each["image"]).name for each in one["predictions"]] for one in shown] == [
        ["a.png", "b.png"]
    ] * 4
    assert (
        shown[0]["predictions"]
        == shown[1]["predictions"]
        != shown[2]["predictions"]
        == shown[3]["predictions"]
    )
    assert main(["predict", "*.bmp", "--model", str(model)]) == 2
    assert main(["predict", "a.png", "--crops", "10", "--model", str(model)]) == 2
