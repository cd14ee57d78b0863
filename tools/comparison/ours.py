"""numbacnn's side of a network."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numbacnn.architectures import build
from numbacnn.layers import Pixels
from numbacnn.network import Network
from numbacnn.program import Loss, Program
from numbacnn.training.optimizers import SGD

BATCHES = {
    "lenet": 64,
    "cifar-quick": 64,
    "vgg-small": 32,
    "alexnet": 16,
    "resnet-18": 64,
    "resnet-20": 64,
    "airbench94": 64,
    "squeezenet-1.1": 16,
    "mobilenet-v1": 16,
}
"""The networks that are compared, and how many pictures they get at a time."""

BY_LAYER = ("lenet", "cifar-quick", "vgg-small", "alexnet")
"""Those whose layers are compared one by one as well."""

SMALL = {"resnet-18": (32, 32, 3)}
"""Networks that are compared on other pictures than they were made for: as they are trained on CIFAR-10."""

MEAN, SPREAD = 128.0, 64.0
"""What every pixel is measured from and in."""


def noise(count: int, shape: tuple[int, ...]) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Pictures (count,H,W,C), and labels below 10."""
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (count, *shape), np.uint8), generator.integers(0, 10, count)


def untrained(name: str) -> Network:
    """A network with first values in its parameters."""
    shape = SMALL.get(name)
    return build(
        name, input_shape=shape, classes=10 if shape else None, pixels=Pixels(mean=MEAN, scale=1 / SPREAD)
    )


class Ours:
    """A network with pictures (N,H,W,C) and labels (N,) to run on."""

    def __init__(self, network: Network, images: NDArray[np.uint8], labels: NDArray[Any]) -> None:
        self.graph, self.images, self.labels, self.loss = network.graph, images, labels, Loss()
        self.optimizer = SGD(self.graph, momentum=0.9, weight_decay=5e-4)
        self.plan = Program(self.graph, len(images), gradients="parameters", keep=(), learner=self.optimizer)
        self.forward_plan = Program(self.graph, len(images), keep=())
        self.optimizer.set_rate(1e-5)
        self.plan.device.write(self.plan.labels, labels)

    def gradients(self, *, training: bool = True) -> float:
        """One walk forward and back; returns the mean loss."""
        self.plan.load(self.images)
        self.plan.device.write(self.plan.labels, self.labels)
        self._walk(training=training)
        return float(self.plan.loss_values.mean())

    def _walk(self, *, training: bool) -> None:
        if training:
            self.plan.learn(self.loss)
        else:
            self.plan.run_forward(self.plan.scores)
            self.plan.backward_loss(None, self.loss)

    def step(self) -> None:
        """A training step on the pictures that the plan holds."""
        self._walk(training=True)
        self.optimizer.update(self.plan.gradient, self.plan.learned)

    def train(self) -> None:
        """One training step."""
        self.plan.load(self.images)
        self.step()

    def forward(self) -> NDArray[Any]:
        """The scores (N,K), good until the next pass."""
        scores: NDArray[Any] = self.forward_plan.forward(self.images, until=self.forward_plan.scores)
        return scores
