"""How a network's layers do on data: what they put out, what is stuck, and how far a step of training moves them.

The measures are those of the course's lectures on activation functions, initialisation and babysitting the learning
process (Stanford CS231n, lectures 6 and 7). `findings` says what is wrong and what to do about it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import DataError, UsageError
from ..graph import Node
from ..layers import ELU, Clip, Layer, LeakyReLU, Ramp, ReLU, ReLU6, Sigmoid, Tanh
from ..network import Network
from ..program import Loss, Program

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
SAMPLED = 20_000
"""Numbers of a layer's output in a batch that its quantiles are taken of, at even distances."""

FLAT = 0.05
"""Where a curve's slope is below this share of its steepest, it passes next to no gradient: it is saturated."""


@dataclass(frozen=True)
class Steps:
    """How far training moves weights: `learning_rate`, and of plain gradient descent its `momentum`.

    `adaptive`: the optimizer divides by the gradient's own size (Adam), so that a weight moves by about the learning rate.
    """

    learning_rate: float = 0.01
    momentum: float = 0.9
    adaptive: bool = False

    def length(self, gradient: float) -> float:
        """How far a weight moves in a step (root mean square), for gradients of that size that are independent."""
        if self.adaptive:
            return self.learning_rate if gradient else 0.0
        return self.learning_rate / math.sqrt(1 - self.momentum**2) * gradient


@dataclass
class LayerHealth:
    """The measurements of one layer; None where one makes no sense for the layer.

    `mean`, `spread` (standard deviation), `quantiles` (`QUANTILES`): of all that it puts out. `dead`: units that put out
    their least, 0, for every picture and in every place. `off`: the share of outputs that are at that least;
    `saturated`: the share of outputs where the curve is flat on any other side. `weights`, `gradient`: the root of the
    mean square of its weights, and of the loss's gradient for them in a batch; `update`: how far a step moves the
    weights, as a share of their size. `finite`: whether its weights and all that it puts out are.
    """

    layer: str
    kind: str
    units: int
    mean: float = 0.0
    spread: float = 0.0
    quantiles: tuple[float, ...] = ()
    dead: list[int] | None = None
    off: float | None = None
    saturated: float | None = None
    weights: float | None = None
    gradient: float | None = None
    update: float | None = None
    finite: bool = True


@dataclass
class Diagnosis:
    """The layers in the network's order, and what the network makes of the pictures in all."""

    layers: list[LayerHealth]
    images: int
    loss: float
    error: float
    predicted: Any
    """Pictures by the class that the network takes them for, (classes,)."""
    steps: Steps = field(default_factory=Steps)

    @property
    def classes(self) -> int:
        return len(self.predicted)


class _Measured:
    """Sums over one layer's outputs and gradients, batch after batch."""

    def __init__(self, node: Node, units: int) -> None:
        self.node, self.units = node, units
        self.count, self.total, self.squares = 0, 0.0, 0.0
        self.samples: list[Any] = []
        self.largest = np.full(units, -np.inf)
        self.off = self.flat = 0
        self.gradients: list[float] = []
        self.finite = True

    def add(self, output: Any) -> None:
        values = np.asarray(output, np.float64)
        flat = values.reshape(-1)
        self.finite = self.finite and bool(np.isfinite(flat).all())
        self.count += flat.size
        self.total += float(flat.sum())
        self.squares += float(np.square(flat).sum())
        self.samples.append(flat[:: max(1, flat.size // SAMPLED)].copy())
        self.largest = np.maximum(self.largest, values.reshape(-1, self.units).max(axis=0))
        off, saturated = stuck(self.node.layer, flat)
        self.off += off
        self.flat += saturated

    def health(self, steps: Steps, weights: Any) -> LayerHealth:
        layer = self.node.layer
        found = LayerHealth(self.node.name, layer.kind, self.units, finite=self.finite)
        found.mean = self.total / self.count
        found.spread = float(np.sqrt(max(self.squares / self.count - found.mean**2, 0.0)))
        found.quantiles = tuple(np.quantile(np.concatenate(self.samples), QUANTILES).tolist())
        least = _least(layer)
        if least is not None:
            found.dead = np.flatnonzero(self.largest <= least).tolist()
            found.off = self.off / self.count
        if isinstance(layer, (Sigmoid, Tanh, Ramp, ReLU6, Clip, ELU)):
            found.saturated = self.flat / self.count
        if weights is not None:
            found.weights = float(np.sqrt(np.mean(np.square(weights, dtype=np.float64))))
            found.gradient = float(np.sqrt(np.mean(np.square(self.gradients)))) if self.gradients else 0.0
            found.update = steps.length(found.gradient) / found.weights if found.weights else None
            found.finite = found.finite and bool(np.isfinite(found.weights))
        return found


def _least(layer: Layer) -> float | None:
    """The output of a rectifier where it is off; None for other layers."""
    if isinstance(layer, ReLU) or (isinstance(layer, LeakyReLU) and layer.slope == 0):
        return 0.0
    return layer.bounds[0] if isinstance(layer, (ReLU6, Clip)) and layer.bounds[0] >= 0 else None


def stuck(layer: Layer, outputs: Any) -> tuple[int, int]:
    """How many of a layer's outputs are off (a rectifier's least), and how many others are where its curve is flat.

    Flat is a slope below `FLAT` of the steepest: of a sigmoid y (1 - y), of tanh 1 - y^2, of ELU y + alpha, of what is
    clipped the bounds.
    """
    outputs = np.asarray(outputs)
    least = _least(layer)
    off = 0 if least is None else int(np.count_nonzero(outputs <= least))
    match layer:
        case Sigmoid():
            flat = outputs * (1 - outputs) < FLAT / 4
        case Tanh():
            flat = 1 - np.square(outputs) < FLAT
        case ELU():
            flat = outputs + layer.alpha < FLAT * layer.alpha
        case Ramp() | ReLU6() | Clip():
            low, high = layer.bounds
            flat = (outputs >= high) | ((outputs <= low) & (least is None))
        case _:
            return off, 0
    return off, int(np.count_nonzero(flat))


def diagnose(
    network: Network,
    batches: Iterable[tuple[Any, Any]],
    *,
    steps: Steps | None = None,
    loss: Loss | None = None,
) -> Diagnosis:
    """Measures every layer's outputs for labelled pictures, and how large the loss's gradient is there.

    `batches` are (pictures, labels) as `Split.batches` yields them, each as large as a step's in training. The network
    is not changed: it works as it does when it predicts, with the running statistics of batch normalisation and without
    dropout. Raises DataError if no picture comes, UsageError for a loss that is not of classes.
    """
    steps, loss = steps or Steps(), loss or Loss()
    if loss.targets != "classes":
        raise UsageError(f"loss '{loss.name}': one of one class a picture is expected")
    graph = network.graph
    looked_at = [node for node in graph.nodes if _is_looked_at(node)]
    measured = [_Measured(node, graph.shapes[node.name][-1]) for node in looked_at]
    keep = tuple(node.name for node in looked_at)
    images, total, wrong = 0, 0.0, 0
    predicted = np.zeros(network.classes, np.int64)
    for given, labels in batches:
        pictures = network.as_images(given)
        plan = network.program_for(len(pictures), len(pictures), "parameters", keep)
        for start in range(0, len(pictures), plan.batch_size):
            part = slice(start, start + plan.batch_size)
            classes = plan.forward(pictures[part]).argmax(axis=1)
            own = network.as_labels(labels[part], len(classes))
            plan.backward_loss(own, loss)
            for each in measured:
                each.add(plan.output(each.node.name))
                gradient = _gradient(plan, each.node)
                if gradient is not None:
                    each.gradients.append(gradient)
            images += len(classes)
            total += float(plan.loss_values.sum(dtype=np.float64))
            wrong += int(np.count_nonzero(classes != own))
            predicted += np.bincount(classes, minlength=network.classes)
    if not images:
        raise DataError("no pictures to look at the layers with")
    weights = {
        node.name: network.parameter(node.name, "weights")
        for node in looked_at
        if "weights" in graph.parameters_of(node)
    }
    layers = [each.health(steps, weights.get(each.node.name)) for each in measured]
    return Diagnosis(layers, images, total / images, wrong / images, predicted, steps)


def _is_looked_at(node: Node) -> bool:
    layer = node.layer
    return layer.is_neuronal or isinstance(layer, (ReLU, LeakyReLU, ELU, Sigmoid, Tanh, Ramp, ReLU6, Clip))


def _gradient(plan: Program, node: Node) -> float | None:
    """The root of the mean square of the loss's gradient for the weights of a node; None of one that has none."""
    gradient = plan.gradients.get(node.name, {}).get("weights")
    if gradient is None:
        return None
    return float(np.sqrt(np.mean(np.square(plan.device.read(gradient), dtype=np.float64))))
