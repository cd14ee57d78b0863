"""What tests share: real data if there is any, the command line as a subprocess, and how many tests were skipped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import settings

settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")

for _number, _usual in (
    (signal.SIGINT, signal.default_int_handler),
    (getattr(signal, "SIGHUP", signal.SIGINT), signal.SIG_DFL),  # Windows has none
):
    if signal.getsignal(_number) is signal.SIG_IGN:
        # By a shell's background job, or by nohup: what tests start would ignore it too, and they are about what does not.
        signal.signal(_number, _usual)

REPOSITORY = Path(__file__).parent.parent
NO_DATA = "no real data"
NO_GPU = "no GPU"
KINDS = (NO_DATA, NO_GPU, "no numba-cuda")
"""Reasons for skipping that are counted apart."""


class Finished(NamedTuple):
    """A command that ran."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        assert self.stdout.count("\n") == 1, self.stdout + self.stderr
        result: dict[str, Any] = json.loads(self.stdout)
        return result


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with real data sets: $NUMBACNN_TEST_DATA, else shared/data beside the repository."""
    folder = Path(os.environ.get("NUMBACNN_TEST_DATA") or REPOSITORY.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"{NO_DATA}: NUMBACNN_TEST_DATA names no folder")
    return folder


@pytest.fixture(scope="session")
def command_line() -> tuple[list[str], dict[str, str]]:
    """How to start numbacnn as its own process: arguments and environment."""
    paths = [str(REPOSITORY), str(REPOSITORY / "cli"), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    return [sys.executable, "-m", "numbacnn_cli"], environment


@pytest.fixture
def run_cli(tmp_path: Path, command_line: tuple[list[str], dict[str, str]]) -> Callable[..., Finished]:
    """Runs numbacnn as its own process in `cwd`, an empty folder if None, and waits for it."""

    def run(*arguments: object, cwd: Path | None = None, **environment: str) -> Finished:
        command, inherited = command_line
        done = subprocess.run(
            [*command, *map(str, arguments)],
            cwd=cwd or tmp_path,
            env={**inherited, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=600,
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    return run


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reasons = [str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", [])]
    kinds = Counter(next((kind for kind in KINDS if kind in reason), "other reasons") for reason in reasons)
    listed = ", ".join(f"{count} for {kind}" for kind, count in sorted(kinds.items()))
    terminalreporter.write_line(f"skipped tests: {len(reasons)}{f' ({listed})' if reasons else ''}")
