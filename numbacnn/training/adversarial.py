"""Adversarial training: each step learns from pictures that were made to fool the network as it is then."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..attacks.goal import Goal
from ..attacks.iterative import PGD
from ..data import Split
from ..device import Array
from ..network import Network
from ..ops import joins
from ..program import Loss
from .settings import Settings
from .step import TrainingStep, times

MEASURED = 500
"""Validation pictures that the robust error is measured on, at most."""
_MEASURED_STEPS = 10
_SEEDS = 2**64
_GROWING = 0.25
"""The share of the training in which epsilon grows to its size: networks that meet it at once may learn nothing."""
_APART = 0.001
"""Deviation of the noise that TRADES begins with: at the picture itself nothing tells which way leads away from it."""


@dataclass(frozen=True)
class _Away(PGD):
    """Steps that raise the divergence KL(p(x) || p(x')) from what the network says of the pictures themselves."""

    def start(self, goal: Goal) -> Any:
        goal.compared = _softmax(goal.scores(goal.originals))
        shape = goal.originals.shape[1:]
        noise = [generator.standard_normal(shape) for generator in goal.generators()]
        return goal.project(goal.originals + np.float32(_APART) * np.stack(noise).astype(np.float32))

    def rise(self, goal: Goal, images: Any) -> Any:
        return goal.back(_softmax(goal.scores(images)) - goal.compared)


class AdversarialStep(TrainingStep):
    """A step on the pictures that `settings.adversarial` makes of a batch, in the place of the batch or (trades) beside it.

    fgsm and pgd: the loss of changed pictures (Madry et al., 2018). noise: of pictures with normal noise of deviation epsilon
    (Cohen et al., 2019). trades: the loss of the pictures themselves, and beta times the divergence between what is said of
    them and of the changed ones (Zhang et al., 2019). Epsilon grows over the first quarter of the
    training. What is drawn depends on the seed and the step alone.
    """

    def __init__(self, network: Network, settings: Settings, *parts: Any, **options: Any) -> None:
        super().__init__(*parts, **options)
        self._network, self._settings = network, settings
        self.number = 0
        """The step's number in the run."""
        self.seconds = 0.0
        """Spent on making pictures, since it was last set to 0."""
        self._changed: Any = None
        self._other: Array | None = None
        if settings.adversarial == "trades":
            self._other = self.program.device.zeros(
                (self.optimizer.layout.trained,), self.program.graph.dtype
            )

    def __call__(
        self,
        learning_rate: float,
        metrics: Array,
        *,
        last: bool = False,
        bring: Callable[[], None] | None = None,
    ) -> None:
        begun = time.perf_counter()
        program, device = self.program, self.program.device
        images = np.clip(np.array(device.read(program.input)) / np.float32(255), 0, 1).astype(np.float32)
        labels = np.array(device.read(program.labels))
        changed = self._made(images, labels) * np.float32(255)
        if self._settings.adversarial == "trades":
            self._changed = changed
        else:
            device.write(program.input, changed)
        self.seconds += time.perf_counter() - begun
        super().__call__(learning_rate, metrics, last=last, bring=bring)

    def _made(self, images: Any, labels: Any) -> Any:
        """The pictures to learn from, in [0, 1] but for noise."""
        settings = self._settings
        epsilon = settings.epsilon * min(1.0, self.progress / _GROWING)
        seed = (settings.seed * 1_000_003 + self.number) % _SEEDS
        if settings.adversarial == "noise":
            generator = np.random.Generator(np.random.Philox(key=[seed, 0], counter=[3, 0, 0, 0]))
            return images + np.float32(epsilon) * generator.standard_normal(images.shape, np.float32)
        if settings.adversarial == "fgsm":
            # From a random place, or networks learn to know this one step (Wong, Rice and Kolter, 2020).
            attack: PGD = PGD(epsilon, steps=1, step_size=1.25 * epsilon, early_stop=False)
        else:
            kind = _Away if settings.adversarial == "trades" else PGD
            attack = kind(epsilon, steps=settings.attack_steps, early_stop=False)
        attack = replace(attack, seed=seed)
        moved: Any = attack.attacked(self._network, images, labels, batch_size=self.program.batch_size)[0]
        return moved

    def _record(self, act: Callable[[], None]) -> Callable[[int], None]:
        return times(act) if self._settings.adversarial == "trades" else super()._record(act)

    def _learn(self, metrics: Array) -> None:
        if self._settings.adversarial != "trades":
            super()._learn(metrics)
            return
        program, device = self.program, self.program.device
        assert self._other is not None
        own = np.array(device.read(program.input))
        labels = np.array(device.read(program.labels))
        scale = np.float32(1 / (program.count * self._accumulate))
        beta = np.float32(self._settings.trades_beta)
        program.run_forward(program.scores, training=True)
        clean = _softmax(program.output(program.scores))
        device.write(program.input, self._changed)
        program.run_forward(program.scores, training=True)
        changed = _softmax(program.output(program.scores))
        program.backward(program.scores, beta * scale * (changed - clean))
        joins.copy(self._other, program.gradient)
        device.write(program.input, own)
        program.run_forward(program.scores, training=True)
        program.losses(labels, Loss())
        program.write_metrics(metrics)
        ratio = np.log(np.maximum(clean, 1e-12)) - np.log(np.maximum(changed, 1e-12))
        divergence = (clean * ratio).sum(axis=1, keepdims=True)
        towards = clean.copy()
        towards[np.arange(len(labels)), labels] -= 1
        program.backward(program.scores, scale * (towards + beta * clean * (ratio - divergence)))
        joins.accumulate(program.gradient, self._other)


def robust_error(network: Network, split: Split, settings: Settings, batch_size: int) -> float:
    """The share of a split's first pictures that are wrong under PGD with the training's epsilon."""
    part = slice(0, min(MEASURED, len(split)))
    images, labels = network.as_images(split.read(part)), np.asarray(split.labels[part])
    attack = PGD(settings.epsilon, steps=_MEASURED_STEPS, seed=settings.seed)
    if settings.adversarial == "fgsm":
        attack = replace(attack, steps=2 * _MEASURED_STEPS)  # such networks may know single steps by heart
    moved = attack.attacked(network, images, labels, batch_size=batch_size)[0]
    return float((network.predict(moved, batch_size).argmax(axis=1) != labels).mean())


def measures_robustness(settings: Settings) -> bool:
    """Whether a run says how robust it is: noise is no attack."""
    return settings.adversarial in ("fgsm", "pgd", "trades")


def cost(settings: Settings) -> str:
    """The extra cost of a step, in words; empty without adversarial training."""
    passes = {"fgsm": 1, "pgd": settings.attack_steps, "trades": settings.attack_steps + 2}
    if settings.adversarial not in passes:
        return ""
    count = passes[settings.adversarial]
    return (
        f"adversarial training with {settings.adversarial}: {count} more {'pass' if count == 1 else 'passes'} forward and back "
        f"a step, so that it takes about {count + 1} times as long"
    )


def _softmax(scores: Any) -> Any:
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return (shifted / shifted.sum(axis=1, keepdims=True)).astype(np.float32)
