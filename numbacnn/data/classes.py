"""Which class of a network is meant by a class of a data set: the one of the same name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import DataError, cut

NAMES_LISTED = 10

ABSENT = -1
"""The place of a class that has no pictures and no namesake."""


SYNSET = re.compile(r"n\d{8}(?!\d)")
"""WordNet's number of a noun, with which names of ImageNet's classes begin: "n01440764 tench, Tinca tinca"."""


def match_classes(own: Sequence[str], known: Sequence[str], used: Iterable[int]) -> Any:
    """The place among the classes `known` to a network of each of a data set's `own` classes: (classes,) int64.

    Names are compared letter by letter. Those of the network that begin with WordNet's numbers or have commas are found by
    the number and by each of their words too ("tench" is "n01440764 tench, Tinca tinca"). All this unless classes are `matched_by_index`. Only classes that are `used`
    have to be there; others may get ABSENT. Raises DataError naming those that the network does not know, or that could be
    several.
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
    """What people call a class of ImageNet: "tench" of "n01440764 tench, Tinca tinca"; of others the whole name."""
    number = SYNSET.match(name)
    if number is None:
        return name
    return name[number.end() :].strip(" _,").split(",")[0].strip() or name


def _words(name: str) -> list[str]:
    """What a class may be called beside its name: its number, all that follows, and the words between commas."""
    number = SYNSET.match(name)
    rest = name[number.end() :] if number else name
    words = [rest, *rest.split(",")]
    plain = [" ".join(word.replace("_", " ").casefold().split()) for word in words]
    return [*([number[0]] if number else []), *(word for word in plain if word)]


def _places_of(name: str, places: Mapping[str, set[int]]) -> set[int]:
    """The classes of the first of a name's words that there are classes of."""
    return next((places[word] for word in _words(name) if word in places), set())


def matched_by_index(own: Sequence[str], known: Sequence[str]) -> bool:
    """Whether class i is class i, as the names differ and those of one side, "0", "1", …, only stand in for names."""
    return not set(own) <= set(known) and (_are_stand_ins(own) or _are_stand_ins(known))


def _are_stand_ins(names: Sequence[str]) -> bool:
    """Whether classes are called "0", "1", … in this order, as those without names are."""
    return all(name == str(index) for index, name in enumerate(names))


def _listed(names: Sequence[str]) -> str:
    more = len(names) - NAMES_LISTED
    return ", ".join(cut(name) for name in names[:NAMES_LISTED]) + (f" and {more} more" if more > 0 else "")
