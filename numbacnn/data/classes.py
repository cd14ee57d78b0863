"""Which class of a network is meant by a class of a data set: the one of the same name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..errors import DataError, cut

NAMES_LISTED = 10

ABSENT = -1
"""The place of a class that has no pictures and no namesake."""


def match_classes(own: Sequence[str], known: Sequence[str], used: Iterable[int]) -> Any:
    """The place among the classes `known` to a network of each of a data set's `own` classes: (classes,) int64.

    Names are compared letter by letter, unless classes are `matched_by_index`. Only classes that are `used` have to be
    there; others may get ABSENT. Raises DataError naming those that the network does not know.
    """
    used = list(used)
    if matched_by_index(own, known):
        if max(used) >= len(known):
            raise DataError(f"a label is {max(used)}, and the network has {len(known)} classes")
        return np.arange(len(own))
    places = {name: place for place, name in enumerate(known)}
    strange = [own[index] for index in used if own[index] not in places]
    if strange:
        raise DataError(
            f"the network does not know these classes: {_listed(strange)}; it knows {_listed(known)}"
        )
    return np.array([places.get(name, ABSENT) for name in own], np.int64)


def matched_by_index(own: Sequence[str], known: Sequence[str]) -> bool:
    """Whether class i is class i, as the names differ and those of one side, "0", "1", …, only stand in for names."""
    return not set(own) <= set(known) and (_are_stand_ins(own) or _are_stand_ins(known))


def _are_stand_ins(names: Sequence[str]) -> bool:
    """Whether classes are called "0", "1", … in this order, as those without names are."""
    return all(name == str(index) for index, name in enumerate(names))


def _listed(names: Sequence[str]) -> str:
    more = len(names) - NAMES_LISTED
    return ", ".join(cut(name) for name in names[:NAMES_LISTED]) + (f" and {more} more" if more > 0 else "")
