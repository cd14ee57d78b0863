from __future__ import annotations

import os
from pathlib import Path

import pytest

from numbacnn.errors import UsageError
from numbacnn_cli.runs import PACKAGED_MODEL, new_run, newest_run, resolve_model, run_name


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def finish(run: Path, time: int) -> Path:
    (run / "model.h5").write_bytes(b"")
    os.utime(run / "model.h5", (time, time))
    return run


def test_runs_are_numbered_and_never_taken_twice() -> None:
    assert new_run("digits-lenet") == Path("runs/digits-lenet-001")
    assert new_run("digits-lenet") == Path("runs/digits-lenet-002")
    Path("runs/digits-lenet-002").rmdir()
    Path("runs/digits-lenet-1041").mkdir()
    Path("runs/digits-lenet-x").mkdir()
    assert new_run("digits-lenet") == Path("runs/digits-lenet-1042")
    assert new_run("digits") == Path("runs/digits-001")


@pytest.mark.parametrize(
    ("network", "name"),
    [
        ("lenet", "digits-lenet"),
        ("squeezenet-1.1", "digits-squeezenet-1.1"),
        ("nets/mine.toml", "digits-mine"),
        ("mine-2.5.toml", "digits-mine-2.5"),
    ],
)
def test_a_run_is_called_after_its_network(network: str, name: str) -> None:
    assert run_name("digits", network) == name


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("Fashion MNIST-lenet", "Fashion-MNIST-lenet-001"),
        ("../x", "x-001"),
        ("..", "run-001"),
        ("", "run-001"),
    ],
)
def test_a_run_is_a_folder_in_its_parent(name: str, folder: str) -> None:
    assert new_run(name, "here") == Path("here") / folder


def test_the_newest_run_is_the_one_whose_model_was_saved_last() -> None:
    assert newest_run() is None
    old, new = finish(new_run("b"), 1000), finish(new_run("a"), 2000)
    new_run("unfinished")
    assert newest_run() == new
    finish(old, 3000)
    assert newest_run() == old


def test_what_model_means() -> None:
    path, said = resolve_model(None)
    assert path == PACKAGED_MODEL
    assert "in the package" in said
    run = finish(new_run("digits-digits"), 1000)
    assert resolve_model(None) == (run / "model.h5", f"model: {run / 'model.h5'} (the newest run here)")
    assert resolve_model(run)[0] == run / "model.h5"
    assert resolve_model(run / "model.h5")[0] == run / "model.h5"


def test_a_model_that_is_not_there() -> None:
    with pytest.raises(UsageError, match="no such file or run folder; there is no run here yet"):
        resolve_model(Path("x.h5"))
    runs = [finish(new_run("a"), time) for time in range(1000, 1007)]
    with pytest.raises(UsageError, match=r"runs here, newest first: runs/a-007, .*runs/a-003 and 2 more"):
        resolve_model(Path("x.h5"))
    (runs[0] / "model.h5").unlink()
    with pytest.raises(UsageError, match=r"no model\.h5 in that folder"):
        resolve_model(runs[0])
