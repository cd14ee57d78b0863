"""A run finds its data set wherever both have been moved to, and takes no other."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbacnn.data import Dataset
from numbacnn.errors import DataError
from numbacnn.training.whereabouts import data_record, find_data
from numbacnn_cli.__main__ import main

TRAIN = ("train", "--network", "digits", "--epochs", 1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with sets/few.h5 and a run of it, which stays as it is."""
    project = tmp_path_factory.mktemp("as it was") / "project"
    (project / "sets").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        save("sets/few.h5", 120)
        assert main([*map(str, TRAIN), "--data", "sets/few.h5", "--run", "runs/one"]) == 0
    return project


@pytest.fixture
def project(trained: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """That folder, where it was trained: a run remembers where its data were."""
    here, backup = trained.parent, trained.parent.with_name("backup")
    shutil.copytree(here, backup)
    monkeypatch.chdir(trained)
    yield trained
    monkeypatch.undo()
    shutil.rmtree(here)
    backup.rename(here)


def save(path: str, pictures: int) -> None:
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (pictures, 8, 8), np.uint8)
    np.savez("few.npz", x_train=images, y_train=np.arange(pictures) % 10)
    assert main(["data", "import", "few.npz", path, "--force"]) == 0
    os.unlink("few.npz")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, dict[str, Any]]]:
    def run(*arguments: object) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = main([*map(str, arguments), "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run


Run = Callable[..., tuple[int, dict[str, Any]]]


def test_a_project_that_was_moved_goes_on(project: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = project.with_name("elsewhere")
    monkeypatch.chdir(project.parent)
    project.rename(moved)
    code, result = run("train", "--resume", moved / "runs/one", "--epochs", 2)
    assert (code, result["data"]) == (0, str(moved / "sets/few.h5"))
    code, result = run("eval", "--model", moved / "runs/one", "--split", "train")
    assert (code, result["images"]) == (0, 97)


def test_a_run_that_was_moved_alone_finds_data_where_they_were(project: Path, run: Run) -> None:
    shutil.move(project / "runs/one", project / "one")
    assert run("train", "--resume", "one", "--epochs", 2)[0] == 0


def test_data_that_are_nowhere_can_be_named(project: Path, run: Run) -> None:
    os.rename("sets/few.h5", "few.h5")
    code, result = run("train", "--resume", "runs/one", "--epochs", 2)
    assert code == 1
    assert "say with --data where it is now" in result["error"]["message"]
    assert str(project / "sets" / "few.h5") in result["error"]["message"]
    code, result = run("eval", "--model", "runs/one")
    assert code == 2
    assert "give a data set with --data" in result["error"]["message"]
    assert run("train", "--resume", "runs/one", "--epochs", 2, "--data", "few.h5")[0] == 0
    assert run("train", "--resume", "runs/one", "--epochs", 3)[0] == 0


def test_other_data_are_refused(project: Path, run: Run) -> None:
    save("sets/other.h5", 130)
    code, result = run("train", "--resume", "runs/one", "--epochs", 2, "--data", "sets/other.h5")
    assert code == 2
    assert "--data sets/other.h5 cannot change" in result["error"]["message"]
    os.replace("sets/other.h5", "sets/few.h5")
    code, result = run("train", "--resume", "runs/one", "--epochs", 2)
    assert code == 1
    assert "and the run in runs/one began with" in result["error"]["message"]
    assert run("train", "--resume", "runs/one", "--epochs", 2, "--data", project / "sets/few.h5")[0] == 1


def test_places_are_tried_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    record = {"data": str(tmp_path / "was.h5"), "data_given": "given.h5", "data_from_run": "../near.h5"}
    with pytest.raises(DataError, match=r"looked for: near\.h5, given\.h5, .*was\.h5"):
        find_data(record, Path("run"))
    for name in ("was.h5", "given.h5", "near.h5"):
        Path(name).touch()
        assert Path(find_data(record, Path("run"))).name == name


@pytest.mark.parametrize("more", [{}, {"data_given": 3, "data_from_run": None}, {"data_given": "a\0b"}])
def test_a_record_of_any_kind_is_read(more: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "set.h5").touch()
    assert find_data({"data": str(tmp_path / "set.h5"), **more}, tmp_path) == str(tmp_path / "set.h5")


def test_the_embedded_set_is_everywhere(tmp_path: Path) -> None:
    record = data_record(Dataset.open("digits"), "digits", tmp_path)
    assert record == {"data": "digits", "data_pictures": {"train": 1197, "validation": 300, "test": 300}}
    assert find_data(record, tmp_path) == "digits"
