"""Which pictures a command is about: files, or some of a data set's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter, Token

from .options import parse_ranges

if TYPE_CHECKING:
    from numbacnn import Dataset, Network


def _indices(_: Any, tokens: tuple[Token, ...]) -> tuple[int, ...]:
    return parse_ranges(tokens[0].value)


Index = Annotated[
    tuple[int, ...] | None,
    Parameter(
        name="--index",
        converter=_indices,
        n_tokens=1,
        negative="",
        help="Pictures of the split: 7, or 0-3,8.",
    ),
]


@dataclass(frozen=True)
class Pictures:
    """N pictures as the network takes them, (N,H,W,C) uint8; what each is called; labels (N) if they are known."""

    images: Any
    names: list[str]
    labels: Any | None


def from_files(network: Network, paths: Sequence[Path]) -> Pictures:
    """Picture files, brought to the network's size. Raises DataError."""
    import numpy as np

    from numbacnn.data.pictures import load

    fitted = [network.as_images(load(path)[None]) for path in paths]
    return Pictures(np.concatenate(fitted), [str(path) for path in paths], None)


def from_data(network: Network, dataset: Dataset, split: str, indices: Sequence[int]) -> Pictures:
    """Pictures of a data set's split, brought to the network's size. Raises UsageError for an index that the split lacks."""
    import numpy as np

    from numbacnn.errors import UsageError

    part = dataset.split(split)
    beyond = [index for index in indices if index >= len(part)]
    if beyond:
        raise UsageError(
            f"--index {beyond[0]}: the {split} split of {dataset.name} has pictures 0 to {len(part) - 1}"
        )
    chosen = np.asarray(indices)
    images = network.as_images(part.read(chosen))
    return Pictures(images, [f"{split} {index}" for index in indices], part.labels[chosen])


def class_index(network: Network, given: str) -> int:
    """The class of that name, or else of that index. Raises UsageError."""
    from numbacnn.errors import UsageError, nearest

    names = [name.casefold() for name in network.class_names]
    if given.casefold() in names:
        return names.index(given.casefold())
    if given.isdecimal() and int(given) < network.classes:
        return int(given)
    raise UsageError(f"the model has no class '{given}'{nearest(given, network.class_names)}")
