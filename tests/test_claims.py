"""Two commands that choose names at the same time choose different ones."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from numbacnn.provenance import CHANGED_PICTURE
from numbacnn_cli import claims
from numbacnn_cli.destination import DATA_SET, Destination
from numbacnn_cli.output import Output

CHOOSES = """
import sys
from pathlib import Path
from numbacnn_cli.destination import DATA_SET, Destination
from numbacnn_cli.output import Output
sys.stdin.readline()
print({choice}, flush=True)
sys.stdin.readline()
"""
CHOICES = {
    "default": ('Destination(Output()).default("a")', "a{}.png"),
    "output": ('Destination(Output()).output(Path("a.svg"))', "a{}.svg"),
    "data set": ('Destination(Output()).named(Path("a.h5"), DATA_SET)', "a{}.h5"),
    "folder": ('Destination(Output()).folder(None, Path("a"))', "a{}"),
    "beside": ('Destination(Output()).beside(Path("a.png"), "sweep")', "a-sweep{}.png"),
}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@contextmanager
def choosing(choice: str, count: int) -> Iterator[list[subprocess.Popen[str]]]:
    """So many processes that have loaded what they need and wait for a line to choose, and for another to end."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CHOOSES.format(choice=choice)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(count)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def go_on(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def chosen(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize(("choice", "names"), CHOICES.values(), ids=list(CHOICES))
def test_each_of_several_at_the_same_time_has_a_name_of_its_own(choice: str, names: str) -> None:
    with choosing(choice, 4) as processes:
        for process in processes:
            go_on(process)
        found = {chosen(process) for process in processes}
    assert found == {names.format(addition) for addition in ("", "-2", "-3", "-4")}


def test_what_another_writes_is_said_and_free_once_it_ends(capsys: pytest.CaptureFixture[str]) -> None:
    def choose() -> Path:
        with claims.held_until_the_end():
            return Destination(Output()).named(Path("a.h5"), DATA_SET)

    with choosing(CHOICES["data set"][0], 1) as (other,):
        go_on(other)
        assert chosen(other) == "a.h5"
        assert choose() == Path("a-2.h5")
        assert (
            "a.h5 is being written by another command: the data set goes to a-2.h5" in capsys.readouterr().err
        )
        other.kill()
        other.wait()
        assert choose() == Path("a.h5")


def test_an_attacks_pictures_are_not_removed_while_it_writes_them() -> None:
    from test_destination import written

    with choosing(CHOICES["folder"][0], 1) as (other,):
        go_on(other)
        assert chosen(other) == "a"
        Path("a").mkdir()
        picture = written("a/1.png", CHANGED_PICTURE)
        with claims.held_until_the_end():
            to = Destination(Output())
            folder = to.folder(None, Path("a"))
            to.empty(folder)
        assert folder == Path("a-2")
        assert picture.exists()


def test_where_nothing_can_be_locked_every_name_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("file").touch()
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(Path("file").absolute()))
    with claims.held_until_the_end():
        assert Destination(Output()).default("a") == Path("a.png")
