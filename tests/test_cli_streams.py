"""Standard output and error that are closed or full, and names that a terminal would obey or cannot show."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbacnn.data.pictures import save
from numbacnn.errors import without_controls
from numbacnn.figures import image_grid, training_curves
from numbacnn.figures import save as save_figure
from numbacnn_cli.output import Output

CommandLine = tuple[list[str], dict[str, str]]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="descriptors and names of files as POSIX has them")


def shell(command_line: CommandLine, arguments: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    command, environment = command_line
    line = f"{' '.join(command)} {arguments}"
    return subprocess.run(
        ["/bin/sh", "-c", line], cwd=folder, env=environment, capture_output=True, timeout=600, check=False
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("data info digits >&-", 0),
        ("data info digits --json 2>&-", 0),
        ("data info digits <&- >&- 2>&-", 0),
        ("--help >&-", 0),
        ("data info nothing >&- 2>&-", 2),
    ],
)
def test_closed_streams_take_nothing(
    command_line: CommandLine, arguments: str, code: int, tmp_path: Path
) -> None:
    done = shell(command_line, arguments, tmp_path)
    assert done.returncode == code
    assert b"Traceback" not in done.stderr
    assert b"error" not in done.stderr
    if arguments == "data info digits --json 2>&-":
        assert json.loads(done.stdout)["classes"] == 10


full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is always full")


@full
@pytest.mark.parametrize("arguments", ["data info digits --json", "--help"])
def test_what_a_full_output_lacks_is_said_in_one_line(
    command_line: CommandLine, arguments: str, tmp_path: Path
) -> None:
    done = shell(command_line, f"{arguments} > /dev/full", tmp_path)
    assert done.returncode == 1
    assert done.stderr.decode().splitlines()[-1] == "error: standard output: No space left on device"
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr


@full
def test_the_work_is_done_all_the_same(command_line: CommandLine, tmp_path: Path) -> None:
    done = shell(command_line, "data show digits --count 3 > /dev/full", tmp_path)
    assert done.returncode == 1
    assert (tmp_path / "digits-train.png").stat().st_size > 1000


@full
def test_a_full_standard_error_fails_nothing(command_line: CommandLine, tmp_path: Path) -> None:
    done = shell(command_line, "data show digits --count 1000000 --json 2> /dev/full", tmp_path)
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["type"] == "UsageError"
    done = shell(command_line, "viz filters --json 2> /dev/full", tmp_path)  # which says what model it takes
    assert done.returncode == 0
    assert (tmp_path / json.loads(done.stdout)["figure"]).exists()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 漢字 ‍", "plain é 漢字 ‍"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x9b31m\x7f\a", "\\x9b31m\\x7f\\x07"),
        ("two\nlines\r\t", "two\\nlines\\r\\t"),
        ("gnp\u202e.exe", "gnp\\u202e.exe"),
        ("\u2066\u200f\u2028\u2029", "\\u2066\\u200f\\u2028\\u2029"),
        (b"caf\xe9".decode(errors="surrogateescape"), "caf\\udce9"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(
    text: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert without_controls(text) == shown
    out = Output()
    out.say(text)
    out.note(text)
    assert capsys.readouterr().out.splitlines() == [shown, shown]
    out.warn(text)
    assert capsys.readouterr().err == f"warning: {shown}\n"
    out.table(["name"], [[text]])
    assert capsys.readouterr().out.splitlines()[1].rstrip() == shown.rstrip()


def test_nothing_that_rich_draws_controls_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.text import Text

    Output().console.print(Text("a\x1b[31mb\u202ec\nd"))
    assert capsys.readouterr().out == "a\\x1b[31mb\\u202ec\nd\n"


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_figures_take_any_name(suffix: str, tmp_path: Path) -> None:
    name = "caf\udce9\x1b[31m\u202e"
    pictures = np.zeros((1, 8, 8, 1), np.uint8)
    save_figure(image_grid(pictures, [name], title=name), tmp_path / f"a{suffix}")
    save_figure(training_curves([], title=name), tmp_path / f"b{suffix}")
    assert (tmp_path / f"a{suffix}").stat().st_size > 500


@pytest.mark.slow
def test_names_that_are_no_utf8(run_cli: Callable[..., Any], tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for name in (b"caf\xe9", b"th\xe9"):
        folder = tmp_path / os.fsdecode(b"ph\xf6tos") / os.fsdecode(name)
        try:
            folder.mkdir(parents=True)
        except OSError:
            pytest.skip("names on this file system are UTF-8")
        for index in range(12):
            save(folder / f"{index}.png", generator.integers(0, 256, (8, 8, 1), np.uint8))
    data = os.fsdecode(b"o\xff.h5")
    made = run_cli("data", "import", os.fsdecode(b"ph\xf6tos"), data, "--size", "8", "--json")
    assert made.code == 0, made.stderr
    assert made.json["data"] == data
    assert made.json["class_names"] == ["caf\\udce9", "th\\udce9"]
    shown = run_cli("data", "show", data, "--output", os.fsdecode(b"\xe9.svg"), "--json")
    assert shown.code == 0, shown.stderr
    assert (tmp_path / shown.json["figure"]).exists()
    missing = run_cli("predict", os.fsdecode(b"\xff.png"))
    assert missing.code == 1
    assert missing.stderr.splitlines()[-1].startswith("error: \\udcff.png: ")
