"""What is asked for is compared with what there is, and said or refused: numbers, ranges, options that exclude each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbacnn.data import Dataset
from numbacnn.data.pictures import load, save
from numbacnn.errors import ShapeError
from numbacnn.figures import image_grid
from numbacnn_cli import gradcheck
from numbacnn_cli.__main__ import main


@pytest.fixture(autouse=True)
def _in_a_folder_with_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save("mine.png", Dataset.open("digits").test.read(slice(2, 3))[0])


def error(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What is said of bad usage."""
    assert main([*arguments, "--json"]) == 2
    message = json.loads(capsys.readouterr().out)["error"]["message"]
    assert isinstance(message, str)
    return message


def result(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[dict[str, Any], list[str]]:
    """The JSON, and the warnings."""
    assert main([*arguments, "--json"]) == 0
    shown = capsys.readouterr()
    return json.loads(shown.out), [line for line in shown.err.splitlines() if line.startswith("warning")]


@pytest.mark.parametrize("command", [("viz", "saliency"), ("attack", "fgsm")])
@pytest.mark.parametrize(
    "options",
    [("--index", "0"), ("--data", "digits"), ("--split", "train"), ("--index", "1", "--split", "test")],
)
def test_files_are_of_no_data_set(
    command: tuple[str, str], options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    names = " and ".join(sorted((name for name in options if name.startswith("--")), reverse=True))
    message = error(capsys, *command, "mine.png", *options)
    assert message.startswith(f"IMAGE and {names}: a command takes files, or pictures of a data set")


def test_options_that_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert "IMAGE and --count" in error(capsys, "attack", "fgsm", "mine.png", "--count", "200")
    assert "--index and --count" in error(capsys, "attack", "fgsm", "--index", "0", "--count", "2")
    assert "--as-is is about IMAGE" in error(capsys, "attack", "fgsm", "--as-is")
    assert "--as-is is about IMAGE" in error(capsys, "viz", "saliency", "--as-is")
    Path("options.toml").write_text('split = "test"\n')
    assert "IMAGE and --split" in error(capsys, "viz", "saliency", "mine.png", "--config", "options.toml")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("viz", "saliency", "--index", "0-100000000000"),
            "--index 100000000000: the test split of digits has 0 to 299",
        ),
        (("attack", "fgsm", "--index", "300"), "--index 300: the test split of digits has 0 to 299"),
        (("viz", "layers", "--units", "0-1000000000"), "--units 1000000000: layer 'conv3' has 0 to 63"),
        (("viz", "layers", "--layer", "conv1", "--units", "16"), "--units 16: layer 'conv1' has 0 to 15"),
        (
            ("viz", "saliency", "--index", "0-299"),
            "300 pictures; one figure holds 100: ask for fewer at a time",
        ),
        (
            ("viz", "saliency", *["mine.png"] * 101),
            "101 pictures; one figure holds 100: ask for fewer at a time",
        ),
        (("viz", "layers", "--layer", "flatten", "--units", "0-200"), "201 units; one figure holds 128"),
    ],
)
def test_ranges_end_where_there_is_something(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert error(capsys, *arguments).startswith(message)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("gradcheck", "digits", "--tolerance", "nan"), "--tolerance nan"),
        (("gradcheck", "digits", "--tolerance", "inf"), "--tolerance inf"),
        (("gradcheck", "digits", "--tolerance", "-1"), "--tolerance -1"),
        (("bench", "digits", "--seconds", "1e20"), "--seconds 1e+20"),
        (("bench", "digits", "--seconds", "nan"), "--seconds nan"),
        (("data", "import", ".", "o.h5", "--validation", "2"), "--validation 2"),
        (("data", "import", ".", "o.h5", "--test", "nan"), "--test nan"),
        (("data", "import", ".", "o.h5", "--test", "-1"), "--test -1"),
    ],
)
def test_numbers_that_no_call_can_mean(
    arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert error(capsys, *arguments).startswith(words)


def test_more_than_there_is_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    shown, warnings = result(capsys, "data", "show", "digits", "--split", "test", "--count", "999")
    assert len(shown["indices"]) == 300
    assert warnings == ["warning: --count 999: the test split has 300 pictures, all of them are taken"]
    predicted, warnings = result(capsys, "predict", "mine.png", "--top", "50")
    assert len(predicted["predictions"][0]["top"]) == 10
    assert warnings == ["warning: --top 50: the model has 10 classes, all of them are named"]


def test_a_check_of_many_numbers_says_so_before_it_begins(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = "numbers are moved one by one, which may take minutes; fewer --samples are quicker"
    assert main(["gradcheck", "digits", "--samples", "1", "--json"]) == 0
    assert said not in capsys.readouterr().err
    monkeypatch.setattr(gradcheck, "MANY", 10)
    assert main(["gradcheck", "digits", "--samples", "1", "--json"]) == 0
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [("eval",), ("predict", "mine.png"), ("viz", "filters"), ("viz", "layers"), ("data", "show", "digits")],
)
def test_where_nothing_can_be_written_is_found_before_the_work(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for place in ("evaluate", "viz.filters", "viz.layers"):
        monkeypatch.setattr(f"numbacnn_cli.{place}.open_model", None)  # as that would be the work
    assert "--output none/a.png: there is no folder none" in error(capsys, *command, "--output", "none/a.png")


def test_a_second_attack_on_its_own_pictures(capsys: pytest.CaptureFixture[str]) -> None:
    before = load("mine.png").tobytes()
    first, _ = result(capsys, "attack", "fgsm", "mine.png", "--epsilon", "64/255", "--save-dir", ".")
    assert [entry["saved"] for entry in first["pictures"]] == ["fgsm/mine.png"]
    assert load("mine.png").tobytes() == before
    changed = Path("fgsm/mine.png").read_bytes()
    second, warnings = result(capsys, "attack", "fgsm", "fgsm/mine.png", "--force")
    assert second["saved"] == "fgsm-2"
    assert warnings == [
        "warning: fgsm has pictures that this command reads: the changed pictures go to fgsm-2"
    ]
    assert Path("fgsm/mine.png").read_bytes() == changed
    other, _ = result(capsys, "attack", "fgsm", "--index", "0,1")
    assert other["saved"] == "fgsm"
    assert sorted(path.name for path in Path("fgsm").iterdir()) == ["test-0.png", "test-1.png"]


def test_an_import_goes_over_data_sets_only(capsys: pytest.CaptureFixture[str]) -> None:
    labels = np.arange(20) % 2
    pictures = np.random.default_rng(0).integers(0, 256, (20, 4, 4), np.uint8)
    np.savez("some.npz", x_train=pictures, y_train=labels)
    Path("notes.h5").write_text("mine")
    for target, written in (("a.h5", "a.h5"), ("a.h5", "a.h5"), ("notes.h5", "notes-2.h5")):
        made, _ = result(capsys, "data", "import", "some.npz", target, "--force")
        assert made["data"] == written
    assert Path("notes.h5").read_text() == "mine"


def test_a_figure_too_large_to_be_drawn_says_so() -> None:
    with pytest.raises(ShapeError, match="inches is too large to be drawn"):
        image_grid(np.zeros((2000, 4, 4, 1), np.uint8), columns=1)
