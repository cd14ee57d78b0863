"""DeepDream (Mordvintsev, Olah and Tyka, 2015): a photograph in which a layer sees more of what it sees already."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ShapeError, UsageError, need_whole
from ...fitting import as_floats, scaled
from ...graph import MAX_SEED
from ...network import Network
from ...program import Program
from .ascent import MOST_STEPS, Step
from .objectives import Whatever

MOST_OCTAVES = 20


@dataclass(frozen=True)
class Dream:
    """A photograph of any size, dreamt at `octaves` sizes, each `scale` times the one before, the last its own.

    At each size the picture changes in `steps` steps of `rate`, in the direction of the gradient over its mean size, moved by
    up to `jitter` pixels by chance, from `seed`. What was dreamt at one size is enlarged and added to the photograph at the
    next. `layer` is what dreams, `units` some of its channels, None: all.
    """

    layer: str
    units: Any = None
    octaves: int = 4
    scale: float = 1.4
    steps: int = 10
    rate: float = 0.01
    jitter: int = 16
    seed: int = 0

    def __post_init__(self) -> None:
        need_whole("octaves", self.octaves, 1, MOST_OCTAVES)
        need_whole("steps", self.steps, 1, MOST_STEPS)
        need_whole("jitter", self.jitter, 0)
        need_whole("seed", self.seed, 0, MAX_SEED)
        if not 1 < self.scale <= 4:
            raise UsageError(
                f"scale {self.scale}: above 1 and at most 4 is expected, of one octave to the next"
            )
        if not 0 < self.rate <= 1:
            raise UsageError(f"rate {self.rate}: above 0 and at most 1 is expected, of a pixel's full scale")

    def __call__(self, network: Network, photograph: Any) -> Iterator[Step]:
        """A picture (1,h,w,C) after each of octaves x steps steps, those of early octaves small.

        `photograph` (h,w,C), uint8 or floats in [0, 1]. Where the network's windows do not fit its size, its lower and right
        edge are repeated for the network. Raises NotEnoughMemory, and as `Graph.at` where no size fits.
        """
        whole = as_floats(np.asarray(photograph))
        objective = Whatever(network, self.layer, self.units)
        sizes = self.sizes(whole.shape[:2])
        detail: Any = None
        number = 0
        for height, width in sizes:
            base = scaled(whole, height, width)
            grown = 0 if detail is None else scaled(detail, height, width)
            picture = base + grown
            plan = self._plan(network, (height, width), objective)
            tall, wide, _ = plan.graph.input_shape
            for _ in range(self.steps):
                number += 1
                generator = np.random.Generator(np.random.Philox(key=self.seed, counter=[0, 0, number, 2]))
                down, across = generator.integers(-self.jitter, self.jitter + 1, 2)
                moved = np.roll(_padded(picture, tall, wide), (down, across), (0, 1))
                values, d_output = objective(np.asarray(plan.forward(moved[None], until=objective.node)))
                pulled: Any = plan.backward(objective.node, d_output)
                gradient = np.roll(pulled[0], (-down, -across), (0, 1))[:height, :width]
                size = float(np.abs(gradient).mean())
                picture = np.clip(picture + np.float32(self.rate / (size or 1)) * gradient, 0, 1)
                yield Step(number, picture[None], values)
            detail = picture - base

    def sizes(self, size: tuple[int, int]) -> list[tuple[int, int]]:
        """Height and width of each octave, the smallest first."""
        return [
            (max(1, round(size[0] / self.scale**octave)), max(1, round(size[1] / self.scale**octave)))
            for octave in reversed(range(self.octaves))
        ]

    def _plan(self, network: Network, size: tuple[int, int], objective: Whatever) -> Program:
        """Of the graph on the nearest size that its windows fit, no smaller than `size`."""
        own = network.input_shape
        tall = _nearest(network, size[0], own[0], lambda height: (height, own[1]))
        wide = _nearest(network, size[1], own[1], lambda width: (own[0], width))
        plan = Program(network.graph.at(tall, wide), 1, gradients="input", keep=(objective.node,))
        plan.take()
        return plan


_TRIED = 64
"""Sizes from one on: strides of a network's layers come to less together."""


def _nearest(network: Network, size: int, own: int, whole: Callable[[int], tuple[int, int]]) -> int:
    """The first number of rows (or columns) from `size` on that the network's layers fit, or from its own on."""
    for start in (size, max(size, own)):
        for wanted in range(start, start + _TRIED):
            try:
                network.graph.at(*whole(wanted))
            except ShapeError as error:
                problem = error
            else:
                return wanted
    raise problem


def _padded(picture: Any, height: int, width: int) -> Any:
    """The picture with its lower and right edge repeated."""
    return np.pad(picture, ((0, height - len(picture)), (0, width - picture.shape[1]), (0, 0)), mode="edge")
