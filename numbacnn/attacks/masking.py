"""Signs that a network hides its gradients rather than withstands attacks (Athalye, Carlini and Wagner, 2018).

Where gradients are masked, an attack that follows them fails, and its failure says nothing of the network.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..fitting import as_floats
from ..network import Images, Network
from ..program import Loss
from .fgsm import FGSM
from .iterative import PGD
from .noise import Noise
from .result import AttackResult
from .square import Square

CHECKED = 32
"""Pictures that are looked at, at most."""
_STEPS = 20
_QUERIES = 150
_CLEARLY = 0.1
"""Shares of pictures that differ by more than this differ clearly."""
_EVERYTHING = {"linf": 0.5, "l2": 0.5}
"""An epsilon with which any picture can become any other's neighbour; in L2 it is multiplied by the root of the values."""
_BROKEN = 0.9
"""The share of pictures that such an epsilon has to fool at least."""


@dataclass(frozen=True)
class MaskingSign:
    """One sign that fired: its name, and what was found, in words."""

    name: str
    message: str


def masking_signs(
    network: Network, images: Images, labels: Any, epsilon: float, *, norm: str = "linf", seed: int = 0
) -> list[MaskingSign]:
    """The signs of masked gradients that fire, out of five, on up to CHECKED of the pictures that are classified rightly; norm linf or l2.

    gradient-vanishes: the cross-entropy's gradient is 0 in float32. loss-does-not-rise: along it. larger-epsilon-does-not-
    help: half of full scale does not fool nearly all. black-box-beats-white-box: Square or noise fools more than PGD does.
    more-steps-do-not-help: PGD's loss ends below that of one step. None is a proof, and without any a network may mask still.
    """
    images = network.as_images(images)
    labels = network.as_labels(labels, len(images))
    right = np.flatnonzero(network.predict(images).argmax(axis=1) == labels)[:CHECKED]
    if not len(right) or not epsilon:
        return []
    images, labels = images[right], labels[right]
    pgd = PGD(epsilon, norm=norm, steps=_STEPS, early_stop=False, random_start=False, seed=seed)
    everything = _EVERYTHING[norm] * (1 if norm == "linf" else np.sqrt(images[0].size))
    many, one = _run(pgd, network, images, labels), _run(FGSM(epsilon, norm=norm), network, images, labels)
    huge = _run(replace(pgd, epsilon=max(everything, epsilon), early_stop=True), network, images, labels)
    noise = _run(Noise(epsilon, norm=norm, seed=seed), network, images, labels)
    black = {"noise": noise.success_rate}
    if norm == "linf":
        black["square"] = _run(
            Square(epsilon, queries=_QUERIES, seed=seed), network, images, labels
        ).success_rate
    loss, after_one, after_many = (
        _losses(network, each, labels) for each in (as_floats(images), one.images, many.images)
    )
    signs = [_vanishing(network, images, labels)]
    rising = float((after_many > loss).mean())
    if rising < 0.5:
        signs.append(
            MaskingSign(
                "loss-does-not-rise",
                f"the loss of {1 - rising:.0%} of {len(labels)} pictures does not rise along its gradient",
            )
        )
    if huge.success_rate < _BROKEN:
        signs.append(
            MaskingSign(
                "larger-epsilon-does-not-help",
                f"an epsilon as large as half of full scale fools {huge.success_rate:.0%} of the pictures; nearly all are "
                "expected",
            )
        )
    best = max(black, key=lambda name: black[name])
    if black[best] > many.success_rate + _CLEARLY:
        signs.append(
            MaskingSign(
                "black-box-beats-white-box",
                f"{best}, which sees no gradient, fools {black[best]:.0%} of the pictures, PGD {many.success_rate:.0%}",
            )
        )
    rise_one, rise_many = float((after_one - loss).mean()), float((after_many - loss).mean())
    if one.success_rate < 1 and (rise_many < 0.9 * rise_one or rise_many <= 0):
        signs.append(
            MaskingSign(
                "more-steps-do-not-help",
                f"{_STEPS} steps raise the loss by {rise_many:.3g}, one step by {rise_one:.3g}",
            )
        )
    return [sign for sign in signs if sign is not None]


def _run(attack: Any, network: Network, images: Any, labels: Any) -> AttackResult:
    import warnings

    with warnings.catch_warnings():  # what it would say of pictures without a gradient, a sign says
        warnings.simplefilter("ignore", RuntimeWarning)
        result: AttackResult = attack.run(network, images, labels)
    return result


def _losses(network: Network, images: Any, labels: Any) -> Any:
    """(n,), the cross-entropy."""
    plan = network.program_for(len(images), len(images))
    found = []
    for start in range(0, len(images), plan.batch_size):
        rows = slice(start, start + plan.batch_size)
        plan.forward(images[rows])
        found.append(plan.losses(labels[rows], Loss()).astype(np.float64))
    return np.concatenate(found)


def _vanishing(network: Network, images: Any, labels: Any) -> MaskingSign | None:
    plan = network.program_for(len(images), len(images), "input")
    none = 0
    for start in range(0, len(images), plan.batch_size):
        rows = slice(start, start + plan.batch_size)
        plan.forward(images[rows])
        gradient = plan.backward_loss(labels[rows], Loss(), reduction="sum")
        none += int((~np.asarray(gradient).any(axis=(1, 2, 3))).sum())
    if none / len(images) <= _CLEARLY:
        return None
    return MaskingSign(
        "gradient-vanishes",
        f"the cross-entropy's gradient is 0 in float32 for {none} of {len(images)} pictures",
    )
