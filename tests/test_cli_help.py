"""Every `--help` has examples that can be typed and choices that are true; a wrong value of an option ends with 2."""

from __future__ import annotations

import shlex
import typing
from pathlib import Path

import pytest

from numbacnn.architectures import ARCHITECTURES
from numbacnn.data.dataset import SPLITS
from numbacnn.layers.initialization import INITIALIZERS
from numbacnn.ops.losses import LOSSES
from numbacnn.training import Settings
from numbacnn.training.schedules import SCHEDULES
from numbacnn_cli import app as shell
from numbacnn_cli.__main__ import main
from numbacnn_cli.examples import EXAMPLES, OVERVIEW
from numbacnn_cli.options import NETWORKS, SplitName


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_choices_are_what_the_registries_know() -> None:
    settings = typing.get_type_hints(Settings)
    assert set(typing.get_args(settings["schedule"])) == set(SCHEDULES)
    assert set(typing.get_args(settings["loss"])) == set(LOSSES)
    assert set(typing.get_args(settings["initialise"])) == set(INITIALIZERS)
    assert typing.get_args(typing.get_args(SplitName)[0]) == SPLITS
    assert set(NETWORKS.split(", ")) < set(ARCHITECTURES)


def test_every_command_has_examples() -> None:
    commands = {
        " ".join(filter(None, (name, below)))
        for name in shell.app
        if not name.startswith("-")
        for below in [each for each in shell.app[name] if not each.startswith("-")] or [""]
    }
    assert set(EXAMPLES) == commands
    assert all(2 <= len(examples) <= 4 for examples in EXAMPLES.values())


@pytest.mark.parametrize(
    "line", [line for examples in (*EXAMPLES.values(), OVERVIEW) for line, _ in examples]
)
def test_examples_are_command_lines(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.png").touch()  # wildcards stand for files that are there
    command, bound, _ = shell.app.meta.parse_args(shlex.split(line), exit_on_error=False, print_error=False)
    assert command is shell.launch
    command, *_ = shell.app.parse_args(bound.args, exit_on_error=False, print_error=False)
    assert command.__name__ != "help_print"


@pytest.mark.parametrize("command", ["", "viz", *EXAMPLES])
def test_help_says_everything_and_ends_with_examples(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the JSON has, what every option is, and lines that can be typed."""
    assert main([*command.split(), "--help"]) == 0
    described, _, examples = capsys.readouterr().out.partition("Examples:")
    assert ("JSON:" in described) == (command in EXAMPLES)
    for line, what in EXAMPLES.get(command, ()):
        assert f"numbacnn {line}" in " ".join(examples.split())
        assert what in " ".join(examples.split())
    assert f"numbacnn {command}".strip() in examples
    if command in EXAMPLES:
        found = shell.app
        for name in command.split():
            found = found[name]
        for argument in found.assemble_argument_collection(parse_docstring=True):
            if argument.parse and argument.show:
                assert argument.parameter.help, f"{command} {argument.name}"


@pytest.mark.parametrize("command", ["eval", "viz saliency", "viz layers", "attack fgsm"])
def test_options_stand_in_groups(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    places = [shown.index(f"─ {title} ─") for title in ("Model and data", "Options", "Output", "Computing")]
    assert places == sorted(places)
    assert "train, validation, test" in " ".join(shown.replace("│", " ").split())


@pytest.mark.parametrize(
    "line",
    [
        "train --network lenett",
        "train --network absent.toml",
        "train --data nothing",
        "train --data absent.h5",
        "train --schedule half",
        "train --loss squared",
        "train --initialise xavier",
        "train --device tpu",
        "train --resume absent",
        "eval --model absent",
        "eval --data absent.h5",
        "eval --split dev",
        "viz filters --layer conv9",
        "viz filters --layer softmax",
        "viz layers --layer conv9",
        "viz layers --layer conv1 --units 0-3,400",
        "viz layers --split dev",
        "viz saliency --class cat",
        "viz saliency --index 100000",
        "viz saliency --rule deconv",
        "attack fgsm --target cat",
        "attack fgsm --split dev",
        "data info absent.h5",
        "data show digits --split dev",
        "summary lenett",
        "summary absent.h5",
        "summary absent.toml",
        "summary lenet --classes 1",
        "summary lenet --input 3x3x1",
        "gradcheck lenett",
        "bench lenett",
        "warmup lenett",
    ],
)
def test_a_wrong_value_is_bad_usage(line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line.split()) == 2
    shown = capsys.readouterr()
    error = shown.err.splitlines()[-1]
    assert error.startswith("error: ")
    assert line.rsplit(maxsplit=1)[-1].rsplit(",", maxsplit=1)[-1] in error.replace("/", " ")
    assert "internal" not in error
    assert not any(tmp_path.iterdir())


def test_the_data_that_a_model_was_trained_on_may_be_gone(capsys: pytest.CaptureFixture[str]) -> None:
    from numbacnn.architectures import build
    from numbacnn.storage import save_model

    save_model("model.h5", build("digits"), record={"data": "moved.h5"})
    assert main(["eval", "--model", "model.h5"]) == 2
    assert "moved.h5, which is no longer there: give a data set with --data" in capsys.readouterr().err
