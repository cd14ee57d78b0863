"""What is done for each thread by itself: a function of NumPy on the registers of all active threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .errors import UnknownError
from .parser import Instruction
from .registers import Frame
from .threads import Active, Run, Threads


def by_ufunc(function: Callable[..., Any], target: int, *sources: int) -> Run:
    """A function as NumPy's are, that gives the register's own type: written in place where all threads take part."""

    def run(threads: Threads, active: Active) -> None:
        values = threads.values
        if active.where is True:
            function(*[values[source] for source in sources], values[target])
        else:
            np.copyto(values[target], function(*[values[source] for source in sources]), where=active.where)

    return run


def by_value(function: Callable[..., Any], target: int, *sources: int) -> Run:
    """Any function of arrays; its result is cast as C casts it."""

    def run(threads: Threads, active: Active) -> None:
        values = threads.values
        result = function(*[values[source] for source in sources])
        np.copyto(values[target], result, casting="unsafe", where=active.where)

    return run


def operands(frame: Frame, instruction: Instruction, kind: str, count: int) -> tuple[int, list[int]]:
    """(place of the result, places of so many operands), all of one type."""
    target, *sources = instruction.operands
    if len(sources) != count:
        raise UnknownError(instruction.text)
    return frame.target(target, kind), [frame.source(source, kind) for source in sources]
