"""A chain's steps as tables of numbers: forward, back, and how the gradients are added up (ops.chain.groups)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...graph import Graph
from ...ops.chain import elements, pools, products
from ...ops.chain.calling import address_of_step
from ...ops.chain.groups import COLUMNS
from ...parameters import Parameter
from .links import Activation, Dropout, Link, Pool, Product
from .memory import Memory, Place
from .tiling import Row, Tiling, suits

_NONE = -1


class Tables:
    """Tables of the links from the pixels to the scores of a graph, for groups of `lanes` pictures. `learns`: with the way
    back, for all parameters that are trainable.
    """

    def __init__(self, graph: Graph, links: Sequence[Link], lanes: int, *, learns: bool) -> None:
        self._graph, self._links, self._lanes, self._learns = graph, links, lanes, learns
        self._memory = Memory(lanes)
        self._once: list[Row] = []
        self._forward: list[Row] = []
        self._back: list[Row] = []
        self._sums: list[list[int]] = []
        height, width, channels = graph.input_shape
        self._learning = [
            isinstance(link, Product) and any(each.trainable for each in self._parameters(link) if each)
            for link in links
        ]
        self._volumes = [self._memory.volume((height, width, channels), _border(links[0]))]
        self._winners: dict[int, int] = {}
        self._tilings: dict[int, Tiling] = {}
        self._room = self._memory.take(width * channels)
        for index in range(len(links)):
            self._go_forward(index)
        self.numbers = self._memory.size // lanes - sum(each.numbers for each in self._tilings.values())
        """Of one picture's way forward, as the definition has it."""
        self._partial = 0
        self._scores_gradient = self._sums_at = self._sums_size = 0
        if learns:
            self._go_back()
        self._memory.align()

    # What the kernels are given

    @property
    def size(self) -> int:
        """Elements of a group's memory."""
        return self._memory.size

    @property
    def partial(self) -> int:
        """Elements of a share's gradients."""
        return self._partial

    @property
    def places(self) -> NDArray[np.int64]:
        first = self._volumes[0]
        return np.array(
            [
                first.at,
                first.row,
                self._room,
                self._volumes[-1].at,
                self._scores_gradient,
                self._sums_at,
                self._sums_size,
            ]
        )

    @property
    def once(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Steps that follow from the weights alone, whose functions are compiled now if they never were; so `forward` and `back`."""
        return _table(self._once, self._graph.dtype)

    @property
    def forward(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        return _table(self._forward, self._graph.dtype)

    @property
    def back(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        return _table(self._back, self._graph.dtype)

    def compile_back(self) -> None:
        """Compiles the functions of the steps back, the last first."""
        for function, _, _ in reversed(self._back):
            address_of_step(function, self._graph.dtype)

    @property
    def none(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """No steps at all."""
        return _table([], self._graph.dtype)

    @property
    def sums(self) -> NDArray[np.int64]:
        """For each parameter: its place in the gradient, rows, their length, place in a share's gradients, its next row."""
        return np.array(self._sums, np.int64).reshape(-1, 5)

    @property
    def ones(self) -> slice:
        """What has to hold ones."""
        return slice(self._ones, self._ones + self._lanes) if self._learns else slice(0)

    # Forward

    def _go_forward(self, index: int) -> None:
        link, x = self._links[index], self._volumes[index]
        others = (
            each for each in self._links[index + 1 :] if not isinstance(each, Activation) or not each.in_place
        )
        following = next(others, None)  # that reads this volume last, through what is done in place
        if isinstance(link, Activation) and link.in_place:
            y = x
        else:
            y = self._memory.volume(link.target, _border(following))
        self._volumes.append(y)
        if isinstance(link, Product):
            self._product(index, link, x, y)
        elif isinstance(link, Pool):
            self._winners[index] = self._memory.take(int(np.prod(link.target))) if link.divisor < 0 else _NONE
            row = [
                y.at,
                y.row,
                x.at,
                x.row,
                *link.source,
                *link.target[:2],
                *link.kernel,
                *link.stride,
                *link.padding,
            ]
            self._forward.append((pools.pool, [*row, link.divisor, self._winners[index]], (link.slope,)))
        elif isinstance(link, Activation):
            row = [y.at, y.row, x.at, x.row, x.shape[0], x.length]
            self._forward.append((link.function, row, link.options))
        elif isinstance(link, Dropout):
            mask = self._winners[index] = self._memory.take(x.shape[0] * x.row // self._lanes)
            row = [y.at, y.row, mask, x.at, x.row, x.shape[0], x.length // self._lanes, link.index]
            self._forward.append((elements.drop, row, (link.probability,)))

    def _product(self, index: int, link: Product, x: Place, y: Place) -> None:
        weights, bias = self._parameters(link)
        (tall, wide), (down, across) = link.window.kernel, link.window.stride
        first = x.at - link.window.padding.top * x.row - link.window.padding.left * x.cell
        rows, columns, filters = link.target
        winners = self._winners[index] = self._memory.take(rows * columns * filters) if link.pooled else _NONE
        if self._learns and suits(self._graph[link.node].layer, link):
            tiling = self._tilings[index] = Tiling(link, self._memory)
            self._once.append(tiling.once(weights.first, reaches=any(self._learning[:index])))
            self._forward += tiling.forward(y, x, _NONE if bias is None else bias.first, winners)
            return
        row = [y.at, y.row, y.cell, first, down * x.row, across * x.cell, tall, x.row, wide * link.source[2]]
        row += [weights.first, _NONE if bias is None else bias.first, filters, rows, columns, winners]
        self._forward.append((products.convolve, row, (link.slope,)))

    def _parameters(self, link: Product) -> tuple[Parameter, Parameter | None]:
        found = self._graph.parameters_of(self._graph[link.node])
        return found["weights"], found.get("bias")

    # Back

    def _go_back(self) -> None:
        memory, links = self._memory, self._links
        learning = self._learning
        earliest = learning.index(True) if any(learning) else len(links)
        self._ones = memory.take(1)
        longest = max(
            (_rounded(link.target[2], self._lanes) for link in links if isinstance(link, Product)), default=0
        )
        self._turned = memory.take(longest)
        self._take_sums(learning)
        d = memory.volume(links[-1].target)
        self._scores_gradient = d.at
        rectified = False
        for index in range(len(links) - 1, earliest - 1, -1):
            d, rectified = self._back_through(index, d, reaches=index > earliest, rectified=rectified)

    def _take_sums(self, learning: Sequence[bool]) -> None:
        """Room for the gradients that a group's vectors are summed to: of filters and of all biases."""
        self._sum_places: dict[str, int] = {}
        size = 0
        for link, learns in zip(self._links, learning, strict=True):
            if not (learns and isinstance(link, Product)):
                continue
            weights, bias = self._parameters(link)
            for each in (bias, None if link.is_dense else weights):
                if each is not None and each.trainable:
                    self._sum_places[each.name] = size
                    self._sums.append([each.first, 1, each.size, size, each.size])
                    size += _rounded(each.size, self._lanes)
        self._sums_size = self._partial = size
        self._sums_at = self._memory.take(size // self._lanes)

    def _back_through(self, index: int, d: Place, *, reaches: bool, rectified: bool) -> tuple[Place, bool]:
        """From the gradient of a link's output to that of its input, if it `reaches` that. `rectified`: whether the
        derivative of a rectifier that ends this link is in the gradient already; returned is the same of the link before.
        """
        link, x, y = self._links[index], self._volumes[index], self._volumes[index + 1]
        if _slope(link) != 1 and not rectified:
            self._function_back(elements.rectifier_back, d, d, y, y, (_slope(link),))
        before = _slope(self._links[index - 1]) if index else 1.0
        if isinstance(link, Product):
            return self._back_through_product(index, link, x, d, before, reaches), True
        if isinstance(link, Pool):
            target = self._gradient_of(index)
            # What won in a window is positive where the largest of it is.
            told = link.divisor < 0 and link.slope == 1
            self._pool_back(target, d, y, link.source, link, self._winners[index], before if told else 1.0)
            return target, told
        if isinstance(link, Activation):
            if link.back is elements.rectifier_back:
                return d, False
            target = self._gradient_of(index)
            self._function_back(link.back, target, d, y, x, link.options)
            return target, False
        assert isinstance(link, Dropout)
        row = [d.at, d.row, self._winners[index], x.row, x.at, x.row, x.shape[0], x.length]
        self._back.append((elements.drop_back, row, (link.probability, before)))
        return d, True

    def _function_back(
        self, back: Any, target: Place, d: Place, y: Place, x: Place, options: tuple[float, ...]
    ) -> None:
        row = [target.at, target.row, d.at, d.row, y.at, y.row, x.at, x.row, y.shape[0], y.length]
        self._back.append((back, row, options))

    def _gradient_of(self, index: int) -> Place:
        """Room for the gradient of a link's input. What a convolution's own gradient is told from has a cell of zeros on
        either side.
        """
        writer = next(
            (each for each in reversed(self._links[:index]) if not isinstance(each, (Activation, Dropout))),
            None,
        )
        border = (0, 0, 1, 1) if isinstance(writer, Product) and not writer.pooled else (0, 0, 0, 0)
        reader = self._links[index]
        if isinstance(reader, Product) and reader.is_dense:
            border = (0, 0, 0, 0)
        return self._memory.volume(self._volumes[index].shape, border)

    def _pool_back(
        self,
        target: Place,
        d: Place,
        y: Place,
        source: Sequence[int],
        pool: Pool | Product,
        winners: int,
        slope: float,
    ) -> None:
        if isinstance(pool, Pool):
            terms = [*pool.kernel, *pool.stride, *pool.padding, pool.divisor]
        else:
            terms = [2, 2, 2, 2, 0, 0, 0, 0, -1]
        row = [target.at, target.row, target.cell, target.whole, target.size, d.at, d.row, y.at, y.row]
        row += [*source, *pool.target[:2], *terms, winners]
        self._back.append((pools.pool_back, row, (slope,)))

    def _back_through_product(
        self, index: int, link: Product, x: Place, d: Place, before: float, reaches: bool
    ) -> Place:
        """`before`: the slope of the rectifier that x has been through."""
        weights, bias = self._parameters(link)
        rows, columns, filters = link.target
        if bias is not None and bias.trainable:
            place = self._sums_at + self._sum_places[bias.name]
            row = [place, self._ones, 0, 0, 1, 0, 1, d.at, d.row, d.cell, filters, rows, columns]
            self._back.append((products.convolve_weights, row, ()))
        if link.is_dense:
            if weights.trainable:
                length = _rounded(filters, self._lanes)
                row = [self._partial, length, x.at, weights.shape[0], d.at, filters, self._turned]
                self._back.append((products.dense_weights, row, ()))
                self._sums.append([weights.first, weights.shape[0], filters, self._partial, length])
                self._partial += weights.shape[0] * length
            if not reaches:
                return d
            target = self._gradient_of(index)
            row = [target.at, 0, 0, 1, 1, weights.shape[0], d.at, 0, 0, 1, 1, filters, 1, 1, 1, 1, 0, 0]
            row += [weights.first, 1, x.at, 0, 0, 0, 0, filters]
            self._back.append((products.convolve_back, row, (before,)))
            return target
        if index in self._tilings:
            return self._back_through_tiles(index, weights, x, d, before, reaches)
        if link.pooled:
            border = (0, 0, 1, 1) if reaches else (0, 0, 0, 0)
            apart = self._memory.volume(link.filters_at, border)
            self._pool_back(
                apart, d, self._volumes[index + 1], link.filters_at, link, self._winners[index], 1.0
            )
            d = apart
        (tall, wide), (down, across), padding = link.window.kernel, link.window.stride, link.window.padding
        if weights.trainable:
            first = x.at - padding.top * x.row - padding.left * x.cell
            row = [
                self._sums_at + self._sum_places[weights.name],
                first,
                down * x.row,
                across * x.cell,
                tall,
                x.row,
            ]
            row += [wide * link.source[2], d.at, d.row, d.cell, filters, *d.shape[:2]]
            self._back.append((products.convolve_weights, row, ()))
        if not reaches:
            return d
        target = self._gradient_of(index)
        row = [target.at, target.row, target.cell, *link.source, d.at, d.row, d.cell, *d.shape]
        row += [tall, wide, down, across]
        row += [padding.top, padding.left, weights.first, 1 if d.is_flat else 2, x.at, x.row, x.cell]
        channel = link.source[2] * filters
        self._back.append((products.convolve_back, [*row, wide * channel, channel, filters], (before,)))
        return target

    def _back_through_tiles(
        self, index: int, weights: Parameter, x: Place, d: Place, before: float, reaches: bool
    ) -> Place:
        tiling = self._tilings[index]
        self._back += tiling.back(d, self._winners[index], reaches=reaches)
        if weights.trainable:
            self._back += tiling.to_weights(self._sums_at + self._sum_places[weights.name])
        if not reaches:
            return d
        target = self._gradient_of(index)
        self._back += tiling.to_inputs(target, x, before)
        return target


def _slope(link: Link) -> float:
    """The slope of the rectifier that a link ends with; 1 without one."""
    if isinstance(link, (Product, Pool)):
        return link.slope
    if isinstance(link, Activation) and link.back is elements.rectifier_back:
        return link.options[0]
    return 1.0


def _border(link: Link | None) -> tuple[int, int, int, int]:
    """The zeros that a link reads around its input: top, bottom, left, right."""
    if not isinstance(link, Product) or link.is_dense:
        return 0, 0, 0, 0
    padding, (tall, wide), (down, across) = link.window.padding, link.window.kernel, link.window.stride
    height, width, _ = link.source
    rows, columns, _ = link.filters_at
    bottom = (rows - 1) * down + tall - padding.top - height
    right = (columns - 1) * across + wide - padding.left - width
    return padding.top, max(bottom, 0), padding.left, max(right, 0)


def _rounded(count: int, lanes: int) -> int:
    """Up to whole vectors."""
    return -(-count // lanes) * lanes


def _table(rows: Sequence[Row], dtype: np.dtype[Any]) -> tuple[Any, Any]:
    steps, numbers = np.zeros((len(rows), COLUMNS), np.int64), np.zeros((len(rows), 2))
    for place, (function, whole, others) in enumerate(rows):
        steps[place, 0] = address_of_step(function, dtype)
        steps[place, 1 : 1 + len(whole)] = whole
        numbers[place, : len(others)] = others
    return steps, numbers
