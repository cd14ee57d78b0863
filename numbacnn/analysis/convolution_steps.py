"""A convolution on a small volume of small whole numbers, step by step (after CS231n's demonstration)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..errors import UsageError
from ..ops.geometry import Padding, Window

MOST_STEPS = 400
LARGEST = 16
"""Cells of a side, with padding; more cannot be read."""


class Step(NamedTuple):
    """One number of the output: filter `filter` at (row, column), its window's upper left cell in the padded volume.

    `sums` are the products' sums, a channel; `value` is their sum and the bias.
    """

    filter: int
    row: int
    column: int
    top: int
    left: int
    sums: tuple[int, ...]
    bias: int
    value: int

    @property
    def formula(self) -> str:
        """How the number comes about."""
        sums = " + ".join(f"({each})" if each < 0 else str(each) for each in self.sums)
        bias = f"({self.bias})" if self.bias < 0 else str(self.bias)
        return f"{sums} + bias {bias} = {self.value}"


class ConvolutionSteps(NamedTuple):
    """Everything of the demonstration, whole numbers: `padded` (H,W,C), `weights` (R,S,C,K), `bias` (K), `output` (P,Q,K)."""

    padded: Any
    weights: Any
    bias: Any
    output: Any
    stride: int
    padding: int

    def steps(self) -> Iterator[Step]:
        """Filter by filter, row by row, the steps that make the output."""
        side = self.weights.shape[0]
        rows, columns, filters = self.output.shape
        for filter, row, column in np.ndindex(filters, rows, columns):
            top, left = row * self.stride, column * self.stride
            window = self.padded[top : top + side, left : left + side]
            sums = (window * self.weights[..., filter]).sum(axis=(0, 1))
            bias = int(self.bias[filter])
            total = int(sums.sum()) + bias
            yield Step(filter, row, column, top, left, tuple(map(int, sums)), bias, total)


def convolution_steps(
    size: int = 5,
    channels: int = 3,
    filter: int = 3,
    filters: int = 2,
    stride: int = 2,
    padding: int = 1,
    seed: int = 0,
) -> ConvolutionSteps:
    """A volume (size,size,channels) of 0 to 2, and so many filters of -1 to 1 with biases of -1 to 1, drawn by the seed.

    Raises ShapeError, with what would fit, where the filter does not fit the volume at that stride, UsageError for more
    numbers than can be followed.
    """
    window = Window((filter, filter), (stride, stride), Padding(padding, padding, padding, padding))
    rows, columns = window.output_size(size, size)
    if size + 2 * padding > LARGEST or channels > 4 or filters > 4 or rows * columns * filters > MOST_STEPS:
        raise UsageError(
            f"a volume of {size}x{size}x{channels} with padding {padding}, {filters} filters and {rows * columns * filters} steps: "
            f"at most {LARGEST} cells a side with padding, 4 channels, 4 filters and {MOST_STEPS} steps can be followed"
        )
    generator = np.random.Generator(np.random.Philox(seed))
    volume = generator.integers(0, 3, (size, size, channels))
    weights = generator.integers(-1, 2, (filter, filter, channels, filters))
    bias = generator.integers(-1, 2, filters)
    edge = (padding, padding)
    made = ConvolutionSteps(
        np.pad(volume, (edge, edge, (0, 0))),
        weights,
        bias,
        np.zeros((rows, columns, filters), np.int64),
        stride,
        padding,
    )
    for step in made.steps():
        made.output[step.row, step.column, step.filter] = step.value
    return made
