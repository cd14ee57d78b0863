"""What every command has in common: help, exit codes, errors, JSON."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbacnn.errors import UsageError
from numbacnn_cli import data as data_commands
from numbacnn_cli.__main__ import main
from numbacnn_cli.options import expand, parse_amount, parse_ranges
from numbacnn_cli.output import as_json

HEAVY = {"numba", "llvmlite", "h5py", "matplotlib", "numpy", "PIL"}


@pytest.mark.parametrize(
    "arguments", [["--help"], ["viz", "--help"], ["attack"], ["data", "--help"], ["--version"]]
)
def test_help_imports_nothing_heavy(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert not HEAVY & _imported(arguments, capfd)


def test_reading_a_data_set_waits_for_no_kernel(capfd: pytest.CaptureFixture[str]) -> None:
    imported = _imported(["data", "info", "digits"], capfd)
    assert "h5py" in imported
    assert not {"numba", "llvmlite", "matplotlib"} & imported


def _imported(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> set[str]:
    """The modules that a process has imported once it has carried out a command, which showed something."""
    code = (
        "import sys; from numbacnn_cli.__main__ import main; "
        f"assert main({arguments}) == 0; print('\\n' + ' '.join(sys.modules), file=sys.stderr)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=_environment())
    shown = capfd.readouterr()
    assert shown.out
    return set(shown.err.rsplit("\n", 2)[1].split())


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def test_without_a_command_there_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "train" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["trian"], "unknown command 'trian'; did you mean 'train'? (see 'numbacnn --help')"),
        (["data", "inof"], "unknown command 'inof'; did you mean 'info'? (see 'numbacnn data --help')"),
        (["data", "show", "digits", "--cuont", "3"], "unknown option '--cuont'; did you mean '--count'?"),
        (["data", "info", "digits", "--jsno"], "unknown option '--jsno'; did you mean '--json'?"),
        (["--versoin"], "unknown option '--versoin'; did you mean '--version'?"),
        (["data", "info", "digits", "more"], "unexpected argument 'more'"),
        (["data", "show", "digits", "--count", "many"], 'unable to convert "many" into int'),
        (["data", "info"], "DATA requires an argument"),
        (["--config", "no.toml", "data", "info", "digits"], "--config no.toml: no such file"),
    ],
)
def test_bad_usage_is_one_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert words in shown.err
    assert shown.err.count("\n") == 1


def test_json_needs_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json"]) == 2
    assert json.loads(capsys.readouterr().out) == {
        "error": {"type": "UsageError", "message": "--json needs a command (see 'numbacnn --help')"}
    }


def test_a_failure_is_one_line_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "damaged.h5"
    file.write_bytes(b"no HDF5")
    assert main(["data", "info", str(file), "--json"]) == 1
    shown = capsys.readouterr()
    error = json.loads(shown.out)["error"]
    assert error["type"] == "DataError"
    assert shown.err == f"error: {error['message']}\n"


def test_json_is_all_there_is_on_stdout(run_cli: Callable[..., Any]) -> None:
    done = run_cli("data", "info", "digits", "--json")
    assert done.code == 0
    assert done.json["classes"] == 10
    assert "class" in done.stderr


def test_options_come_from_a_file_and_the_command_line_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("options.toml").write_text('count = 3\nsplit = "validation"\n')
    assert main(["data", "show", "digits", "--config", "options.toml", "--split", "test", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["split"] == "test"
    assert len(shown["indices"]) == 3
    Path("options.toml").write_text("coutn = 3\n")
    assert main(["data", "show", "digits", "--config", "options.toml"]) == 2
    assert "unknown option 'coutn' in options.toml; did you mean 'count'?" in capsys.readouterr().err


class _Stops:
    """Stands for the library under a command that does not end well."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __call__(self, *_: object) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (
            ZeroDivisionError("a bug"),
            1,
            "internal: ZeroDivisionError: a bug (NUMBACNN_TRACEBACK=1 shows where)",
        ),
        (PermissionError(13, "Permission denied", "x.png"), 1, "x.png: Permission denied"),
        (MemoryError("8 GiB"), 1, "not enough memory: 8 GiB"),
    ],
)
def test_exceptions(
    error: BaseException,
    code: int,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(data_commands, "describe", _Stops(error))
    monkeypatch.delenv("NUMBACNN_TRACEBACK", raising=False)
    assert main(["data", "info", "digits"]) == code
    shown = capsys.readouterr()
    assert shown.err.startswith(f"error: {words}")
    assert "Traceback" not in shown.err
    monkeypatch.setenv("NUMBACNN_TRACEBACK", "1")
    assert main(["data", "info", "digits"]) == code
    assert "Traceback" in capsys.readouterr().err


WAITS = """
import sys, time
from pathlib import Path
from numbacnn_cli import data
from numbacnn_cli.__main__ import main

def wait(*_):
    try:
        Path("started").touch()
        time.sleep(60)
    except KeyboardInterrupt:
        Path("saved").touch()
        raise

data.describe = wait
sys.exit(main(["data", "info", "digits", "--json"]))
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("name", "code", "kind"),
    [("INT", 130, "Interrupted"), ("TERM", 143, "Terminated"), ("HUP", 129, "HungUp")],
)
def test_signals_let_a_command_save_its_work(name: str, code: int, kind: str, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WAITS],
        cwd=tmp_path,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (tmp_path / "started").exists() and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(getattr(signal, f"SIG{name}"))
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == code, stderr
    assert (tmp_path / "saved").exists()
    assert "Traceback" not in stderr
    assert json.loads(stdout)["error"]["type"] == kind


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
@pytest.mark.parametrize(
    "arguments", [["--help"], ["data", "info", "digits"], ["data", "info", "digits", "--json"]]
)
def test_a_reader_that_leaves_is_no_error(
    arguments: list[str], command_line: tuple[list[str], dict[str, str]], tmp_path: Path
) -> None:
    command, environment = command_line
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run(
            [*command, *arguments],
            cwd=tmp_path,
            env=environment,
            stdout=pipe,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 141
    assert b"Error" not in done.stderr
    assert b"error" not in done.stderr


def test_json_of_what_results_hold() -> None:
    result = {
        "array": np.arange(3),
        "scalar": np.float32(0.5),
        "index": np.int64(7),
        "true": np.bool_(True),
        "nan": float("nan"),
        "infinities": np.array([np.inf, -np.inf, 1.0]),
        "path": Path("runs/a"),
        "nested": [{"tuple": (1, None)}],
    }
    assert json.loads(as_json(result)) == {
        "array": [0, 1, 2],
        "scalar": 0.5,
        "index": 7,
        "true": True,
        "nan": None,
        "infinities": [None, None, 1.0],
        "path": "runs/a",
        "nested": [{"tuple": [1, None]}],
    }
    with pytest.raises(TypeError, match="cannot hold object"):
        as_json({"x": object()})


@pytest.mark.parametrize(("text", "value"), [("8/255", 8 / 255), ("0", 0.0), ("0.03", 0.03), ("2", 2.0)])
def test_epsilon(text: str, value: float) -> None:
    assert float(parse_amount(text)) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("-1/255", "not a number of at least 0"),
        ("1/0", "not a number of at least 0"),
        ("a", "not a number of at least 0"),
        ("", "not a number of at least 0"),
        ("8/255/2", "write one fraction"),
        ("8//255", "write one fraction"),
        ("1_6/255", "write one fraction"),
        ("nan", "not a number of at least 0"),
        ("inf", "not a number of at least 0"),
        ("1e1000000000", "not a number of at least 0"),
        ("1e-1000000000/3", "not a number of at least 0"),
        ("9" * 5000, "characters"),
    ],
)
def test_epsilon_refuses(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_amount(text)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("3", (3,)),
        ("3,3,0-3", (3, 0, 1, 2)),
        ("0-3", (0, 1, 2, 3)),
        ("0,3,7-9", (0, 3, 7, 8, 9)),
        ("2,1-3", (2, 1, 3)),
    ],
)
def test_ranges(text: str, numbers: tuple[int, ...]) -> None:
    assert expand(parse_ranges(text), 10, "--index", "the test split") == list(numbers)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not a list"),
        ("a", "not a list"),
        ("-1", "not a list"),
        ("1e9", "not a list"),
        ("0-", "not a list"),
        ("1-2-3", "not a list"),
        ("٣", "not a list"),
        ("9" * 5000, "not a list"),
        ("9-7", "runs backwards; write 7-9"),
    ],
)
def test_ranges_refuse(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_ranges(text)


@pytest.mark.parametrize("text", ["10", "0-10", "0-999999999999999999", "3,999999999999"])
def test_ranges_are_compared_with_what_there_is_before_they_are_expanded(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--index \d+: the test split has 0 to 9$"):
        expand(parse_ranges(text), 10, "--index", "the test split")
