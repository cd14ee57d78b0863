"""Options of attacks: fields of their dataclasses that say what they mean and which values make sense."""

from __future__ import annotations

import dataclasses
import math
import numbers
from typing import Any

from ..errors import UsageError, cut, nearest, need_whole


def option(default: Any, help: str, *, least: float = 0, most: float = math.inf) -> Any:
    """An option with its help, and from where to where its numbers make sense. Words are those of its Literal type."""
    return dataclasses.field(default=default, metadata={"help": help, "least": least, "most": most})


def own_options(kind: type[Any]) -> list[dataclasses.Field[Any]]:
    """The fields that `option` made, in order."""
    return [each for each in dataclasses.fields(kind) if "help" in each.metadata]


def check(attack: Any) -> None:
    """Raises UsageError for an option that cannot be meant; whole numbers and numbers are told by the default's type."""
    for each in own_options(type(attack)):
        value, least, most = getattr(attack, each.name), each.metadata["least"], each.metadata["most"]
        name = f"--{each.name.replace('_', '-')}"
        if value is None and each.default is None:
            continue
        if isinstance(each.default, (bool, str)):
            if type(value) is not type(each.default):
                raise UsageError(f"{name} {cut(repr(value))}: {type(each.default).__name__} is expected")
        elif isinstance(each.default, int):
            need_whole(name, value, int(least), None if most == math.inf else int(most))
        elif (
            isinstance(value, bool)
            or not isinstance(value, numbers.Real)
            or not least <= float(value) <= most
        ):
            expected = f"{least:g} to {most:g}" if most < math.inf else f"a number of at least {least:g}"
            raise UsageError(f"{name} {cut(repr(value))}: {expected} is expected")
        elif value == math.inf:
            raise UsageError(f"{name} {value}: a finite number is expected")


def one_of(name: str, value: object, known: tuple[str, ...]) -> None:
    """Raises UsageError unless the value is one of the words."""
    if value not in known:
        raise UsageError(f"unknown {name} '{cut(value)}'{nearest(value, known)}")
