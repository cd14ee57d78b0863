"""Convolutions of a chain in Winograd's way (ops.chain.winograd): which they are, and their steps' numbers."""

from __future__ import annotations

import math
from typing import Any

from ...layers import Convolution, Layer
from ...ops.chain import products, winograd
from ...ops.chain.transforms import HEIGHTS, MATRICES, OUTPUTS, WIDE
from .links import Product
from .memory import Memory, Place

Row = tuple[Any, list[int], tuple[float, ...]]
"""A step's function, what is said of it, and what of that is no whole number."""
_INPUT, _OUTPUT = 160, 80
"""What a tile's transforms cost, in multiply-adds of vectors: of a channel, of a filter."""
_GAIN = 0.9
"""The part of the other way's time that this one takes at most."""


def suits(layer: Layer, link: Product) -> bool:
    """Whether a training's convolution is faster in Winograd's way, told from its geometry. An `algorithm` of its own asks for sums as
    the definition has them.
    """
    if not isinstance(layer, Convolution) or layer.algorithm != "auto":
        return False
    (tall, wide), padding, (height, width, channels) = link.window.kernel, link.window.padding, link.source
    rows, cells, filters = _computed(link)
    if link.window.stride != (1, 1) or wide not in MATRICES or min(rows, cells) < min(HEIGHTS):
        return False
    reached = rows + tall - 1 >= height + padding.top, cells + wide - 1 >= width + padding.left
    if min(height, tall, filters) < 2 or not all(reached):
        return False
    lines = math.ceil(cells / OUTPUTS) * (wide + OUTPUTS - 1), rows * tall * channels * filters
    transforms = math.ceil(cells / OUTPUTS) * (
        (rows + tall - 1) * channels * _INPUT + rows * filters * _OUTPUT
    )
    return 3 * math.prod(lines) + transforms < _GAIN * 3 * cells * wide * lines[1]


def _computed(link: Product) -> tuple[int, int, int]:
    """(P, Q, K) of what pools read."""
    rows, cells, filters = link.target
    return (2 * rows, 2 * cells, filters) if link.pooled else link.target


def _height(rows: int) -> int:
    """The rows of a tile of sums, such that the fewest are computed twice."""
    return min((each for each in HEIGHTS if each <= rows), key=lambda each: math.ceil(rows / each) * each)


class Tiling:
    """Where the numbers of one convolution's tiles lie, and its rows of the tables."""

    def __init__(self, link: Product, memory: Memory) -> None:
        self._link, self._lanes = link, memory.lanes
        (self._tall, self._wide), channels = link.window.kernel, link.source[2]
        self._rows, self._cells, filters = _computed(link)
        self._points = self._wide + OUTPUTS - 1
        self._starts = [min(at, self._cells - OUTPUTS) for at in range(0, self._cells, OUTPUTS)]
        before = memory.size
        self._factors_size = self._points * self._tall * channels * filters
        self._factors, self._turned, self._collected = (
            self._take(memory, self._factors_size) for _ in range(3)
        )
        lines = len(self._starts) * self._points
        memory.align()
        self._moved = memory.take(lines * (self._rows + self._tall - 1) * channels)
        self._gradients = memory.room(lines * (self._rows + 2) * filters)
        memory.align()
        self._sums = memory.take(self._points * self._rows * WIDE)
        self._line = memory.take((self._cells + self._wide - 1) * channels)
        self.numbers = (memory.size - before) // memory.lanes
        """Vectors of all that."""

    @staticmethod
    def _take(memory: Memory, numbers: int) -> int:
        memory.align()
        return memory.take(-(-numbers // memory.lanes))

    def once(self, w: int, *, reaches: bool) -> Row:
        """The step that follows from the weights alone. `reaches`: whether the gradient of the input is asked for."""
        channels, filters = self._link.source[2], self._link.target[2]
        size = channels * filters
        row = [self._factors, self._tall * size, size, w, size, self._wide * size, self._tall]
        row += [channels, filters]
        return winograd.move_filters, [*row, self._wide, self._turned, channels if reaches else 0], ()

    def forward(self, y: Place, x: Place, bias: int, winners: int) -> list[Row]:
        """The steps forward; a number below 0: no bias, no pool."""
        link, (channels, filters) = self._link, (self._link.source[2], self._link.target[2])
        first = x.at - link.window.padding.top * x.row - link.window.padding.left * x.cell
        v_position, _ = self._positions()
        steps = self._tall * channels
        found: list[Row] = []
        for tile, start in enumerate(self._starts):
            cell = start // 2 if link.pooled else start
            row = [y.at + cell * y.cell, y.row, y.cell, first + start * x.cell, x.row, x.cell]
            row += [
                self._moved + tile * self._points * v_position,
                v_position,
                self._rows + self._tall - 1,
                channels,
            ]
            row += [
                self._factors,
                steps * filters,
                steps,
                filters,
                self._sums,
                self._rows * WIDE * self._lanes,
            ]
            row += [self._rows, _height(self._rows), self._wide, bias, *self._winners(winners, cell)]
            found.append((winograd.convolve_tiles, row, (link.slope,)))
        return found

    def back(self, d: Place, winners: int, *, reaches: bool) -> list[Row]:
        """The steps that both gradients begin with. `reaches`: whether that of the input is asked for."""
        _, position = self._positions()
        found: list[Row] = []
        for tile, start in enumerate(self._starts):
            cell = start // 2 if self._link.pooled else start
            row = [
                self._gradients + tile * self._points * position,
                d.at + cell * d.cell,
                d.row,
                d.cell,
                self._rows,
            ]
            row += [
                self._link.target[2],
                self._wide,
                *self._winners(winners, cell),
                tile * OUTPUTS - start,
                reaches,
            ]
            found.append((winograd.move_gradients, row, ()))
        return found

    def _winners(self, winners: int, cell: int) -> tuple[int, int]:
        """Where those of a column of windows are, and the offset of the next row; below 0 without a pool."""
        filters = self._link.target[2] * self._lanes
        return (winners + cell * filters, self._cells // 2 * filters) if winners >= 0 else (winners, 0)

    def to_weights(self, sums: int) -> list[Row]:
        """The steps to the gradient of the filters: sums over rows and tiles, a position each."""
        channels, filters = self._link.source[2], self._link.target[2]
        x_row, d_row = channels * self._lanes, filters * self._lanes
        x_position, d_position = self._positions()
        inner = self._tall * channels
        steps: list[Row] = []
        for position in range(self._points):
            d = self._last(position)
            row = [self._collected + position * inner * filters, self._moved + position * x_position]
            row += [self._points * x_position, x_row, 1, 0, inner, d, self._points * d_position, -d_row]
            steps.append((products.convolve_weights, [*row, filters, len(self._starts), self._rows], ()))
        size = channels * filters
        row = [
            sums,
            size,
            self._wide * size,
            self._collected,
            self._tall * size,
            size,
            self._tall,
            channels,
            filters,
        ]
        return [*steps, (winograd.move_filters, [*row, -self._wide, 0, 0], ())]

    def to_inputs(self, target: Place, x: Place, slope: float) -> list[Row]:
        """The steps to the gradient of the input, once the moved inputs are not needed any more: it is collected in their
        place.
        """
        (height, width, channels), filters, padding = (
            self._link.source,
            self._link.target[2],
            self._link.window.padding,
        )
        x_row, d_row = channels * self._lanes, filters * self._lanes
        x_position, _ = self._positions()
        size = self._tall * channels * filters
        first = self._moved + padding.top * x_row
        steps: list[Row] = []
        for line in range(len(self._starts) * self._points):
            there = first + line * x_position
            row = [there, 0, x_row, 1, height, channels, self._last(line), 0, -d_row, 1, self._rows, filters]
            row += [
                1,
                self._tall,
                1,
                1,
                0,
                padding.top,
                self._turned + line % self._points * size,
                2,
                there,
                0,
                x_row,
            ]
            steps.append((products.convolve_back, [*row, 0, filters, self._tall * filters, True], (1.0,)))
        row = [
            target.at,
            target.row,
            height,
            width,
            channels,
            first,
            x_position,
            self._wide,
            self._cells,
            padding.left,
        ]
        return [*steps, (winograd.collect_inputs, [*row, self._line, x.at, x.row], (slope,))]

    def _positions(self) -> tuple[int, int]:
        """How far the next position is in the moved inputs and gradients."""
        channels, filters = self._link.source[2], self._link.target[2]
        height = self._rows + self._tall - 1
        return height * channels * self._lanes, (self._rows + 2) * filters * self._lanes

    def _last(self, line: int) -> int:
        """Where the first row of the gradient of a tile's position lies, which is its last."""
        filters = self._link.target[2]
        return self._gradients + line * self._positions()[1] + self._rows * filters * self._lanes
