"""TOML files that people write: any editor's encoding is read or named, and errors say file, line and what is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from numbacnn.architectures import read_definition
from numbacnn.errors import NetworkError, NumbacnnError, TrainingError, UsageError
from numbacnn.toml import read_toml
from numbacnn.training import RunFolder
from numbacnn_cli.__main__ import main

NETWORK = """\
input = [8, 8, 1]
[layers]
flat = { type = "flatten" }
scores = { type = "dense", outputs = 10 }
softmax = { type = "softmax" }
"""

BROKEN = {
    "no value": (b"a = 1\nepochs = \n", ":2: not TOML: invalid value at column 10: epochs ="),
    "twice": (b"a = 1\na = 2\n", ":2: not TOML: cannot overwrite a value at column 6: a = 2"),
    "ends early": (b"a = [1,\n2", ":2: not TOML: unclosed array at column 2: 2"),
    "utf-16": ("epochs = 1\n".encode("utf-16"), ": not UTF-8 but UTF-16"),
    "utf-16 without mark": ("epochs = 1\n".encode("utf-16-le"), ": not UTF-8 but UTF-16"),
    "latin-1": (b'a = 1\nb = "\xe9"\n', ":2: byte 0xe9 is no UTF-8"),
    "deep": (b"a = " + b"[" * 9000, "nest too deeply"),
    "many digits": (b"a = " + b"1" * 5000, ": not TOML: exceeds the limit"),
    "long line": (b"a" * 1_000_000 + b" = 1", ":1: a line of 1,000,004 characters"),
    "many parts": (b"a" + b".a" * 4000 + b" = 1", ":1: a key of more than 64 parts"),
    "large": (b"# a comment\n" * 100_000, "1,200,000 bytes; a TOML file of at most 1,048,576"),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("problem", [NetworkError, UsageError])
def test_what_is_no_toml_is_named_with_its_place(
    tmp_path: Path, name: str, problem: type[NumbacnnError]
) -> None:
    content, message = BROKEN[name]
    path = tmp_path / "a.toml"
    path.write_bytes(content)
    begun = time.process_time()
    with pytest.raises(problem) as raised:
        read_toml(path, problem)
    assert time.process_time() - begun < 2
    assert f"{path}{message}" in str(raised.value) or message in str(raised.value)
    assert str(raised.value).startswith(str(path))
    assert len(str(raised.value)) < 500 + len(str(path))


@pytest.mark.parametrize(
    "encoded", [lambda text: b"\xef\xbb\xbf" + text, lambda text: text.replace(b"\n", b"\r\n")]
)
def test_a_byte_order_mark_and_windows_lines_are_read(
    tmp_path: Path, encoded: Callable[[bytes], bytes]
) -> None:
    (tmp_path / "n.toml").write_bytes(encoded(NETWORK.encode()))
    assert read_definition(tmp_path / "n.toml").classes == 10
    (tmp_path / "config.toml").write_bytes(encoded(b'data = "digits"\nnetwork = "digits"\nepochs = 3\n'))
    assert RunFolder(tmp_path).read_config() == {"data": "digits", "network": "digits", "epochs": 3}


def test_errors_of_a_runs_config_are_the_trainings(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"epochs = \n")
    with pytest.raises(TrainingError, match=r"config\.toml:1: not TOML: invalid value"):
        RunFolder(tmp_path).read_config()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"epochs = \n", "c.toml:1: not TOML: invalid value at column 10"),
        (b"\xff\xfea", "c.toml: not UTF-8 but UTF-16"),
        (b'epochs = "x"\n', 'invalid value for [epochs] from c.toml: unable to convert "x" into int'),
        (b"epcohs = 1\n", "unknown option 'epcohs' in c.toml; did you mean 'epochs'?"),
        (b"a" * 5000 + b" = 1\n", "(5,000 characters)"),
    ],
)
def test_errors_of_the_file_of_options_name_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content: bytes,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.toml").write_bytes(content)
    assert main(["train", "--config", "c.toml"]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert len(error) < 1000
    assert "DecodeError" not in error


def test_the_file_of_options_may_have_a_byte_order_mark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.toml").write_bytes(b"\xef\xbb\xbfbatch-size = 2\n")
    Path("n.toml").write_bytes(b"\xef\xbb\xbf" + NETWORK.encode())
    assert main(["summary", "n.toml", "--config", "c.toml"]) == 0
    assert "a batch of 2 takes" in capsys.readouterr().out
