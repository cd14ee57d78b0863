"""Signals: who hears them, when, and what is left of the work."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from numbacnn import compiling
from numbacnn.compiling import Compilations
from numbacnn.training import RunFolder, loop
from numbacnn.training.feed import BatchFeed
from numbacnn.training.input_pipeline import HostPipeline
from numbacnn.training.step import TrainingStep
from numbacnn_cli import following
from numbacnn_cli.__main__ import main
from numbacnn_cli.output import Output
from numbacnn_cli.signals import KINDS, Stopped, raises, taken
from numbacnn_cli.stopping import stoppable

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
TRAIN = ("train", "--epochs", "2", "--network", "digits")


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def start(program: str, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    stdout, stderr = process.communicate(timeout=120)
    return process.returncode, stdout, stderr


def wait_a_moment() -> None:
    """Long enough for a signal that is sent again."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        time.sleep(0.01)


IMPORTS = """
import os, signal, sys
class Finder:
    def find_spec(self, name, *_):
        if name == {module!r}:
            try:
                os.kill(os.getpid(), signal.{name})
                [None for _ in range(1000)]
            except BaseException:  # as packages do that look for what is there
                pass
sys.meta_path.insert(0, Finder())
from numbacnn_cli.__main__ import main
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("module", "name", "code"),
    [
        *((each, "SIGINT", 130) for each in ("contextlib", "numbacnn_cli.app", "cyclopts", "h5py")),
        *(("numba.core.typeinfer", *each) for each in (("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129))),
    ],
)
def test_a_signal_while_modules_are_imported_is_neither_lost_nor_a_traceback(
    module: str, name: str, code: int
) -> None:
    program = IMPORTS.format(module=module, name=name)
    got, stdout, stderr = ended(start(program, *TRAIN, "--json"))
    assert got == code
    assert json.loads(stdout)["error"]["type"] == KINDS[code - 128][0]
    assert stderr.splitlines()[-1] == f"error: {KINDS[code - 128][1]}"
    assert "Traceback" not in stderr
    assert not Path("runs").exists()


IGNORES = """
import signal, sys
signal.signal(signal.{name}, signal.SIG_IGN)
from numbacnn_cli import data
def show(*_):
    signal.raise_signal(signal.{name})
    return dict(train=dict(images=1))
data.info = lambda *_, **__: show()
from numbacnn_cli.__main__ import main
main(["data", "info", "digits"])
from numbacnn_cli.signals import taken, raises
with taken(raises):
    print(signal.getsignal(signal.{name}) is signal.SIG_IGN)
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_that_was_ignored_stays_ignored(name: str) -> None:
    code, stdout, stderr = ended(start(IGNORES.format(name=name)))
    assert (code, stdout.split()[-1:], stderr) == (0, ["True"], "")


def test_handlers_of_whoever_calls_come_back() -> None:
    before = {number: signal.getsignal(number) for number in KINDS}
    with taken(raises):
        assert all(signal.getsignal(number) is not handler for number, handler in before.items())
    assert before == {number: signal.getsignal(number) for number in KINDS}


def code_of(call: Callable[[], object]) -> int:
    """The exit code of the signal that ends a command which does that."""
    try:
        with taken(raises), stoppable(Output(), Compilations()):
            call()
            wait_a_moment()
    except Stopped as stopped:
        return stopped.code
    return 0


class Loses:
    def __del__(self) -> None:
        signal.raise_signal(signal.SIGTERM)


def test_what_a_destructor_loses_is_raised_again() -> None:
    assert code_of(Loses) == 143


def test_what_an_import_would_lose_is_raised_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "catches_all.py").write_text(
        "import signal\ntry:\n    signal.raise_signal(signal.SIGINT)\nexcept BaseException:\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert code_of(lambda: importlib.import_module("catches_all")) == 130


BUSY = """
import hashlib, os, sys, threading, time
from numbacnn.compiling import Compilations
from numbacnn_cli import stopping
from numbacnn_cli.output import Output
from numbacnn_cli.signals import raises, taken
stopping.LONGEST = 1.0
seen = Compilations()
{begin}
saved = lambda: (print("saved", flush=True), True)[1]
with taken(raises), stopping.stoppable(Output(as_json=True), seen), stopping.last_resort(saved):
    print("busy", flush=True)
    hashlib.pbkdf2_hmac("sha512", b"", b"", {rounds})  # like LLVM: no instruction of Python's for a while
    print("done", flush=True)
"""


def test_a_compilation_that_takes_too_long_is_left_with_the_work_saved() -> None:
    process = start(BUSY.format(begin="seen.begin()", rounds=10**9))
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.2)
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    code, stdout, stderr = ended(process)
    assert time.monotonic() - begun < 10
    assert code == 143
    saved, error = stdout.splitlines()
    assert saved == "saved"
    assert json.loads(error)["error"]["type"] == "Terminated"
    assert stderr.splitlines() == [
        "interrupted: ending as soon as this kernel is compiled",
        "error: terminated",
    ]


def test_anything_else_that_takes_long_is_waited_for() -> None:
    process = start(BUSY.format(begin="", rounds=4_000_000))
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    _, stdout, stderr = ended(process)
    assert "saved" not in stdout
    assert stderr.splitlines()[0] == "interrupted: ending"
    assert "Stopped: terminated" in stderr  # nobody catches it here


def stop_while_compiling(number: int = signal.SIGTERM) -> None:
    """A signal that comes as a kernel is being compiled, for which nobody waits."""
    compiling.begin()
    try:
        signal.raise_signal(number)
        wait_a_moment()
    finally:
        compiling.end()


@pytest.fixture
def stop_in_validation(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A signal while the kernels that measure the second epoch's error are compiled."""
    measure, calls = loop.evaluate, []

    def evaluate(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            stop_while_compiling()
        return measure(*arguments, **options)

    return lambda: monkeypatch.setattr(loop, "evaluate", evaluate)


@pytest.mark.parametrize(
    "options",
    [[], pytest.param(["--average-weights", "0.9"], marks=pytest.mark.slow)],  # three trainings each
)
def test_a_stop_while_kernels_compile_is_not_waited_with_and_loses_nothing(
    options: list[str],
    stop_in_validation: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*TRAIN, *options, "--run", "whole"]) == 0
    with monkeypatch.context():
        stop_in_validation()
        assert main([*TRAIN, *options, "--run", "stopped"]) == 143
    assert "go on with: numbacnn train --resume stopped" in capsys.readouterr().out
    _, _, numbers, _ = RunFolder(Path("stopped")).load_last()
    assert (numbers["epoch"], numbers["batch"]) == (1, 38)
    assert main(["train", "--resume", "stopped"]) == 0
    assert Path("stopped/model.h5").read_bytes() == Path("whole/model.h5").read_bytes()


def test_a_step_that_was_stopped_halfway_is_not_saved(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Some of what a step changes may have changed: the epoch before is what there is to go on from."""
    whole, steps = TrainingStep.several, list[float]()

    def several(self: TrainingStep, rates: list[float], *arguments: Any) -> None:
        whole(self, rates, *arguments)
        steps.extend(rates)
        if len(steps) >= 45:  # an epoch has 38
            stop_while_compiling()

    assert main([*TRAIN, "--run", "whole"]) == 0
    with monkeypatch.context() as patch:
        patch.setattr(TrainingStep, "several", several)
        assert main([*TRAIN, "--run", "stopped"]) == 143
    assert "go on with: numbacnn train --resume stopped" in capsys.readouterr().out
    _, _, numbers, _ = RunFolder(Path("stopped")).load_last()
    assert (numbers["epoch"], numbers["batch"]) == (1, 0)
    assert main(["train", "--resume", "stopped"]) == 0
    assert Path("stopped/model.h5").read_bytes() == Path("whole/model.h5").read_bytes()


def test_nobody_waits_for_a_batch_whose_kernels_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def prepare(*_: Any, **__: Any) -> None:
        assert not released.is_set(), "the thread reads on, though nobody asks"
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        released.wait(60)

    monkeypatch.setattr(loop, "feed_for", lambda *parts: BatchFeed(*parts[:-1]))
    monkeypatch.setattr(HostPipeline, "prepare", prepare)
    begun = time.monotonic()
    assert main([*TRAIN, "--run", "r"]) == 130
    assert time.monotonic() - begun < 40
    released.set()
    assert list(Path().iterdir()) == []


def test_a_first_step_that_is_stopped_leaves_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def step(*_: Any, **__: Any) -> None:
        stop_while_compiling(signal.SIGHUP)

    monkeypatch.setattr(TrainingStep, "several", step)
    assert main([*TRAIN, "--run", "some/where"]) == 129
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(5, "Input/output error")])
def test_what_was_computed_is_saved_before_it_is_said(
    error: OSError, monkeypatch: pytest.MonkeyPatch
) -> None:
    from numbacnn_cli import progress

    def fail(*_: object) -> str:
        raise error

    monkeypatch.setattr(progress, "_epoch", fail)
    monkeypatch.setattr(
        "numbacnn_cli.shell._nobody_reads",
        lambda: type("Failure", (), {"code": 141, "message": "", "type": ""}),
    )
    assert main([*TRAIN, "--run", "r"]) in (1, 141)
    assert RunFolder(Path("r")).load_last()[2]["epoch"] == 1


def test_a_terminal_that_is_gone_does_not_hide_the_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    """What clears the screen fails, too, after SIGHUP."""
    save = following._Followed._save

    def gone(self: Any) -> None:
        save(self)
        try:
            raise Stopped(signal.SIGHUP)
        finally:
            raise OSError(5, "Input/output error")

    def hang_up(*_: object) -> str:
        signal.raise_signal(signal.SIGHUP)
        return ""

    from numbacnn_cli import progress

    monkeypatch.setattr(following._Followed, "_save", gone)
    monkeypatch.setattr(progress, "_epoch", hang_up)
    assert main([*TRAIN, "--run", "r"]) == 129
    assert RunFolder(Path("r")).load_last()[2]["epoch"] == 1


def test_a_folder_with_config_alone_is_begun_again_and_nobody_is_sent_in_circles(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*TRAIN, "--run", "whole"]) == 0
    config = Path("killed/config.toml")
    config.parent.mkdir()
    config.write_bytes(Path("whole/config.toml").read_bytes())
    capsys.readouterr()
    assert main([*TRAIN, "--run", "killed"]) == 2
    assert "go on with --resume killed" in capsys.readouterr().err
    assert main(["train", "--resume", "killed"]) == 0
    assert Path("killed/model.h5").read_bytes() == Path("whole/model.h5").read_bytes()
    Path("notes").mkdir()
    Path("notes/x.txt").touch()
    assert main([*TRAIN, "--run", "notes"]) == 2
    assert "--resume" not in capsys.readouterr().err
    assert [path.name for path in Path("notes").iterdir()] == ["x.txt"]
