"""Rows of whole passes, one after the other, for as long as there is time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Rows = tuple[Sequence[str], Iterator[dict[str, Any]]]
"""The passes of a network by name, and their rows in that order, each measured when it is asked for."""


class Disagreement(Exception):
    """The two sides compute different things, so that their times say nothing."""


def within(
    networks: Mapping[str, Rows], seconds: float, now: Callable[[], float] = time.monotonic
) -> Iterator[dict[str, Any]]:
    """{"passes": row} for each row that is begun before the time is over, {"not_measured": "lenet: forward"} for the others,
    and {"disagreements": message} in place of the rows of a network whose two sides disagree.
    """
    end = now() + seconds
    for name, (passes, rows) in networks.items():
        try:
            for done in range(len(passes)):
                if now() >= end:
                    yield {"not_measured": f"{name}: {', '.join(passes[done:])}"}
                    break
                yield {"passes": next(rows)}
        except Disagreement as error:
            yield {"disagreements": str(error)}
