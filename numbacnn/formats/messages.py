"""One message of a description, be it binary or text: fields by name, each with its values in order."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ModelError, cut

_LARGEST = 1 << 62


class Message:
    """Fields by name. A value is a number, a text, bytes, an array or a Message; of a text file numbers are texts too.

    `where` says where it stands: a file, and of a text file the line. What is asked for as a number and is none is a
    ModelError that says so.
    """

    def __init__(self, fields: Mapping[str, Sequence[Any]], where: str) -> None:
        self.fields, self.where = fields, where

    def __contains__(self, name: str) -> bool:
        return bool(self.fields.get(name))

    def all(self, name: str) -> list[Any]:
        """Every value of a field, in order."""
        return list(self.fields.get(name, ()))

    def messages(self, name: str) -> list[Message]:
        """Every message of a field."""
        for each in self.all(name):
            if not isinstance(each, Message):
                raise ModelError(f"{self.where}: {name} = {cut(repr(each))}: {name} {{ … }} is expected")
        return self.all(name)

    def message(self, name: str) -> Message:
        """The last message of a field; an empty one where there is none."""
        found = self.messages(name)
        return found[-1] if found else Message({}, self.where)

    def text(self, name: str, default: str = "") -> str:
        """The last value of a field as text."""
        found = self.all(name)
        return self._text(name, found[-1]) if found else default

    def texts(self, name: str) -> list[str]:
        """Every value of a field as text."""
        return [self._text(name, each) for each in self.all(name)]

    def whole(self, name: str, default: int = 0) -> int:
        """The last value of a field as a whole number."""
        found = self.wholes(name)
        return found[-1] if found else default

    def wholes(self, name: str) -> list[int]:
        """Every value of a field as a whole number."""
        return [self._whole(name, each) for each in self.all(name)]

    def number(self, name: str, default: float = 0.0) -> float:
        """The last value of a field as a number."""
        found = self.numbers(name)
        return found[-1] if found else default

    def numbers(self, name: str) -> list[float]:
        """Every value of a field as a number."""
        return [self._number(name, each) for each in self.all(name)]

    def flag(self, name: str, default: bool = False) -> bool:
        """The last value of a field as true or false."""
        found = self.all(name)
        if not found:
            return default
        known = {"true": True, "false": False, "1": True, "0": False, "t": True, "f": False}
        value = str(int(found[-1]) if isinstance(found[-1], (bool, int)) else found[-1]).lower()
        if value not in known:
            raise self._wrong(name, found[-1], "true or false")
        return known[value]

    def choice(self, name: str, names: Sequence[str], default: int = 0) -> str:
        """The last value of an enumeration whose values are `names`, counted from 0, by its name."""
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
