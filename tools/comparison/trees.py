"""Two checkouts of numbacnn in turns, each in a process of its own that times itself.

A process is `python tools/comparison/trees.py`, with the checkout and its `tools` on PYTHONPATH: it runs what the checkout's own
`comparison.ours` runs. It reads tasks as lines of JSON: {"network", "batch_size", "shape", "classes"} to get ready,
{"pass", "seconds"} to run a pass for so long, and answers with the seconds that one took.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

PASSES = ("train", "forward")


class Process:
    """One checkout's."""

    def __init__(self, root: Path, threads: int) -> None:
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(map(str, (root, root / "cli", root / "tools"))),
            "NUMBA_NUM_THREADS": str(threads),
        }
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            cwd=root,
            text=True,
        )

    def ask(self, **task: Any) -> float:
        """The process's answer to a task. Raises RuntimeError if it ended."""
        given, answers = self._process.stdin, self._process.stdout
        assert given is not None
        assert answers is not None
        print(json.dumps(task), file=given, flush=True)
        line = answers.readline()
        if not line:
            raise RuntimeError(f"the process of another checkout ended with {self._process.wait()}")
        return float(json.loads(line))

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def beside_itself(
    networks: Sequence[tuple[str, int]], other: Path, threads: int, rounds: int, turn: float
) -> Iterator[dict[str, Any]]:
    """A row for each pass of each network (name, batch size): images a second of this checkout and of the other."""
    from .ours import SMALL

    here = Path(__file__).parents[2]
    for name, count in networks:
        shape = SMALL.get(name)
        sides = {"numbacnn": Process(here, threads), str(other): Process(other, threads)}
        try:
            for side in sides.values():
                side.ask(network=name, batch_size=count, shape=shape, classes=10 if shape else None)
            for act in PASSES:
                for side in sides.values():
                    side.ask(**{"pass": act, "seconds": turn})
                times: dict[str, list[float]] = {key: [] for key in sides}
                for _ in range(rounds):
                    for key, side in sides.items():
                        times[key].append(side.ask(**{"pass": act, "seconds": turn}))
                ours, theirs = times.values()
                yield {
                    "network": name,
                    "pass": act,
                    "batch_size": count,
                    "images_per_second": {
                        key: count / statistics.median(values) for key, values in times.items()
                    },
                    "ratio": statistics.median(theirs) / statistics.median(ours),
                    "ratio_of_the_best": min(theirs) / min(ours),
                }
        finally:
            for side in sides.values():
                side.close()


def _serve(tasks: IO[str], answers: IO[str]) -> None:
    from comparison.ours import MEAN, SPREAD, Ours, noise  # of the checkout on PYTHONPATH
    from numbacnn.architectures import build
    from numbacnn.layers import Pixels

    side: Any = None
    for line in tasks:
        task = json.loads(line)
        answer = 0.0
        if "network" in task:
            shape = None if task["shape"] is None else tuple(task["shape"])
            pixels = Pixels(mean=MEAN, scale=1 / SPREAD)
            network = build(task["network"], input_shape=shape, classes=task["classes"], pixels=pixels)
            side = Ours(network, *noise(task["batch_size"], network.input_shape))
        else:
            act = getattr(side, task["pass"])
            act()  # the other process has filled the caches with its own
            begun, done = time.perf_counter(), 0
            while not done or time.perf_counter() - begun < task["seconds"]:
                act()
                done += 1
            answer = (time.perf_counter() - begun) / done
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    sys.path.pop(0)  # this file's own folder: the checkout's is on PYTHONPATH
    _serve(sys.stdin, sys.stdout)
