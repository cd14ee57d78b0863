"""The options that every command with a figure has: --output, --dpi, --save-data, --preview."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

from numbacnn.errors import DataError, UsageError
from numbacnn.figures import as_pixels, image_grid, save
from numbacnn.storage import write_numbers
from numbacnn_cli import ownership
from numbacnn_cli.__main__ import main
from numbacnn_cli.app import app

DRAWING = [["viz"], ["attack"]]
"""Groups of commands that all draw."""
OTHERS = [["train"], ["diagnose"], ["eval"], ["predict"], ["similar"], ["data", "show"]]


def drawing_commands() -> list[list[str]]:
    groups = [[*group, name] for group in DRAWING for name in app[group[0]] if not name.startswith("-")]
    return groups + OTHERS


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> dict[str, Any]:
    assert main([*map(str, arguments), "--json"]) == code
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


@pytest.mark.parametrize("command", drawing_commands(), ids=" ".join)
def test_every_command_that_draws_has_them(command: list[str]) -> None:
    called = app
    for name in command:
        called = called[name]
    names = {name for argument in called.assemble_argument_collection() for name in argument.names}
    assert {"--dpi", "--save-data", "--no-preview"} <= names
    assert command == ["train"] or {"--output", "--force"} <= names


def test_the_numbers_behind_a_figure(capsys: pytest.CaptureFixture[str]) -> None:
    result = run(capsys, "viz", "depth", "--save-data", "depth.h5", "--dpi", "60", "--output", "depth.png")
    assert (result["figure"], result["data_file"]) == ("depth.png", "depth.h5")
    assert ownership.look(Path("depth.h5")).ours == ownership.FIGURE_DATA
    with h5py.File("depth.h5") as file:
        assert file["layers"][:].tolist() == [entry["layers"] for entry in result["entries"]]
        assert [name.decode() for name in file["names"]] == [entry["name"] for entry in result["entries"]]
        assert b"percent" in file["top5_error"].attrs["meaning"]
        assert file.attrs["title"].startswith(b"The revolution of depth")
        assert b"Russakovsky" in file.attrs["provenance"]
    with Image.open("depth.png") as small:
        narrow = small.width
    assert run(capsys, "viz", "depth")["data_file"] is None
    with Image.open("depth-2.png" if Path("depth-2.png").exists() else "depth.png") as usual:
        assert usual.width == pytest.approx(narrow * 200 / 60, abs=4)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--dpi", "0", "--dpi 0: a whole number from 20 to 2400 is expected"),
        ("--save-data", "numbers.csv", "a data file cannot be written as '.csv'; known: .h5"),
        ("--save-data", "nowhere/numbers.h5", "there is no folder nowhere"),
        ("--output", "figure.gif", "a figure cannot be written as '.gif'"),
    ],
)
def test_what_cannot_be_written_is_said_before_the_work(
    capsys: pytest.CaptureFixture[str], option: str, value: str, message: str
) -> None:
    assert message in run(capsys, "viz", "depth", option, value, code=2)["error"]["message"]
    assert not list(Path().iterdir())


def test_a_data_set_is_never_replaced_by_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    write_numbers(Path("numbers.h5"), {"x": ([1, 2], "two")})
    with h5py.File("other.h5", "w") as file:
        file["x"] = 1
    assert run(capsys, "viz", "depth", "--save-data", "numbers.h5")["data_file"] == "numbers.h5"
    assert run(capsys, "viz", "depth", "--save-data", "other.h5")["data_file"] == "other-2.h5"


def test_numbers_of_every_kind(tmp_path: Path) -> None:
    values = {
        "scalar": (3.5, "one number"),
        "group/texts": (["ä", "", "long text"], "texts"),
        "missing": ([1, None], "None stands for a number that there is not"),
        "none": (np.zeros((0, 4), np.float32), "nothing"),
        "no texts": (np.zeros(0, "U1"), "no texts"),
        "ragged": ([np.zeros((2, 3)), np.ones((1, 5))], "pictures of any size"),
        "true": ([True, False], "yes and no"),
    }
    write_numbers(tmp_path / "n.h5", values)
    with h5py.File(tmp_path / "n.h5") as file:
        assert file["scalar"][:].tolist() == [3.5]
        assert [text.decode() for text in file["group/texts"]] == ["ä", "", "long text"]
        assert np.isnan(file["missing"][1])
        assert file["none"].shape == (0, 4)
        assert file["ragged/1"].shape == (1, 5)
        assert file["true"][:].tolist() == [1, 0]
        assert {name: file[name].attrs["meaning"].decode() for name in values} == {
            name: meaning for name, (_, meaning) in values.items()
        }


def test_numbers_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "n.h5"
    write_numbers(path, {"x": ([1], "one")})
    before = path.read_bytes()
    with pytest.raises((DataError, TypeError, ValueError)):
        write_numbers(path, {"x": ([2], "two"), "y": (object(), "no number")})
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["n.h5"]


def test_too_many_dots() -> None:
    figure = image_grid(np.zeros((4, 8, 8, 3), np.uint8))
    figure.set_size_inches(40, 40)
    with pytest.raises(
        UsageError, match=r"2400 dots an inch: this figure of 40\.0x40\.0 inches takes at most 500"
    ):
        save(figure, "figure.png", 2400)


def test_a_figure_as_pixels(tmp_path: Path) -> None:
    figure = image_grid(np.full((1, 8, 8, 3), (255, 0, 0), np.uint8))
    pixels = as_pixels(figure, 100)
    save(figure, tmp_path / "figure.png", 100)
    with Image.open(tmp_path / "figure.png") as file:
        np.testing.assert_array_equal(pixels, np.asarray(file.convert("RGB")))
