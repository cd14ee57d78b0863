"""One run that is killed, gone on with, and compared with the run that nobody killed."""

from __future__ import annotations

import io
import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from numbacnn.errors import NumbacnnError
from numbacnn.storage import load_checkpoint, load_model
from numbacnn_cli.__main__ import main

from .system_calls import Call, killed_at

TIMES = ("seconds", "waiting", "images_per_second", "waiting_share")
"""What differs from run to run."""

REPOSITORY = Path(__file__).parent.parent.parent


def environment() -> dict[str, str]:
    """That of a command: numbacnn is this repository's, and people's lines are written at once."""
    paths = [str(REPOSITORY), str(REPOSITORY / "cli"), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONUNBUFFERED": "1"}


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "numbacnn_cli", *map(str, arguments)]


def run_here(*arguments: object) -> dict[str, Any]:
    """Runs a command in this process, which has all imported already; its JSON."""
    with redirect_stdout(io.StringIO()) as shown, redirect_stderr(io.StringIO()):
        main([*map(str, arguments), "--json"])
    found: dict[str, Any] = json.loads(shown.getvalue())
    return found


class Trial:
    """A run in `folder`/run with the settings `train`, its kills, and what was found wrong about it afterwards."""

    def __init__(self, folder: Path, train: Sequence[str], whole: Path) -> None:
        self.folder, self.run, self.whole = folder, folder / "run", whole
        self._train = train
        self.wrong: list[str] = []

    def begun(self) -> list[str]:
        """The options that begin the run, or go on with what there is of it."""
        goes_on = (self.run / "config.toml").exists()
        return ["train", "--resume", str(self.run)] if goes_on else [*self._train, "--run", str(self.run)]

    def kill_at(self, call: Call) -> None:
        """Kills the run when its main thread makes that system call."""
        with self._shown().open("ab") as shown:
            subprocess.run(
                killed_at(call, command(*self.begun())),
                env=environment(),
                stdout=shown,
                stderr=shown,
                check=False,
            )
        self._check_what_is_left()

    def kill_after(self, seconds: float) -> None:
        """Kills the run after so long."""
        with self._shown().open("ab") as shown:
            process = subprocess.Popen(command(*self.begun()), env=environment(), stdout=shown, stderr=shown)
            time.sleep(seconds)
            process.kill()
            process.wait()
        self._check_what_is_left()

    def finish(self) -> None:
        """Goes on to the end, and compares."""
        result = run_here(*self.begun())
        expected = json.loads((self.whole.parent / "result.json").read_text())
        for name in ("epochs", "best_epoch", "validation", "test"):
            if result.get(name) != expected[name]:
                self.wrong.append(f"{name} is {result.get(name, result.get('error'))}, not {expected[name]}")
        if "error" not in result:
            self._compare()

    def _shown(self) -> Path:
        return self.folder / "shown.log"

    def _check_what_is_left(self) -> None:
        """Every file is whole, and every epoch that was said to be done is saved."""
        said = re.findall(r"^epoch +(\d+)", self._shown().read_text(errors="replace"), re.MULTILINE)
        saved = 0
        try:
            if (self.run / "model.h5").exists():
                load_model(self.run / "model.h5")
            if (self.run / "last.h5").exists():
                saved = load_checkpoint(self.run / "last.h5").record["state"]["epoch"]
        except NumbacnnError as error:
            self.wrong.append(f"damaged: {error}")
        if said and int(said[-1]) > saved:
            self.wrong.append(f"epoch {said[-1]} was said to be done, and {saved} are saved")

    def _compare(self) -> None:
        names = [{path.name for path in folder.iterdir()} for folder in (self.run, self.whole)]
        if names[0] != names[1]:
            self.wrong.append(f"other files: {sorted(names[0] ^ names[1])}")
            return
        if (self.run / "model.h5").read_bytes() != (self.whole / "model.h5").read_bytes():
            self.wrong.append("model.h5 has other bits")
        one, other = (load_checkpoint(folder / "last.h5") for folder in (self.run, self.whole))
        if _untimed(one.record) != _untimed(other.record):
            self.wrong.append("the record of last.h5 differs")
        if one.extra.keys() != other.extra.keys() or any(
            not np.array_equal(array, other.extra[name]) for name, array in one.extra.items()
        ):
            self.wrong.append("velocity or best weights have other bits")
        network, record = load_model(self.run / "model.h5")
        for name, array in network.graph.snapshot().items():
            if not np.array_equal(array, one.extra[f"best/{name}"]):
                self.wrong.append(f"model.h5 is not the best model: {name}")
        if record["best_epoch"] != one.record["state"]["best_epoch"]:
            self.wrong.append("model.h5 is not of the best epoch")


def _untimed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _untimed(each) for name, each in value.items() if name not in TIMES}
    return [_untimed(each) for each in value] if isinstance(value, list) else value


def random_kills(trial: Trial, whole_seconds: float, chance: random.Random) -> str:
    """One to three kills at any time of the run and of what goes on with it."""
    after = [chance.uniform(0, whole_seconds) for _ in range(chance.choice((1, 1, 2, 3)))]
    for seconds in after:
        trial.kill_after(seconds)
    return "after " + ", ".join(f"{seconds:.2f} s" for seconds in after)
