"""What rewrites ask of a program's steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from ..ops.operands import Key, Step

Root = Callable[[Key], Key]
"""Storage -> the one whose memory it lies in."""


def named(step: Step) -> dict[str, Any]:
    """A step's arguments by their names."""
    assert step.kernel is not None
    return dict(zip(step.kernel.parameters, step.arguments, strict=True))


def with_arguments(step: Step, **changed: Any) -> Step:
    """The step with other arguments in the place of those of these names."""
    return replace(step, arguments=tuple((named(step) | changed).values()))


def by_node(steps: Iterable[Step]) -> dict[str, list[Step]]:
    """Node -> its steps, in order."""
    found: dict[str, list[Step]] = {}
    for step in steps:
        found.setdefault(step.node, []).append(step)
    return found


def users(steps: Iterable[Step], root: Root = lambda key: key) -> dict[Key, list[int]]:
    """Storage, or what `root` makes of it -> the places of the steps that access it, in order."""
    found: dict[Key, list[int]] = {}
    for place, step in enumerate(steps):
        for key in {root(operand.storage.key) for operand in step.accesses()}:
            found.setdefault(key, []).append(place)
    return found
