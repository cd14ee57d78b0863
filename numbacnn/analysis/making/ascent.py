"""Pictures that are changed, step by step, until a network says more (or less) of something."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ...errors import UsageError, need_whole
from ...graph import MAX_SEED, Graph
from ...program import Program
from ..baselines import mean_colour
from ..smoothing import blurred
from .canvas import Canvas
from .views import view

MOST_STEPS = 100_000


class Objective(ABC):
    """Something of a layer's output that is to grow: its value for each picture, and the gradient."""

    node: str

    @abstractmethod
    def __call__(self, output: Any) -> tuple[Any, Any]:
        """(n,…) -> values (n,), and the gradient of their sum (n,…)."""


class Step(NamedTuple):
    """Pictures (N,H,W,C) float32 in [0, 1] after `number` steps, and the objective's values (N,) before the last of them."""

    number: int
    pictures: Any
    values: Any


@dataclass(frozen=True)
class Ascent:
    """How pictures are optimised, by Adam (Kingma and Ba, 2015).

    The canvas may be larger than what the network takes: each step shows the network a part of it, moved and scaled by up to
    `zoom` by chance, drawn from `seed` and the step. `l2` pulls pixels towards the mean that the network subtracts, `variation`
    neighbouring ones together; both are shares of what the objective's gradient may be, so that they mean the same for
    every objective. Every `blur_every` steps, if any, the pixels are blurred by `blur` (Yosinski et al., 2015).
    """

    steps: int = 200
    rate: float = 0.05
    zoom: float = 0.1
    l2: float = 0.0
    variation: float = 0.0
    blur: float = 0.0
    blur_every: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        need_whole("steps", self.steps, 1, MOST_STEPS)
        need_whole("seed", self.seed, 0, MAX_SEED)
        need_whole("blur_every", self.blur_every)
        for name in ("rate", "zoom", "l2", "variation", "blur"):
            value = getattr(self, name)
            if not 0 <= value < np.inf or (name == "rate" and not value):
                raise UsageError(f"{name} {value}: a number of at least 0 is expected, for the rate above 0")

    def climb(self, graph: Graph, canvas: Canvas, objective: Objective) -> Iterator[Step]:
        """The pictures after each step. Nothing of the graph is changed. Raises NotEnoughMemory."""
        height, width, _ = graph.input_shape
        count = len(canvas.pictures())
        plan = Program(graph, count, gradients="input", keep=(objective.node,))
        plan.take()
        mean = mean_colour(graph)
        adam = _Adam(canvas.values, self.rate)
        for number in range(1, self.steps + 1):
            generator = np.random.Generator(np.random.Philox(key=self.seed, counter=[0, 0, number, 1]))
            pictures = canvas.pictures()
            looked = view((height, width), pictures.shape[1:3], self.zoom, generator)
            output = plan.forward(looked.see(pictures), until=objective.node)
            values, d_output = objective(np.asarray(output))
            gradient: Any = np.array(plan.backward(objective.node, d_output))
            gradient = _unit(looked.back(gradient))
            if self.l2:
                gradient -= self.l2 * 2 * (pictures - mean)
            if self.variation:
                gradient -= self.variation * total_variation(pictures)
            canvas.values += adam.step(canvas.pull(gradient))
            canvas.settle()
            if self.blur and number % self.blur_every == 0 and number < self.steps:
                canvas.values[...] = blurred(canvas.values, self.blur)
            yield Step(number, np.array(canvas.pictures()), values)


def _unit(gradient: Any) -> Any:
    """Each picture's, scaled to a root mean square of 1."""
    size = np.sqrt(np.square(gradient, dtype=np.float64).mean(axis=(1, 2, 3), keepdims=True))
    return (gradient / np.where(size > 0, size, 1)).astype(np.float32)


def total_variation(pictures: Any) -> Any:
    """The gradient of the sum of squared differences of neighbouring pixels (beta = 2; Mahendran and Vedaldi, 2015)."""
    gradient = np.zeros_like(pictures)
    for axis in (1, 2):
        change = 2 * np.diff(pictures, axis=axis)
        ends = [(0, 0)] * 4
        ends[axis] = (1, 1)
        gradient -= np.diff(np.pad(change, ends), axis=axis)
    return gradient


class _Adam:
    """Steps uphill."""

    def __init__(self, values: Any, rate: float) -> None:
        self._rate, self._steps = rate, 0
        self._first, self._second = np.zeros_like(values), np.zeros_like(values)

    def step(self, gradient: Any) -> Any:
        self._steps += 1
        self._first += 0.1 * (gradient - self._first)
        self._second += 0.001 * (gradient * gradient - self._second)
        first = self._first / (1 - 0.9**self._steps)
        second = self._second / (1 - 0.999**self._steps)
        return np.float32(self._rate) * first / (np.sqrt(second) + 1e-8)
