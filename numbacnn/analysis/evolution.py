"""How the units of a layer change while a network is trained (Zeiler and Fergus, 2013, section 4.1 and figure 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from ..network import Network
from .deconvnet import UnitPatches, unit_patches
from .strongest import strongest


class Stage(NamedTuple):
    """An epoch, and some units after it, each with its one strongest activation over all pictures."""

    epoch: int
    units: list[UnitPatches]


def evolution(
    checkpoints: Iterable[tuple[int, Network]],
    batches: Callable[[], Iterable[Any]],
    read: Callable[[Any], Any],
    node: str,
    units: Any,
    *,
    rule: str = "deconvnet",
) -> Iterator[Stage]:
    """The strongest activation of each unit, walked back to pixels, in every checkpoint of a training.

    `checkpoints` are epochs and networks of one architecture. `batches` is asked anew for each, and `read` gives the pictures
    of indices, as `unit_patches` takes it. Which picture excites a unit most may change from epoch to epoch: a sudden jump
    in what is shown is that. Raises UsageError for an unknown node or unit, DataError if no picture comes.
    """
    for epoch, network in checkpoints:
        winners = strongest(network, batches(), node, units, count=1)
        yield Stage(epoch, list(unit_patches(network, read, winners, rule=rule)))
