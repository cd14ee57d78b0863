"""A message of a description, read from a binary file or from text: named fields, each with its values in order."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ModelError, cut

_LARGEST = 1 << 62


class Message:
    """Named fields and their values. A value is a number, a text, bytes, an array or a Message; in a text file numbers
    are texts, and are converted when they are asked for.

    `where` names the file, and of a text file the line. Every method that asks for a number raises ModelError with that
    place if the value is not one.
    """

    def __init__(self, fields: Mapping[str, Sequence[Any]], where: str) -> None:
        self.fields, self.where = fields, where

    def __contains__(self, name: str) -> bool:
        return bool(self.fields.get(name))

    def all(self, name: str) -> list[Any]:
        """Returns every value of a field, in order."""
        return list(self.fields.get(name, ()))

    def messages(self, name: str) -> list[Message]:
        """Returns every message of a field, in order."""
        for each in self.all(name):
            if not isinstance(each, Message):
                raise ModelError(f"{self.where}: {name} = {cut(repr(each))}: {name} {{ … }} is expected")
        return self.all(name)

    def message(self, name: str) -> Message:
        """Returns the last message of a field; an empty one if there is none."""
        found = self.messages(name)
        return found[-1] if found else Message({}, self.where)

    def text(self, name: str, default: str = "") -> str:
        """Returns the last value of a field as text."""
        found = self.all(name)
        return self._text(name, found[-1]) if found else default

    def texts(self, name: str) -> list[str]:
        """Returns every value of a field as text."""
        return [self._text(name, each) for each in self.all(name)]

    def whole(self, name: str, default: int = 0) -> int:
        """Returns the last value of a field as a whole number."""
        found = self.wholes(name)
        return found[-1] if found else default

    def wholes(self, name: str) -> list[int]:
        """Returns every value of a field as a whole number."""
        return [self._whole(name, each) for each in self.all(name)]

    def number(self, name: str, default: float = 0.0) -> float:
        """Returns the last value of a field as a float."""
        found = self.numbers(name)
        return found[-1] if found else default

    def numbers(self, name: str) -> list[float]:
        """Returns every value of a field as a float."""
        return [self._number(name, each) for each in self.all(name)]

    def flag(self, name: str, default: bool = False) -> bool:
        """Returns the last value of a field as a bool."""
        found = self.all(name)
        if not found:
            return default
        known = {"true": True, "false": False, "1": True, "0": False, "t": True, "f": False}
        value = str(int(found[-1]) if isinstance(found[-1], (bool, int)) else found[-1]).lower()
        if value not in known:
            raise self._wrong(name, found[-1], "true or false")
        return known[value]

    def choice(self, name: str, names: Sequence[str], default: int = 0) -> str:
        """Returns the name of the last value of an enumeration whose values are `names`, numbered from 0."""
        found = self.all(name)
        value = found[-1] if found else names[default]
        if isinstance(value, str) and value.isdecimal() and len(value) < 6:
            value = int(value)
        if isinstance(value, int) and 0 <= value < len(names):
            return names[value]
        if value not in names:
            raise self._wrong(name, value, " or ".join(names))
        return str(value)

    def _text(self, name: str, value: Any) -> str:
        if not isinstance(value, str):
            raise self._wrong(name, value, "a text")
        return value

    def _whole(self, name: str, value: Any) -> int:
        number = self._number(name, value)
        if number != int(number) or abs(number) > _LARGEST:
            raise self._wrong(name, value, "a whole number")
        return int(value) if isinstance(value, int) else int(number)

    def _number(self, name: str, value: Any) -> float:
        try:
            number = float(value) if isinstance(value, (int, float)) else float(str(value).rstrip("fF"))
        except (ValueError, OverflowError):
            number = math.nan
        if isinstance(value, Message) or not math.isfinite(number):
            raise self._wrong(name, value, "a number")
        return number

    def _wrong(self, name: str, value: Any, expected: str) -> ModelError:
        shown = "{ … }" if isinstance(value, Message) else repr(value)
        return ModelError(f"{self.where}: {name} = {cut(shown)}: {expected} is expected")
