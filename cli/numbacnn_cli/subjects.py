"""The pictures that a command is about: IMAGE files, or some of a data set's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .captions import chosen_fact, data_fact, joined
from .opening import OpenedModel, open_data
from .options import Given, Ranges
from .output import Output
from .pictures import Pictures, fits_a_figure, from_data, from_files, indices_of, only_data, only_files

Choice = Callable[[int], tuple[Sequence[int], str]]
"""How many pictures a split has -> those that are taken where none are asked for, and what a figure says of them."""


@dataclass(frozen=True)
class Subjects:
    """Pictures, and a figure's description of where they come from."""

    pictures: Pictures
    source: str
    from_files: bool


def the_first(count: int) -> Choice:
    """Chooses the first `count` pictures of a split."""

    def choose(size: int) -> tuple[Sequence[int], str]:
        chosen = range(min(count, size))
        return chosen, "the first picture" if len(chosen) == 1 else f"the first {len(chosen)} pictures"

    return choose


def at_even_distances(count: int, split: str, given: Given, out: Output) -> Choice:
    """Chooses --count pictures of a split at even distances, so that a set sorted by class gives some of every class."""

    def choose(size: int) -> tuple[Sequence[int], str]:
        taken = given.count(count, size, f"the {split} split", out)
        return [place * size // taken for place in range(taken)], f"{taken} pictures at even distances"

    return choose


def check_subjects(images: Sequence[Path], given: Given, most: int | None = None, *more: str) -> None:
    """Before a model is opened: options of IMAGE files and of a data set do not go together. Raises UsageError.

    `most` is how many pictures a figure holds; `more` are further options that are about a data set.
    """
    if not images:
        only_data(given)
        return
    only_files(given, "data", "split", "index", *more)
    if most is not None:
        fits_a_figure(len(images), "pictures", most)


def find_subjects(
    opened: OpenedModel,
    images: Sequence[Path],
    data: str | None,
    split: str,
    index: Ranges | None,
    choice: Choice,
    *,
    as_is: bool,
    out: Output,
    most: int | None = None,
) -> Subjects:
    """IMAGE files, else pictures of the data set: those of --index, or of `choice`. Raises UsageError or DataError."""
    network = opened.network
    if images:
        pictures, source = from_files(network, images, out, as_is=as_is)
        if most is not None:
            fits_a_figure(len(pictures.names), "pictures", most)
        return Subjects(pictures, source, True)
    dataset = open_data(data, opened, out)
    if index is None:
        chosen, how = choice(len(dataset.split(split)))
    else:
        chosen, how = indices_of(index, dataset, split), ""
    if most is not None:
        fits_a_figure(len(chosen), "pictures", most)
    which = chosen_fact(chosen, asked=index is not None, how=how)
    return Subjects(
        from_data(network, dataset, split, chosen), joined(data_fact(dataset, split), which), False
    )
