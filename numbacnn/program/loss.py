"""Losses with their options, and heads: the nodes of a network that a loss looks at."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from ..errors import DataError, ShapeError, UsageError, nearest
from ..graph import Graph
from ..layers import Shape
from ..ops import losses, targets
from ..ops.kernel import Kernel

Targets = Literal["classes", "pixels", "numbers"]
"""One class a picture, one a position of (H,W), or a number an output."""


class _Rule(NamedTuple):
    """How a loss is computed: the op, what its targets are, and its options between them and the scale."""

    kernel: Kernel
    targets: Targets
    options: Callable[[Loss], tuple[float, ...]] = lambda loss: ()


def _of_classes(name: str) -> _Rule:
    return _Rule(losses.LOSSES[name], "classes", lambda loss: (loss.margin,))


_SMOOTHED = _Rule(targets.smoothed, "classes", lambda loss: (loss.smoothing,))
_RULES = {name: _of_classes(name) for name in losses.LOSSES} | {
    "cross-entropy": _Rule(targets.distribution, "numbers"),
    "pixel-softmax": _Rule(targets.pixels, "pixels", lambda loss: (loss.ignore,)),
    "binary": _Rule(targets.binary, "numbers"),
    "squared-error": _Rule(targets.huber, "numbers", lambda loss: (math.inf, 1.0)),
    "huber": _Rule(targets.huber, "numbers", lambda loss: (loss.delta, 1.0)),
    "smooth-l1": _Rule(targets.huber, "numbers", lambda loss: (loss.delta, 1 / loss.delta)),
}
LOSS_NAMES = tuple(_RULES)


@dataclass(frozen=True)
class Loss:
    """A loss and its options.

    Of one class a picture, on its scores before the softmax (ops.losses): "log-softmax", "square", "log", "hinge",
    "max-margin". `smoothing` is the share of "log-softmax"'s target that is spread over all classes.
    Of other targets (ops.targets): "cross-entropy" (a probability of every class), "pixel-softmax" (scores (H,W,K), a
    class at every position; positions with the label `ignore` do not count, the others' mean is taken), "binary" (each
    output by itself, targets from 0 to 1), and of numbers "squared-error" (half of it), "huber" and "smooth-l1", which are
    linear from an error of `delta` on.

    Raises UsageError for an unknown name, or an option out of range or of another loss.
    """

    name: str = "log-softmax"
    margin: float = 1.0
    smoothing: float = 0.0
    delta: float = 1.0
    ignore: int = 255

    def __post_init__(self) -> None:
        if self.name not in _RULES:
            raise UsageError(f"unknown loss '{self.name}'{nearest(self.name, _RULES)}")
        if not 0 <= self.margin < math.inf:
            raise UsageError(f"margin {self.margin:g}: a number of at least 0 is expected")
        if not 0 <= self.smoothing < 1:
            raise UsageError(f"label smoothing {self.smoothing:g}: at least 0 and below 1 is expected")
        if self.smoothing and self.name != "log-softmax":
            raise UsageError(f"label smoothing is for the loss 'log-softmax', and the loss is '{self.name}'")
        if not 0 < self.delta < math.inf:
            raise UsageError(f"delta {self.delta:g}: a number above 0 is expected")

    @property
    def targets(self) -> Targets:
        """The kind of target that the loss needs for each picture."""
        return _RULES[self.name].targets

    def op(self, *, direction: bool = False) -> tuple[Kernel, tuple[float, ...]]:
        """The op, and its options between targets and scale. `direction`: of the gradient, where it would be too small
        (ops.losses); the gradient itself where a loss has none of its own.
        """
        rule = _SMOOTHED if self.smoothing else _RULES[self.name]
        kernel = losses.DIRECTIONS.get(self.name) if direction and not self.smoothing else None
        return kernel or rule.kernel, rule.options(self)

    def target_shape(self, scores: Shape) -> Shape:
        """The shape of one picture's targets, for scores of one picture. Raises ShapeError where the loss does not fit."""
        if self.targets == "pixels":
            if len(scores) != 3:
                raise ShapeError(f"loss '{self.name}' looks at scores (H, W, classes), and they are {scores}")
            return scores[:2]
        if self.targets == "classes":
            if len(scores) != 1:
                raise ShapeError(f"loss '{self.name}' looks at one score a class, and they are {scores}")
            return ()
        return scores

    def check(self, given: Any, count: int, scores: Shape) -> None:
        """Raises ShapeError or DataError unless these are targets of `count` pictures: kernels look classes up without
        asking.
        """
        if self.targets == "classes":
            check_labels(given, count, scores[-1])
            return
        expected = (count, *self.target_shape(scores))
        if np.shape(given) != expected:
            raise ShapeError(
                f"targets of shape {np.shape(given)}: {expected} is expected by loss '{self.name}'"
            )
        if self.targets == "pixels":
            seen = given[given != self.ignore]
            if seen.size and (seen.min() < 0 or seen.max() >= scores[-1]):
                wrong = seen[(seen < 0) | (seen >= scores[-1])][0]
                raise DataError(
                    f"label {wrong}: a class from 0 to {scores[-1] - 1}, or {self.ignore} to be ignored, is expected"
                )


MAIN = ""
"""The head of a Program whose heads have no names."""


@dataclass(frozen=True)
class Head:
    """A loss at a node's output, with its share in the sum of all heads' losses.

    `node`: its output are the scores or numbers that the loss looks at (not a softmax's probabilities). `labels`: heads of
    one class a picture look at `Program.labels`; False: at targets of the head's own.
    """

    node: str
    loss: Loss = Loss()
    weight: float = 1.0
    labels: bool = True

    @property
    def shares_labels(self) -> bool:
        """Whether its targets are the Program's labels."""
        return self.labels and self.loss.targets == "classes"


def checked(heads: Mapping[str, Head], graph: Graph) -> dict[str, Head]:
    """Raises UsageError, or ShapeError where a loss does not fit its node."""
    found: dict[str, Head] = {}
    for key, head in heads.items():
        node = graph[head.node].name
        if any(other.node == node for other in found.values()):
            raise UsageError(f"two heads look at '{node}': one loss a node is expected")
        if not 0 <= head.weight < math.inf:
            raise UsageError(f"head '{key}' has the weight {head.weight:g}: at least 0 is expected")
        try:
            head.loss.target_shape(graph.shapes[node])
        except ShapeError as error:
            raise ShapeError(f"head '{key}' at '{node}': {error}") from None
        found[key] = head
    return found


def named(key: str, heads: Mapping[str, Head], scores: str) -> Head:
    """The head of that name among a Program's, which looks at `scores` if it has no name. Raises UsageError."""
    if key in heads:
        return heads[key]
    if key == MAIN:
        raise UsageError(f"no head looks at '{scores}', the scores: losses_of and targets ask for another")
    raise UsageError(f"no head is named '{key}'{nearest(key, heads)}")


def check_labels(labels: Any, count: int, classes: int) -> None:
    """Raises ShapeError or DataError unless labels (count,) are classes: kernels look them up without asking."""
    if labels.shape != (count,):
        raise ShapeError(f"labels {labels.shape}: one for each of {count} pictures is expected")
    if np.minimum.reduce(labels) < 0 or np.maximum.reduce(labels) >= classes:
        wrong = labels[(labels < 0) | (labels >= classes)][0]
        raise DataError(f"label {wrong}: a class from 0 to {classes - 1} is expected")
