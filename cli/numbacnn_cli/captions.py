"""What stands below a figure: the model, the data and the options that made it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numbacnn import Dataset

NAMED_AT_MOST = 12


def joined(*facts: str) -> str:
    """Returns one line of the facts that are not empty."""
    return " · ".join(fact for fact in facts if fact)


def data_fact(dataset: Dataset, split: str) -> str:
    """Returns which split of which data set a figure shows."""
    return f"data {dataset.path or dataset.name}, {split}"


def chosen_fact(indices: Sequence[int], *, asked: bool, how: str = "") -> str:
    """Returns which pictures a figure shows, and who chose them: the user, or the command in the way that `how` says."""
    if not asked:
        return how
    named = ", ".join(map(str, indices[:NAMED_AT_MOST]))
    more = f" and {len(indices) - NAMED_AT_MOST} more" if len(indices) > NAMED_AT_MOST else ""
    return f"{'picture' if len(indices) == 1 else 'pictures'} {named}{more}, as asked for"
