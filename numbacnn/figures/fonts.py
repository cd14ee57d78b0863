"""Chooses the fonts of a text: matplotlib's own, and for characters that it lacks a font of the system that has them."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font

PREFERRED = (
    "Noto Sans", "Source Han Sans", "PingFang", "Hiragino Sans", "Apple SD Gothic Neo", "Microsoft YaHei", "Yu Gothic",
    "Malgun Gothic", "WenQuanYi", "Droid Sans", "Arial Unicode MS",
)  # fmt: skip
"""Families without serifs, of several systems, that are tried before all others."""

REGULAR = (400, 500, "normal", "regular", "book", "medium")
"""matplotlib's names of the weights that count as regular."""

LAST_RESORT = "Last Resort"
"""Unicode's font of boxes, which matplotlib brings; it has a box for every character."""


def families(text: str) -> tuple[str, ...]:
    """Returns the families to draw a text with, in order. Warns once if no font of this system has some of its
    characters.
    """
    usual = tuple(FontProperties().get_family())
    if text.isascii():
        return usual
    missing = frozenset(_without(_usual_characters(), text))
    return (*usual, *_fallbacks(missing)) if missing else usual


@contextmanager
def missing_characters_said_once() -> Iterator[None]:
    """Silences matplotlib's warnings about every glyph that no font has, which `families` has reported already, and
    about fallback fonts that have no bold weight.
    """
    log = logging.getLogger("matplotlib.font_manager")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font")
        log.addFilter(_is_no_matter_of_weight)
        try:
            yield
        finally:
            log.removeFilter(_is_no_matter_of_weight)


def _is_no_matter_of_weight(record: logging.LogRecord) -> bool:
    return "Failed to find font weight" not in record.getMessage()


@cache
def _usual_characters() -> frozenset[int]:
    return frozenset(get_font(findfont(FontProperties())).get_charmap())


def _without(known: frozenset[int] | set[int], text: str) -> Iterator[str]:
    return (letter for letter in text if not letter.isspace() and ord(letter) not in known)


@cache
def _fallbacks(missing: frozenset[str]) -> tuple[str, ...]:
    """Returns families that together have the characters; each is the one that has most of those that are still
    missing.
    """
    found: list[str] = []
    left = set(missing)
    while left:
        family, covered = _best(frozenset(left))
        if not covered:
            _say_missing("".join(sorted(left)[:5]))
            break
        found.append(family)
        left -= covered
    return tuple(found)


def _best(wanted: frozenset[str]) -> tuple[str, frozenset[str]]:
    best: tuple[str, frozenset[str]] = ("", frozenset())
    for family, path in _installed():
        characters = _characters(path)
        covered = frozenset(letter for letter in wanted if ord(letter) in characters)
        if covered == wanted:
            return family, covered
        if len(covered) > len(best[1]):
            best = family, covered
    return best


@cache
def _installed() -> list[tuple[str, str]]:
    """Returns (family, file) of every upright font of regular weight, preferred families first."""
    usable = {
        (entry.name, entry.fname)
        for entry in fontManager.ttflist
        if entry.style == "normal" and entry.weight in REGULAR and not entry.name.startswith(LAST_RESORT)
    }
    return sorted(usable, key=lambda font: (not font[0].startswith(PREFERRED), font))


@cache
def _characters(path: str) -> frozenset[int]:
    try:
        return frozenset(get_font(path).get_charmap())
    except (OSError, RuntimeError):  # a font that was removed, or that FreeType cannot read
        return frozenset()


def _say_missing(example: str) -> None:
    """Warns of missing characters, once in a process."""
    if _said:
        return
    _said.append(example)
    warnings.warn(
        f"no font of this system has '{example}', so figures show boxes for characters like these; a font such as "
        "Noto Sans CJK has them",
        stacklevel=2,
    )


_said: list[str] = []
