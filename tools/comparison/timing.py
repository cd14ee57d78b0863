"""Sides that take turns, so that what else the machine does falls on all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Act = Callable[[], Any]

WARMING = 3
"""Calls before any is timed: a traced program is compiled at its second."""

REST = 0.3
"""Seconds before a turn of rivals on the CPU, in which the threads of the side before fall asleep: some turn in circles for a while,
waiting for work.
"""


class Seconds(NamedTuple):
    """Of one call: the median and the least over the rounds."""

    median: float
    least: float


def seconds(act: Act) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def in_turns(sides: Mapping[str, Act], rounds: int, turn: float, *, rest: float = 0.0) -> dict[str, Seconds]:
    """Each side's seconds a call; in every round each rests for `rest` seconds and calls for about `turn` seconds, once at least."""
    repeats = {}
    for key, act in sides.items():
        quickest = min(seconds(act) for _ in range(WARMING))
        repeats[key] = max(1, round(turn / quickest))
    times: dict[str, list[float]] = {key: [] for key in sides}
    for _ in range(rounds):
        for key, act in sides.items():
            time.sleep(rest)
            act()  # the side before has filled the caches with its own
            times[key].append(sum(seconds(act) for _ in range(repeats[key])) / repeats[key])
    return {key: Seconds(statistics.median(values), min(values)) for key, values in times.items()}


def ratios(times: Mapping[str, Seconds], ours: str = "numbacnn") -> dict[str, float]:
    """How many times as fast as the best other side `ours` is: above 1 is faster.

    `ratio` compares medians; `ratio_of_the_best` each side's least.
    """
    others = [value for key, value in times.items() if key != ours]
    return {
        "ratio": min(other.median for other in others) / times[ours].median,
        "ratio_of_the_best": min(other.least for other in others) / times[ours].least,
    }
