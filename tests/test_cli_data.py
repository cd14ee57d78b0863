"""numbacnn data: import, info, show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbacnn.data import pictures
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
    assert made.pop("notes") == []
    assert result(capsys, "info", "some.h5") == made
    shown = result(capsys, "show", "some.h5", "--split", "test", "--count", "6")
    assert shown == {
        "figure": "some-test.png",
        "data_file": None,
        "split": "test",
        "indices": [0, 1, 2, 3, 4, 5],
    }
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
        (("import", "some.npz", "some.npz"), 2, "cannot be written as '.npz'"),
        (("import", "some.npz", "some.h5", "--validation", "1.5"), 2, "--validation 1.5: a fraction"),
        (("info", "digts"), 2, "did you mean 'digits'?"),
        (
            ("show", "digits", "--split", "dev"),
            2,
            'invalid value "dev" for --split. Choose from: "train", "validation", "test"',
        ),
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


def test_a_range_and_what_is_doubtful(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("some.npz", images=IMAGES // 16, labels=LABELS + 1)
    made = result(capsys, "import", "some.npz", "some.h5")
    assert made["notes"][0].endswith("if 15 is white in this set, import it with --range 0,15")
    assert made["notes"][1].startswith("labels begin at 1")
    for given in ("0,15", "0, 15"):
        rescaled = result(capsys, "import", "some.npz", "some.h5", "--range", given)
        assert len(rescaled["notes"]) == 1
        assert rescaled["mean_rgb"][0] == pytest.approx(17 * made["mean_rgb"][0])
    for given in ("15", "a,b", "1,2,3", "nan,1", "2,2"):
        assert main(["data", "import", "some.npz", "some.h5", "--range", given]) == 2
        assert "black and white" in capsys.readouterr().err


def test_broken_pictures_are_listed_or_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        Path("set", name).mkdir(parents=True)
        for index in range(10):
            pictures.save(f"set/{name}/{index}.png", IMAGES[index])
    for path in ("set/a/3.png", "set/b/8.png"):
        Path(path).write_bytes(b"no picture")
    assert main(["data", "import", "set", "some.h5", "--size", "6"]) == 1
    error = capsys.readouterr().err
    assert "3.png" in error
    assert "8.png" in error
    assert not Path("some.h5").exists()
    made = result(capsys, "import", "set", "some.h5", "--size", "6", "--skip-broken")
    assert sum(made["images"].values()) == 18
    assert made["notes"][0].startswith("2 of 20 pictures cannot be read and are left out")
