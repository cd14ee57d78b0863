"""Kills training runs, at any time and between any two system calls that write, goes on with them, and compares.

    python tools/kills.py 200

What is expected: nothing that was said to be done is lost, no file is damaged, the run that goes on ends with the bits of
the run that nobody killed, and its model is the best one. Kills at system calls need strace; without it, all are at random
times. Ends with 1 if anything was wrong.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from killing.system_calls import Call, available, calls_that_write
from killing.trial import Trial, command, environment, random_kills, run_here

RECIPES = {
    "every epoch is better": ["--learning-rate", "0.12"],
    "the second is the best": ["--batch-size", "8", "--learning-rate", "0.06"],
}
"""Runs of three epochs on the digits."""


class Whole(NamedTuple):
    """A run that nobody killed, in a folder with its result beside it: what it takes, and where it writes."""

    folder: Path
    train: list[str]
    seconds: float
    calls: list[Call]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kills", type=int, help="how many runs are killed")
    parser.add_argument("--seed", type=int, default=0, help="of the times and the system calls")
    options = parser.parse_args()
    if options.kills < 1:
        parser.error(f"kills {options.kills}: at least 1 is expected")
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        return campaign(Path(folder), options.kills, random.Random(options.seed))


def campaign(folder: Path, kills: int, chance: random.Random) -> int:
    """Kills that many runs, prints what was found, and returns the exit code."""
    wrong = 0
    for place, (what, options) in enumerate(RECIPES.items()):
        here = folder / str(place)
        here.mkdir()
        whole = undisturbed(here, ["train", "--network", "digits", "--epochs", "3", *options])
        share = (kills + 1 - place) // len(RECIPES)
        chosen = spread(whole.calls, share // 2, chance)
        print(
            f"{what}: {whole.seconds:.1f} s, {len(whole.calls)} system calls that write; {len(chosen)} runs are killed at "
            f"one of them, {share - len(chosen)} at random times",
            flush=True,
        )
        wrong += sum(
            is_wrong(here, whole, call, chance) for call in [*chosen, *[None] * (share - len(chosen))]
        )
    print(f"{kills} runs killed, {wrong} with anything wrong")
    return 1 if wrong else 0


def undisturbed(folder: Path, train: list[str]) -> Whole:
    """The run as nobody kills it, once in this process and once in its own."""
    result = run_here(*train, "--run", folder / "whole")
    (folder / "result.json").write_text(json.dumps(result))
    begun = time.monotonic()
    timed = command(*train, "--run", folder / "timed")
    subprocess.run(timed, env=environment(), check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - begun
    calls: list[Call] = []
    if available():
        run = folder / "counted"
        calls = calls_that_write(command(*train, "--run", run), environment(), folder / "calls.log", run)
    return Whole(folder / "whole", train, seconds, calls)


def spread(calls: list[Call], count: int, chance: random.Random) -> list[Call]:
    """As many of the calls, from all of the run; every rename among them first, as a file changes there."""
    renames = [call for call in calls if call.name.startswith("rename")]
    others = [call for call in calls if not call.name.startswith("rename")]
    chance.shuffle(others)
    return [*renames, *others][:count]


def is_wrong(folder: Path, whole: Whole, call: Call | None, chance: random.Random) -> bool:
    """Kills a run at a call, or at random times; whether anything was wrong with what was left or came of it."""
    place = folder / "killed"
    place.mkdir()
    trial = Trial(place, whole.train, whole.folder)
    if call is None:
        how = random_kills(trial, whole.seconds, chance)
    else:
        how = f"at {call.name} number {call.number}"
        trial.kill_at(call)
    trial.finish()
    for each in trial.wrong:
        print(f"  killed {how}: {each}", flush=True)
    shutil.rmtree(place)
    return bool(trial.wrong)


if __name__ == "__main__":
    sys.exit(main())
