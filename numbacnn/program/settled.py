"""Steps that need not be carried out in every pass: those that follow from parameters, buffers and tables alone.

A program that learns nothing carries them out before a pass forward only where some number of the graph may have changed since it
last did (`loans.Loans`). What they write has memory of its own, as long as the program lives, if other steps read it;
what only they themselves read shares memory with the passes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..ops.operands import Key, Step
from .emission import GRADIENT, OUTPUT


def settled(lists: Iterable[Sequence[Step]]) -> set[Key]:
    """The Storages that hold the same in every pass as long as no parameter or buffer changes: in each of a program's lists all that is
    written to them follows from these alone.
    """
    steps = [step for each in lists for step in each]
    found = {
        operand.storage.key
        for step in steps
        for operand in step.writes()
        if operand.storage.array is None
        and operand.storage.key[0]
        and operand.storage.key[1] not in (OUTPUT, GRADIENT)
    }
    while True:
        passing = {
            operand.storage.key for step in steps if not _is_settled(step, found) for operand in step.writes()
        }
        if not found & passing:
            return found
        found -= passing


def divided(steps: Iterable[Step], settled: set[Key]) -> tuple[list[Step], list[Step]]:
    """(the steps that write settled Storages, at times before every pass; the others)."""
    before, left = list[Step](), list[Step]()
    for step in steps:
        (before if _is_settled(step, settled) else left).append(step)
    return [replace(step, time=place - len(before)) for place, step in enumerate(before)], left


def writes_to_graph(steps: Iterable[Step]) -> bool:
    """Whether any of the steps writes parameters or buffers, as the statistics of a batch do."""
    return any(operand.storage.array is not None for step in steps for operand in step.writes())


def _is_settled(step: Step, settled: set[Key]) -> bool:
    if step.kernel is None or not any(True for _ in step.writes()):
        return False
    written = [operand.storage for operand in step.writes()]
    return all(each.key in settled for each in written) and all(
        operand.storage.array is not None or operand.storage.key in settled for operand in step.accesses()
    )
