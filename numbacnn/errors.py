"""Every error that numbacnn raises on purpose.

NumbacnnError
├── UsageError      options that contradict each other or name nothing that exists
├── ShapeError      sizes that do not fit: a window, a join, a product
├── NetworkError    a network's definition: an unknown layer or option, a missing input, a cycle
├── DataError       a data set or a picture: says which file, which field, which index
├── ModelError      a file of weights that is damaged, foreign or does not fit its architecture
├── DeviceError     a device that is not there or failed
│   └── NotEnoughMemory   what was asked for takes more memory than is free
├── FetchError      a file that cannot be fetched, or is not the one that was published
└── TrainingError   a run that cannot go on: a loss that is not finite, a run folder that is not one

A message says what was given, what was expected and what to do, in one line where one will do.
"""

from __future__ import annotations

import difflib
import operator
import re
import unicodedata
from collections.abc import Iterable

MAX_MESSAGE = 20_000
"""Characters; what a file or a caller puts into a message may be of any length."""

_LONG_WORD = re.compile(r"\S{1000,}")
_LONGEST_GUESS = 64
"""Characters of a name for which a similar one is looked for; that takes time with the square of its length."""
_NAMES_LISTED = 30

_NOT_SHOWN = frozenset(("Cc", "Cs", "Zl", "Zp"))
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Categories and signs of Unicode that are written as escapes; the signs are those of the property Bidi_Control."""


class NumbacnnError(Exception):
    """Base of the errors above; the command line prints it as ``error: …`` and exits with 1."""

    def __init__(self, message: str = "") -> None:
        message = _LONG_WORD.sub(lambda found: cut(found[0], 200), message)
        super().__init__("\n".join(cut(line, MAX_MESSAGE) for line in message.split("\n")))


class UsageError(NumbacnnError):
    """Bad usage; the command line exits with 2."""


class ShapeError(NumbacnnError, ValueError):
    """Sizes that do not fit."""


class NetworkError(NumbacnnError, ValueError):
    """A network definition that cannot be built."""


class DataError(NumbacnnError, ValueError):
    """A data set or a picture that cannot be used as it is."""


class ModelError(NumbacnnError, ValueError):
    """A file of weights that cannot be used as it is."""


class DeviceError(NumbacnnError, RuntimeError):
    """A device that is not usable."""


class NotEnoughMemory(DeviceError):
    """A request takes more memory than is free; the message says how much, before any is taken.

    `by_pictures`: that many pictures at a time are too much, and fewer take less.
    """

    def __init__(self, message: str = "", *, by_pictures: bool = False) -> None:
        super().__init__(message)
        self.by_pictures = by_pictures


class FetchError(NumbacnnError, OSError):
    """A file that cannot be fetched, or is not the one that was published."""


class TrainingError(NumbacnnError, RuntimeError):
    """A training run that cannot start or go on."""


def cut(given: object, length: int = 80) -> str:
    """The text of `given`; what is longer than `length` characters loses its middle, and says how long it was.

    Control characters, which a terminal would obey, are written as Python escapes.
    """
    text = str(given)
    if len(text) <= length:
        return without_controls(text)
    end = length // 4
    return without_controls(f"{text[: length - end]}…{text[-end:]} ({len(text):,} characters)")


def without_controls(text: str) -> str:
    """The text on one line, with escapes for what a terminal would obey or cannot show.

    Those are control characters, ends of lines, what turns the direction of text round, and the bytes of names that are
    no UTF-8 (which Python has as surrogates).
    """
    if text.isprintable():
        return text
    return "".join(
        each.encode("unicode_escape").decode()
        if unicodedata.category(each) in _NOT_SHOWN or each in _DIRECTIONS
        else each
        for each in text
    )


def nearest(given: object, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` for the known name nearest to the one given, else the list of them."""
    names = sorted(known)
    text = str(given)
    close = difflib.get_close_matches(text, names, n=1) if len(text) <= _LONGEST_GUESS else []
    if close:
        return f"; did you mean '{cut(close[0])}'?"
    listed = ", ".join(cut(name) for name in names[:_NAMES_LISTED])
    more = len(names) - _NAMES_LISTED
    return f"; known: {listed}{f' and {more} more' if more > 0 else ''}"


def need_whole(name: str, value: object, least: int = 1, most: int | None = None) -> None:
    """Raises UsageError unless a number that a caller gave is whole, at least `least` and at most `most`."""
    expected = f"a whole number of at least {least} is expected"
    if most is not None:
        expected = f"a whole number from {least} to {most} is expected"
    try:
        whole = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise UsageError(f"{name} {cut(repr(value))}: {expected}") from None
    if isinstance(value, bool) or whole < least or (most is not None and whole > most):
        raise UsageError(f"{name} {cut(repr(value))}: {expected}")
