"""Pictures made to fool one network, shown to others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import UsageError
from ..network import Images, Network
from .base import Attack
from .result import success


@dataclass(frozen=True)
class Transfer:
    """Pictures made on network `source`, shown to network `target` (places in the list).

    success_rate: of the pictures that both classified rightly before, the share that `target` no longer does; `images`
    counts them; `success_rate_8bit` is that of the rounded pictures.
    """

    source: int
    target: int
    success_rate: float
    success_rate_8bit: float
    images: int


def transfer(
    attack: Attack, networks: Sequence[Network], images: Images, labels: Any, *, batch_size: int = 64
) -> Iterator[Transfer]:
    """Each network's changed pictures, shown to every network. Raises UsageError for networks of different inputs or
    classes.
    """
    first = networks[0]
    for other in networks[1:]:
        if other.input_shape != first.input_shape or other.class_names != first.class_names:
            shape, wanted = ("x".join(map(str, each.input_shape)) for each in (other, first))
            raise UsageError(
                f"networks of {wanted} pixels and {first.classes} classes, and of {shape} and {other.classes}: pictures can "
                "only be shown to networks with the same pixels and classes"
            )
    images = first.as_images(images)
    labels = first.as_labels(labels, len(images))
    before = [network.predict(images, batch_size) for network in networks]
    right = [shares.argmax(axis=1) == labels for shares in before]
    for source, network in enumerate(networks):
        made = attack.run(network, images, labels, batch_size=batch_size)
        for target, judge in enumerate(networks):
            chosen = right[source] & right[target]
            rates = []
            for pictures in (made.images, made.eight_bit):
                if not chosen.any():
                    rates.append(float("nan"))
                    continue
                after = judge.predict(pictures[chosen], batch_size)
                rates.append(success(before[target][chosen], after, labels[chosen]))
            yield Transfer(source, target, rates[0], rates[1], int(np.sum(chosen)))
