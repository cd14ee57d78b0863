"""What a chain is made of: one link for each step forward, from the pixels to the scores, told from a program's list."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from ...graph import Graph
from ...ops import activations, convolution, dense, dropout, joins, pixels, pooling
from ...ops.chain import elements
from ...ops.geometry import Window
from ...ops.operands import Operand, Step
from ..rewrites import Rewrites

Volume = tuple[int, int, int]
"""(H, W, C); what is flat is (1, 1, D)."""


@dataclass(frozen=True)
class Link:
    """One step on one group of pictures, from `source` to `target` (both H, W, C)."""

    node: str
    source: Volume
    target: Volume


@dataclass(frozen=True)
class Product(Link):
    """A convolution, or a dense layer as one whose filters are as large as its input; with `pooled`, its largest outputs of
    each 2x2.
    """

    window: Window
    slope: float
    is_dense: bool = False
    pooled: bool = False

    @property
    def filters_at(self) -> Volume:
        """(P, Q, K) before pooling."""
        rows, columns, filters = self.target
        if not self.pooled:
            return self.target
        rows, columns = self.window.output_size(*self.source[:2])
        return rows, columns, filters


@dataclass(frozen=True)
class Pool(Link):
    """A pool; `divisor` of a sum as `ops.pooling` has it, below 0 of a maximum."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    divisor: int
    slope: float


@dataclass(frozen=True)
class Activation(Link):
    """A function of each number, as the steps forward and back; `in_place`: its output lies where its input did."""

    function: Any
    back: Any
    options: tuple[float, ...]
    in_place: bool


@dataclass(frozen=True)
class Dropout(Link):
    """Numbers left out in training; `index` is the layer's own."""

    index: int
    probability: float


_ACTIVATIONS = {
    activations.leaky_relu_forward: (elements.rectifier, elements.rectifier_back),
    activations.tanh_forward: (elements.tanh, elements.tanh_back),
    activations.sigmoid_forward: (elements.sigmoid, elements.sigmoid_back),
    activations.clip_forward: (elements.clip, elements.clip_back),
}


def links_of(graph: Graph, steps: Iterable[Step], rewrites: Rewrites) -> list[Link] | None:
    """The links of steps forward, of which the first is the pixels'; None where a step is no link of a chain."""
    first, *others = steps
    if first.kernel is not pixels.forward:
        return None
    here = _named(first)["y"]
    shape: Volume = here.shape[1:]
    links: list[Link] = []
    for step in others:
        if step.kernel is None:
            return None
        given = _named(step)
        is_copy = step.kernel is joins.copy  # dropout where nothing is learned
        if not is_copy and not {"x", "y"} <= set(given):
            return None
        source, target = step.arguments[1::-1] if is_copy else (given["x"], given["y"])
        if rewrites.root(source.storage.key) != rewrites.root(here.storage.key):
            return None
        if is_copy:
            here = target
            continue
        in_place = rewrites.root(target.storage.key) == rewrites.root(source.storage.key)
        link = _link(graph, step, given, shape, in_place)
        if link is None:
            return None
        links.append(link)
        here, shape = target, link.target
    return _with_pools(links)


def _link(graph: Graph, step: Step, given: dict[str, Any], shape: Volume, in_place: bool) -> Link | None:
    kernel, node = step.kernel, step.node
    target = given["y"]
    flat: Volume = (1, 1, math.prod(shape))
    if kernel is convolution.forward and target.ndim == 4:
        window, chosen = given["window"], given["algorithm"]
        if chosen not in ("im2col", "lanes") or given["groups"] != 1 or window.dilation != (1, 1):
            return None
        return Product(node, shape, target.shape[1:], window, given["slope"])
    if kernel is dense.forward:
        outputs = (1, 1, target.shape[1])
        return Product(node, flat, outputs, Window(kernel=(1, 1)), given["slope"], is_dense=True)
    if kernel in (pooling.max_forward, pooling.sum_forward):
        options = given["kernel"], given["stride"], given["padding"], given.get("divisor", -1), given["slope"]
        return Pool(node, shape, target.shape[1:], *options)
    if kernel in _ACTIVATIONS:
        numbers = tuple(given[name] for name in ("slope", "low", "high") if name in given)
        return Activation(node, shape, shape, *_ACTIVATIONS[kernel], numbers, in_place)
    if kernel is dropout.forward:
        return Dropout(node, shape, shape, given["index"], given["probability"])
    return None


def _with_pools(links: list[Link]) -> list[Link]:
    """2x2 maxima of what a convolution puts out are found while its sums are in registers."""
    found: list[Link] = []
    for link in links:
        before = found[-1] if found else None
        if isinstance(link, Pool) and isinstance(before, Product) and _pooled_together(before, link):
            slope = before.slope if link.slope == 1 else link.slope
            found[-1] = replace(before, target=link.target, slope=slope, pooled=True)
        else:
            found.append(link)
    return found


def _pooled_together(product: Product, pool: Pool) -> bool:
    rows, columns = product.target[:2]
    return (
        not (product.is_dense or product.pooled)
        and pool.divisor < 0
        and pool.kernel == pool.stride == (2, 2)
        and not any(pool.padding)
        and (2 * pool.target[0] <= rows and 2 * pool.target[1] <= columns)
        and 1 in (product.slope, pool.slope)
    )


def _named(step: Step) -> dict[str, Any]:
    assert step.kernel is not None
    return dict(zip(step.kernel.parameters, step.arguments, strict=True))


__all__ = ["Activation", "Dropout", "Link", "Operand", "Pool", "Product", "Volume", "links_of"]
