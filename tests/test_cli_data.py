"""numbacnn data: import, info, show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbacnn.storage import open_dataset
from numbacnn_cli.__main__ import main

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 6, 7, 3), np.uint8)
LABELS = np.arange(40) % 4


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "some.npz", x_train=IMAGES, y_train=LABELS, x_test=IMAGES, y_test=LABELS)
    return tmp_path / "some.npz"


def result(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["data", *arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def test_import_info_show(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--name", "Some", "--validation", "0.2", "--source", "drawn", "--licence", "none")
    made = result(capsys, "import", str(source), "some.h5", *options)
    assert made["images"] == {"train": 32, "validation": 8, "test": 40}
    assert made["images_per_class"]["validation"] == [2, 2, 2, 2]
    assert made["image_shape"] == [6, 7, 3]
    assert (made["name"], made["source"], made["licence"]) == ("Some", "drawn", "none")
    assert result(capsys, "info", "some.h5") == made
    shown = result(capsys, "show", "some.h5", "--split", "test", "--count", "6")
    assert shown == {"figure": "some-test.png", "split": "test", "indices": [0, 1, 2, 3, 4, 5]}
    assert Path("some-test.png").stat().st_size > 0


def test_info_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "info", "digits"]) == 0
    shown = capsys.readouterr().out
    assert "digits: 8x8 grey, 10 classes" in shown
    assert "CC BY 4.0" in shown
    assert shown.splitlines()[12].split() == ["all", "1197", "300", "300"]


def test_the_seed_chooses_the_validation_pictures(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        result(capsys, "import", str(source), f"{name}.h5", "--seed", seed, "--validation", "0.5")
    a, b, c = (open_dataset(f"{name}.h5").train.images[:].tobytes() for name in "abc")
    assert a == b != c


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("import", "none", "some.h5"), 1, "none: no such file or folder"),
        (("import", "some.npz", "some.npz"), 2, "written as .h5"),
        (("import", "some.npz", "some.h5", "--validation", "1.5"), 2, "more than 0 and less than 1"),
        (("info", "digts"), 1, "did you mean 'digits'?"),
        (("show", "digits", "--split", "dev"), 1, "no split 'dev'; there are: train, validation, test"),
        (("show", "digits", "--count", "0"), 2, "--count 0: 1 to 1000 pictures"),
    ],
)
def test_failures_are_one_line(
    source: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, message: str
) -> None:
    assert main(["data", *arguments]) == code
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("error: ")
    assert error.count("\n") == 1
