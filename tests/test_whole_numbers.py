"""Options that take whole numbers: a fraction is refused, wherever it is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from numbacnn_cli.__main__ import main

OPTIONS = [
    ("train", "epochs"),
    ("train", "seed"),
    ("eval", "batch-size"),
    ("gradcheck digits", "samples"),
    ("gradcheck digits", "seed"),
    ("bench digits", "batch-size"),
    ("bench digits", "workspace-mb"),
    ("summary digits", "classes"),
    ("attack fgsm", "count"),
    ("data show digits", "count"),
]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refused(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 2
    stdout, stderr = capfd.readouterr()
    assert stdout == ""
    assert stderr.count("\n") == 1
    assert not Path("runs").exists()
    return stderr


@pytest.mark.parametrize("number", ["1.5", "-0.5", ".5", "1.0e400", "2.5e1x"])
@pytest.mark.parametrize(("command", "option"), OPTIONS)
def test_a_fraction_on_the_command_line(
    command: str, option: str, number: str, capfd: pytest.CaptureFixture[str]
) -> None:
    said = refused(capfd, *command.split(), f"--{option}={number}")
    assert f"--{option}: " in said
    assert number in said


@pytest.mark.parametrize("number", ["1.5", "-0.5", "inf", '"1.5"'])
@pytest.mark.parametrize(("command", "option"), OPTIONS)
def test_a_fraction_in_a_file_of_options(
    command: str, option: str, number: str, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("options.toml").write_text(f"{option.replace('-', '_')} = {number}\n")
    said = refused(capfd, *command.split(), "--config", "options.toml")
    assert option.replace("-", "_") in said
    assert number.strip('"') in said
    assert "options.toml" in said


def test_a_fraction_of_a_thread(capfd: pytest.CaptureFixture[str]) -> None:
    assert "--threads: '1.5' is no whole number" in refused(capfd, "doctor", "--threads", "1.5")


def test_what_is_whole_may_be_written_with_a_point(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--epochs", "2.0", "--print-config"]) == 0
    assert "epochs = 2 " in capfd.readouterr().out


def test_a_fraction_where_one_is_expected_is_taken(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--learning-rate", "0.25", "--print-config"]) == 0
    assert "learning_rate = 0.25 " in capfd.readouterr().out
