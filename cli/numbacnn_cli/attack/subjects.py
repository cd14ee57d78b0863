"""Which pictures an attack command is about, and what figures and messages say of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import subjects
from ..opening import OpenedModel
from ..options import Given, Ranges
from ..output import Output
from ..pictures import class_index

if TYPE_CHECKING:
    from numbacnn.attacks import Attack


@dataclass(frozen=True)
class Subjects(subjects.Subjects):
    """Pictures, and the classes (N,) that count as right."""

    labels: Any


def check_subjects(images: Sequence[Path], given: Given) -> None:
    """Raises UsageError for options that are not about files, or not about a data set."""
    subjects.check_subjects(images, given, None, "count")


def find_subjects(
    opened: OpenedModel,
    images: Sequence[Path],
    data: str | None,
    split: str,
    index: Ranges | None,
    count: int,
    *,
    as_is: bool,
    given: Given,
    out: Output,
) -> Subjects:
    """Returns the pictures of the files, or of the data set. A file's true class is not known, so the network's answer
    counts as right. Raises UsageError or DataError.
    """
    from numbacnn.errors import UsageError

    if index is not None and given.place("count") != "default":
        raise UsageError("--index and --count: both say which pictures are meant; leave out one")
    choice = subjects.at_even_distances(count, split, given, out)
    found = subjects.find_subjects(opened, images, data, split, index, choice, as_is=as_is, out=out)
    labels = found.pictures.labels
    if labels is None:
        out.note("no labels are known: what the network says of each picture is taken for right")
        labels = opened.network.predict(found.pictures.images).argmax(axis=1)
    return Subjects(found.pictures, found.source, found.from_files, labels)


def attack_named(name: str, option: str = "--attack") -> type[Attack]:
    """Returns the attack that an option names. Raises UsageError."""
    from numbacnn.attacks import ATTACKS
    from numbacnn.errors import UsageError, nearest

    if name not in ATTACKS:
        raise UsageError(f"{option}: no attack is named '{name}'{nearest(name, ATTACKS)}")
    return ATTACKS[name]


def target_of(network: Any, target: str | None) -> Any:
    """Returns --target in the form that an attack takes: a class index, or a word that stands for a class of each
    picture's own. Raises UsageError.
    """
    from numbacnn.attacks.base import DRAWN_TARGETS

    if target is None:
        return None
    names = [name.casefold() for name in network.class_names]
    return target if target in DRAWN_TARGETS and target not in names else class_index(network, target)


def target_name(network: Any, targets: Any) -> str | None:
    """Returns the target in words; None without a target."""
    if targets is None or isinstance(targets, str):
        return targets
    name: str = network.class_names[targets]
    return name


def as_levels(value: float) -> str:
    """Returns an epsilon as "8/255" if it is a whole number of levels, else as "0.0123"."""
    levels = value * 255
    return f"{levels:.0f}/255" if abs(levels - round(levels)) < 1e-6 else f"{value:.4g}"


def as_size(value: float | None, norm: str) -> str:
    """Returns an epsilon with its norm: "8/255", "0.5 in L2"; "any" for None."""
    from numbacnn.attacks.norms import TITLES

    if value is None:
        return "any"
    return as_levels(value) if norm == "linf" else f"{value:.4g} in {TITLES[norm]}"


def percent(share: float) -> str:
    """Returns a share from 0 to 1 in per cent."""
    return "-" if share != share else f"{share:.1%}"
