"""Each attack twice, with the same options: numbacnn's, and that of Foolbox, of AutoAttack's published code, or of `szegedy`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import foolbox
import numpy as np
import torch

from numbacnn.attacks import APGD, FGSM, LBFGS, PGD, Attack, CarliniWagner, DeepFool, Square

from .szegedy import smallest_changes

Run = Callable[[Any, Any, int], Any]
"""Pictures (N,C,H,W) and labels as tensors, and a seed -> changed pictures."""

STEPS = 40


@dataclass(frozen=True)
class Pair:
    """`ours` and `theirs` with the same options; attacks that draw numbers (`drawn`) are run with several seeds."""

    name: str
    ours: Attack
    theirs: Run

    @property
    def drawn(self) -> bool:
        return self.ours.is_random and getattr(self.ours, "random_start", True)


def pairs(module: Any, epsilon: float, autoattack: Path | None) -> Iterator[Pair]:
    """All that can be compared; AutoAttack's parts where the folder with its package is given."""
    model = foolbox.PyTorchModel(module, bounds=(0, 1))
    attacks = foolbox.attacks
    yield Pair("fgsm", FGSM(epsilon), _foolbox(model, attacks.LinfFastGradientAttack(), epsilon))
    wide = 16 * epsilon
    for name, norm, size, kind in (
        ("pgd", "linf", epsilon, attacks.LinfPGD),
        ("pgd l2", "l2", wide, attacks.L2PGD),
    ):
        for begins, at_random in ((name, False), (f"{name} from a random place", True)):
            yield Pair(
                begins,
                PGD(size, norm=norm, steps=STEPS, step_size=size / 10, random_start=at_random),
                _foolbox(model, kind(steps=STEPS, rel_stepsize=0.1, random_start=at_random), size),
            )
    yield Pair("deepfool", DeepFool(), _foolbox(model, attacks.L2DeepFoolAttack(), None))
    yield Pair("deepfool linf", DeepFool(norm="linf"), _foolbox(model, attacks.LinfDeepFoolAttack(), None))
    ours = CarliniWagner()
    wagner = attacks.L2CarliniWagnerAttack(
        binary_search_steps=ours.searches, steps=ours.steps, stepsize=ours.rate, initial_const=ours.first_c
    )
    yield Pair("cw", ours, _foolbox(model, wagner, None))
    lbfgs = LBFGS(candidates=3)
    yield Pair(
        "lbfgs",
        lbfgs,
        lambda images, labels, _: smallest_changes(
            module,
            images,
            labels,
            candidates=lbfgs.candidates,
            steps=lbfgs.steps,
            searches=lbfgs.searches,
            factors=6,
        ),
    )
    if autoattack is not None:
        yield from _published(module, autoattack, epsilon)


def _foolbox(model: Any, attack: Any, epsilon: float | None) -> Run:
    """One of Foolbox's attacks; without an epsilon as far as it goes."""

    def run(images: Any, labels: Any, seed: int) -> Any:
        torch.manual_seed(seed)
        raw, clipped, _ = attack(model, images, labels, epsilons=epsilon)
        return raw if epsilon is None else clipped

    return run


def _published(module: Any, folder: Path, epsilon: float) -> Iterator[Pair]:
    """The parts of AutoAttack."""
    sys.path.insert(0, str(folder))
    from autoattack.autopgd_base import APGDAttack
    from autoattack.square import SquareAttack

    shared: dict[str, Any] = {"eps": epsilon, "norm": "Linf", "device": "cpu"}
    for name, loss in (("cross-entropy", "ce"), ("dlr", "dlr")):
        attack = APGDAttack(module, loss=loss, n_iter=100, n_restarts=1, **shared)
        yield Pair(f"apgd {name}", APGD(epsilon, objective=name), _from_our_places(attack))
    for name, norm, size in (("square", "Linf", epsilon), ("square l2", "L2", 16 * epsilon)):
        square = SquareAttack(
            module, n_queries=500, p_init=0.8, n_restarts=1, **shared | {"eps": size, "norm": norm}
        )
        yield Pair(name, Square(size, norm=norm.lower(), queries=500), _seeded(square))


def _seeded(attack: Any) -> Run:
    def run(images: Any, labels: Any, seed: int) -> Any:
        attack.seed = seed
        return attack.perturb(images, labels)

    return run


def _from_our_places(attack: Any) -> Run:
    """Both begin at the same place of each picture, so that what differs is the way from there."""
    seeded = _seeded(attack)

    def run(images: Any, labels: Any, seed: int) -> Any:
        with _places(seed):
            return seeded(images, labels, seed)

    return run


@contextmanager
def _places(seed: int) -> Iterator[None]:
    """`torch.rand` draws, picture by picture, what `Goal.generators` draws for numbacnn's attacks, in [-1, 1] there."""

    def rand(shape: Any) -> torch.Tensor:
        count, channels, height, width = shape
        drawn = [
            np.random.Generator(np.random.Philox(key=[seed, picture], counter=[0, 0, 0, 0])).uniform(
                -1, 1, (height, width, channels)
            )
            for picture in range(count)
        ]
        return torch.from_numpy(np.stack(drawn).transpose(0, 3, 1, 2).astype(np.float32)) / 2 + 0.5

    with patch.object(torch, "rand", rand):
        yield
