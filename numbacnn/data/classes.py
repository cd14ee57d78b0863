"""Matches the classes of a data set with the classes of a network by their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import DataError, cut

NAMES_LISTED = 10

ABSENT = -1
"""The index for a class that has no pictures and no class of the same name."""


SYNSET = re.compile(r"n\d{8}(?!\d)")
"""A pattern for WordNet's number of a noun, with which names of ImageNet's classes begin: "n01440764 tench, Tinca
tinca".
"""


def match_classes(own: Sequence[str], known: Sequence[str], used: Iterable[int]) -> Any:
    """Returns, for each of a data set's `own` classes, the index among the classes `known` to a network: int64
    (classes,).

    Names are compared exactly. A name of the network that begins with WordNet's number or has commas is also found by
    that number and by each of its words ("tench" is "n01440764 tench, Tinca tinca"). Where classes are
    `matched_by_index`, names are not compared. Only classes that are `used` must be found; others may become ABSENT.
    Raises DataError that names the classes that the network does not know, or that could be several.
    """
    used = list(used)
    if matched_by_index(own, known):
        if max(used) >= len(known):
            raise DataError(f"a label is {max(used)}, and the network has {len(known)} classes")
        return np.arange(len(own))
    exact = {name: place for place, name in enumerate(known)}
    places: dict[str, set[int]] = {}
    if not set(own) <= exact.keys():
        for place, name in enumerate(known):
            for word in _words(name) if SYNSET.match(name) or "," in name else ():
                places.setdefault(word, set()).add(place)
    found = [{exact[name]} if name in exact else _places_of(name, places) for name in own]
    strange = [own[index] for index in used if not found[index]]
    if strange:
        raise DataError(
            f"the network does not know these classes: {_listed(strange)}; it knows {_listed(known)}"
        )
    for index in used:
        if len(found[index]) > 1:
            several = [known[place] for place in sorted(found[index])]
            raise DataError(f"class '{cut(own[index])}' may be several of the network's: {_listed(several)}")
    return np.array([min(each) if len(each) == 1 else ABSENT for each in found], np.int64)


def short_name(name: str) -> str:
    """Returns the everyday name of a class of ImageNet, "tench" of "n01440764 tench, Tinca tinca"; the whole name of
    other classes.
    """
    number = SYNSET.match(name)
    if number is None:
        return name
    return name[number.end() :].strip(" _,").split(",")[0].strip() or name


def _words(name: str) -> list[str]:
    """Returns the other names of a class: WordNet's number, all that follows it, and the words between commas."""
    number = SYNSET.match(name)
    rest = name[number.end() :] if number else name
    words = [rest, *rest.split(",")]
    plain = [" ".join(word.replace("_", " ").casefold().split()) for word in words]
    return [*([number[0]] if number else []), *(word for word in plain if word)]


def _places_of(name: str, places: Mapping[str, set[int]]) -> set[int]:
    """Returns the indices of the classes that have the first of a name's words that any class has."""
    return next((places[word] for word in _words(name) if word in places), set())


def matched_by_index(own: Sequence[str], known: Sequence[str]) -> bool:
    """Returns whether class i is class i: the names differ, but those of one side, "0", "1", ..., only stand in for
    names.
    """
    return not set(own) <= set(known) and (_are_stand_ins(own) or _are_stand_ins(known))


def _are_stand_ins(names: Sequence[str]) -> bool:
    """Returns whether classes are called "0", "1", ... in this order, as classes without names are."""
    return all(name == str(index) for index, name in enumerate(names))


def _listed(names: Sequence[str]) -> str:
    more = len(names) - NAMES_LISTED
    return ", ".join(cut(name) for name in names[:NAMES_LISTED]) + (f" and {more} more" if more > 0 else "")
